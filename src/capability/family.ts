/**
 * What a token says of its family: from claims to what the other rooms read, and whether those claims agree with each
 * other. They are ours under our signature; one that says of itself what issuing never says opens nothing all the same.
 */
import type {
  ActClaim,
  AuthorizationDetail,
  Capability,
  CapabilityClaims,
  Delegation,
  HeldDetail,
} from "./claims.ts";

type FamilyClaims = Pick<
  CapabilityClaims,
  "jti" | "iat" | "authorization_details" | "del_depth" | "del_max_depth" | "act" | "par_hash" | "ancestors"
>;

export function isCoherentFamily(claims: FamilyClaims): boolean {
  const { jti, iat, authorization_details: details, ancestors = [] } = claims;
  const { del_depth: depth = 0, del_max_depth: maxDepth = 0 } = claims;
  const issued = [...ancestors.map((ancestor) => ancestor.iat), iat];
  return (
    depth <= maxDepth &&
    ancestors.length === depth &&
    actorsOf(claims.act).length === depth &&
    (claims.par_hash !== undefined) === depth > 0 &&
    new Set([jti, ...ancestors.map((ancestor) => ancestor.jti)]).size === depth + 1 &&
    issued.every((seconds, index) => index === 0 || (issued[index - 1] ?? 0) <= seconds) &&
    ancestors.every(
      ({ authorization_details: outer }) => outer === undefined || outer.length === details?.length,
    )
  );
}

export const delegationOf = ({ del_max_depth, act, ancestors = [] }: FamilyClaims): Delegation => ({
  maxDepth: del_max_depth ?? 0,
  actors: actorsOf(act),
  ancestors: ancestors.map(({ jti, root_jti, iat }) => ({
    tokenId: jti,
    rootTokenId: root_jti ?? jti,
    rootIssuedAtSeconds: iat,
  })),
});

/** The token's own details, each inside those of its ancestors. Null = all that the policies grant. */
export function heldDetails({
  authorization_details: details,
  ancestors = [],
}: FamilyClaims): readonly HeldDetail[] | null {
  if (details === undefined) return null;
  return details.map((detail, index) => {
    const within = ancestors.flatMap(({ jti, root_jti, authorization_details: outer }) => {
      const around = outer?.[index];
      return around === undefined ? [] : [{ rootTokenId: root_jti ?? jti, detail: around }];
    });
    return within.length === 0 ? detail : { ...detail, within };
  });
}

/** A detail, and all that it stands inside. */
export const lineageOf = (held: HeldDetail): readonly AuthorizationDetail[] => [
  held,
  ...(held.within ?? []).map(({ detail }) => detail),
];

/** Issued before a moment is whatever comes of a token that was issued before it. */
export const firstIssuedSeconds = ({
  rootIssuedAtSeconds,
  delegation,
}: Pick<Capability, "rootIssuedAtSeconds" | "delegation">): number =>
  Math.min(rootIssuedAtSeconds, ...delegation.ancestors.map((ancestor) => ancestor.rootIssuedAtSeconds));

/** RFC 8693, section 4.1. @param actors the present one first. */
export const actClaimOf = (actors: Delegation["actors"]): ActClaim | undefined =>
  actors.reduceRight<ActClaim | undefined>(
    (act, sub) => (act === undefined ? { sub } : { sub, act }),
    undefined,
  );

function actorsOf(act: ActClaim | undefined): Delegation["actors"] {
  const actors: ActClaim["sub"][] = [];
  for (let here = act; here !== undefined; here = here.act) actors.push(here.sub);
  return actors;
}
