/**
 * From a token to its capability, or to one refusal per kind of failure. The order is part of the contract: form,
 * header, key, signature, issuer and audience, expiry, claims, life, home, clock. Nothing in an unverified token is
 * believed or repeated, and no input makes this throw. A token seen before costs a look-up, and is answered as if it
 * were verified anew: expiry, clock, the key's place in the ring and its state are judged on every call.
 */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { type RefusalCode, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { hasEnded } from "../kernel/timestamp.ts";
import {
  MAX_VERIFIED_TOKENS,
  TOKEN_CHAIN_MAX_SECONDS,
  TOKEN_CLOCK_SKEW_SECONDS,
  TOKEN_MAX_SECONDS,
} from "../kernel/token-limits.ts";
import type { Home } from "../residency/home.ts";
import { type Capability, CapabilityClaims } from "./claims.ts";
import { delegationOf, heldDetails, isCoherentFamily } from "./family.ts";
import type { KeyRing, VerificationKey } from "./key-ring.ts";
import { isWithdrawn, type WithdrawnKey } from "./key-states.ts";
import { parseToken, TOKEN_TYPE } from "./parse-token.ts";
import { arePriorKeysCoherent, signedByOf } from "./signed-by.ts";
import { createVerifiedTokens, type VerifiedToken } from "./verified-tokens.ts";

export interface TokenVerifier {
  verify(token: string, nowMs: number): Promise<Result<Capability>>;
}

interface TokenVerifierOptions {
  readonly keyRing: KeyRing;
  readonly issuer: string;
  readonly audience: string;
  /** Those that have their stores in this deployment. A token of another one opens nothing here. */
  readonly homes: readonly Home[];
  /**
   * As far as this isolate has heard. Admission judges by what is known for certain; here, a key that is known to be
   * stolen opens no ledger and no log any more.
   */
  readonly withdrawnKeys?: () => readonly WithdrawnKey[];
  /** How many verified tokens are remembered; with 0 every call verifies anew. */
  readonly maxVerifiedTokens?: number;
}

/** Any other error of jose contradicts what the strict reading has established, and is refused as malformed. */
const codeOfJoseError: Readonly<Record<string, RefusalCode>> = {
  [errors.JWSSignatureVerificationFailed.code]: "token_signature_invalid",
  [errors.JWTClaimValidationFailed.code]: "token_claims_invalid",
  [errors.JWTExpired.code]: "token_expired",
};

export function createTokenVerifier({
  keyRing,
  issuer,
  audience,
  homes,
  withdrawnKeys = () => [],
  maxVerifiedTokens = MAX_VERIFIED_TOKENS,
}: TokenVerifierOptions): TokenVerifier {
  const verifiedTokens = createVerifiedTokens(maxVerifiedTokens);

  async function verifiedPayload(
    token: string,
    key: VerificationKey,
    nowMs: number,
  ): Promise<Result<JWTPayload>> {
    try {
      const { payload } = await jwtVerify(token, key.publicKey, {
        algorithms: [key.algorithm],
        typ: TOKEN_TYPE,
        issuer,
        audience,
        currentDate: new Date(nowMs),
      });
      return ok(payload);
    } catch (error) {
      const code = error instanceof errors.JOSEError ? codeOfJoseError[error.code] : undefined;
      return fail(refuse(code ?? "token_malformed"));
    }
  }

  async function verifyAnew(token: string, nowMs: number): Promise<Result<VerifiedToken>> {
    const parsed = parseToken(token, keyRing.keys);
    if (!parsed.ok) return parsed;
    const { key } = parsed.value;
    const payload = await verifiedPayload(token, key, nowMs);
    if (!payload.ok) return payload;
    const claims = CapabilityClaims.safeParse(payload.value);
    if (!claims.success || !isCoherent(claims.data, key)) return fail(refuse("token_claims_invalid"));
    if (!homes.includes(claims.data.home)) return fail(refuse("token_home_unknown"));
    return ok({ key, capability: capabilityOf(claims.data, key.keyId) });
  }

  /** Undefined also when its key has left the ring or was replaced there: the full verification has the answer. */
  function verifiedBefore(token: string): VerifiedToken | undefined {
    const known = verifiedTokens.find(token);
    return known !== undefined && keyRing.keys.get(known.key.keyId) === known.key ? known : undefined;
  }

  /** All that may change after a token was verified. */
  const judgedNow = (capability: Capability, nowMs: number): Result<Capability> =>
    isWithdrawn(capability, withdrawnKeys())
      ? fail(refuse("token_key_withdrawn"))
      : judgedByClock(capability, nowMs);

  return {
    async verify(token, nowMs) {
      const known = verifiedBefore(token);
      if (known !== undefined) return judgedNow(known.capability, nowMs);
      const verified = await verifyAnew(token, nowMs);
      if (!verified.ok) return verified;
      const judged = judgedNow(verified.value.capability, nowMs);
      if (judged.ok) verifiedTokens.remember(token, verified.value);
      return judged;
    },
  };
}

/** All that time alone decides. jose has seen to the expiry of a token verified just now, nobody to one seen before. */
function judgedByClock(capability: Capability, nowMs: number): Result<Capability> {
  const nowSeconds = Math.floor(nowMs / 1_000);
  // Written so that a clock that tells no number expires everything.
  if (!(nowSeconds < capability.expiresAtSeconds)) return fail(refuse("token_expired"));
  if (capability.issuedAtSeconds > nowSeconds + TOKEN_CLOCK_SKEW_SECONDS) {
    return fail(refuse("token_not_yet_valid"));
  }
  return ok(capability);
}

/**
 * A life that issuing never gives, a date after the key's end, or a principal other than the agent is not ours even under
 * our signature. So an hour after its end a key opens nothing, also where it was stolen and never taken out.
 */
function isCoherent(claims: CapabilityClaims, key: VerificationKey): boolean {
  const { iat, exp, sub, client_id } = claims;
  const lifeSeconds = exp - iat;
  const isBeforeEnd = !hasEnded(key.endsAt, iat * 1_000);
  const isLifeOurs = lifeSeconds > 0 && lifeSeconds <= TOKEN_MAX_SECONDS;
  return (
    isLifeOurs &&
    isBeforeEnd &&
    sub === client_id &&
    isChainCoherent(claims) &&
    isCoherentFamily(claims) &&
    arePriorKeysCoherent(claims)
  );
}

/**
 * Only what may be refreshed has a chain, of which this is not its own first, and which it does not outlast. No child is:
 * its holder asks for the next.
 */
function isChainCoherent(claims: CapabilityClaims): boolean {
  const { iat, exp, jti, root_jti, root_iat, refresh_until, ancestors } = claims;
  if ((root_iat === undefined) !== (root_jti === undefined)) return false;
  if (refresh_until === undefined) return root_jti === undefined;
  if (ancestors !== undefined) return false;
  const beganSeconds = root_iat ?? iat;
  const isChainLifeOurs = exp <= refresh_until && refresh_until - beganSeconds <= TOKEN_CHAIN_MAX_SECONDS;
  return root_jti !== jti && beganSeconds <= iat && isChainLifeOurs;
}

const capabilityOf = (claims: CapabilityClaims, keyId: string): Capability => ({
  tokenId: claims.jti,
  signedBy: signedByOf(claims, keyId),
  tenantId: claims.tid,
  home: claims.home,
  agentId: claims.client_id,
  agentVersion: claims.agent_version,
  principal: claims.sub,
  roles: claims.roles,
  classification: claims.classification,
  issuedAtSeconds: claims.iat,
  expiresAtSeconds: claims.exp,
  authorization: heldDetails(claims),
  mintedBy: claims.minted_by ?? null,
  delegation: delegationOf(claims),
  holderKey: claims.cnf?.jkt ?? null,
  rootTokenId: claims.root_jti ?? claims.jti,
  rootIssuedAtSeconds: claims.root_iat ?? claims.iat,
  refreshUntilSeconds: claims.refresh_until ?? null,
  endUser: claims.end_user ?? null,
});
