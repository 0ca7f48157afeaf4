/**
 * The claims of a child token (RFC 8693). Each claim there is has its row, which says what becomes of it: one that is new
 * does not compile until somebody has decided how it passes from parent to child.
 */
import type { AgentId, TokenId } from "../kernel/ids.ts";
import { type AncestorClaim, type Capability, CapabilityClaims, type HeldDetail } from "./claims.ts";
import { actClaimOf } from "./family.ts";
import type { Thumbprint } from "./holder-key.ts";
import { ownOf, type PlacedDetail } from "./narrowed-details.ts";
import { priorKeysOf } from "./signed-by.ts";

export interface ChildOrder {
  readonly issuer: string;
  readonly audience: string;
  readonly parent: Capability;
  /** SHA-256 of the parent's signing input, in base64url. */
  readonly parentHash: string;
  readonly tokenId: TokenId;
  /** Who is to act with it. */
  readonly actor: AgentId;
  /** Whose proof each call with it needs; null = a bearer token. */
  readonly holderKey: Thumbprint | null;
  readonly details: readonly PlacedDetail[] | null;
  /** See `childLife`. */
  readonly life: TokenLife;
  /** How often it may be exchanged in turn. */
  readonly furtherDepth: number;
}

export interface TokenLife {
  readonly issuedAtSeconds: number;
  readonly expiresAtSeconds: number;
}

/** It ends with its parent at the latest. A parent may be dated a moment ahead, and no child is older than it. */
export function childLife(
  parent: Pick<Capability, "issuedAtSeconds" | "expiresAtSeconds">,
  expiresInSeconds: number,
  nowMs: number,
): TokenLife {
  const issuedAtSeconds = Math.max(Math.floor(nowMs / 1_000), parent.issuedAtSeconds);
  const expiresAtSeconds = Math.min(issuedAtSeconds + expiresInSeconds, parent.expiresAtSeconds);
  return { issuedAtSeconds, expiresAtSeconds };
}

const table: {
  readonly [K in keyof Required<CapabilityClaims>]: (order: ChildOrder) => CapabilityClaims[K];
} = {
  iss: ({ issuer }) => issuer,
  aud: ({ audience }) => audience,
  // The whole family is accounted to one principal and charged in one agent's ledger.
  sub: ({ parent }) => parent.principal,
  client_id: ({ parent }) => parent.agentId,
  tid: ({ parent }) => parent.tenantId,
  home: ({ parent }) => parent.home,
  // Fewer roles would not only be less: a deny may select by one.
  roles: ({ parent }) => [...parent.roles],
  classification: ({ parent }) => parent.classification,
  agent_version: ({ parent }) => parent.agentVersion,
  iat: ({ life }) => life.issuedAtSeconds,
  exp: ({ life }) => life.expiresAtSeconds,
  jti: ({ tokenId }) => tokenId,
  authorization_details: ({ details }) => details?.map(({ detail }) => ownOf(detail)),
  cnf: ({ holderKey }) => (holderKey === null ? undefined : { jkt: holderKey }),
  // A child begins a chain of its own, of one token: its holder asks its parent's for the next.
  root_jti: () => undefined,
  root_iat: () => undefined,
  refresh_until: () => undefined,
  end_user: ({ parent }) => parent.endUser ?? undefined,
  // Who had the root issued never approves what anybody of the family asks for.
  minted_by: ({ parent }) => parent.mintedBy ?? undefined,
  del_depth: ({ parent }) => depthOf(parent) + 1,
  del_max_depth: ({ parent, furtherDepth }) => depthOf(parent) + 1 + furtherDepth,
  act: ({ parent, actor }) => actClaimOf([actor, ...parent.delegation.actors]),
  par_hash: ({ parentHash }) => parentHash,
  ancestors: (order) => ancestorsOf(order),
  prior_keys: ({ parent }) => priorKeysOf(parent),
};

/** Throws only where the order is none that `narrowedDetails` and the depths of the parent allow. */
export const childClaims = (order: ChildOrder): CapabilityClaims =>
  CapabilityClaims.parse(Object.fromEntries(Object.entries(table).map(([name, of]) => [name, of(order)])));

export const depthOf = ({ delegation }: Pick<Capability, "delegation">): number =>
  delegation.ancestors.length;

function ancestorsOf({ parent, details }: ChildOrder): AncestorClaim[] {
  const { tokenId, rootTokenId, rootIssuedAtSeconds } = parent;
  const self = { tokenId, rootTokenId, rootIssuedAtSeconds };
  const around = (inside: HeldDetail, rootTokenId: TokenId) =>
    rootTokenId === self.rootTokenId
      ? ownOf(inside)
      : inside.within?.find((outer) => outer.rootTokenId === rootTokenId)?.detail;
  return [...parent.delegation.ancestors, self].map(({ tokenId, rootTokenId, rootIssuedAtSeconds }) => {
    const held = details?.flatMap(({ inside }) => (inside && around(inside, rootTokenId)) ?? []) ?? [];
    return {
      jti: tokenId,
      ...(rootTokenId === tokenId ? {} : { root_jti: rootTokenId }),
      iat: rootIssuedAtSeconds,
      ...(held.length === 0 ? {} : { authorization_details: held }),
    };
  });
}
