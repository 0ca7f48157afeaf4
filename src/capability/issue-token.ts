/**
 * Issuing: an agent's state at this moment, signed. What leaves here is exactly what the verifier accepts: claims
 * pass the same schema, and a token longer than the gateway reads is refused to whoever asks for it, not to
 * whoever uses it.
 */
import { SignJWT } from "jose";
import { SECOND_MS } from "../kernel/clock.ts";
import type { ApiKeyId, TokenId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { MAX_TOKEN_BYTES, TOKEN_MAX_SECONDS } from "../kernel/token-limits.ts";
import type { Home } from "../residency/home.ts";
import type { Agent } from "./agent.ts";
import { type AuthorizationDetail, type Capability, CapabilityClaims } from "./claims.ts";
import type { SigningKey } from "./ed25519-keys.ts";
import { type Thumbprint, thumbprintOf } from "./holder-key.ts";
import { TOKEN_TYPE } from "./parse-token.ts";
import { priorKeysOf } from "./signed-by.ts";

export interface TokenOrder {
  /** The one that signs at this moment (current-signer.ts). */
  readonly signer: SigningKey;
  readonly issuer: string;
  readonly audience: string;
  readonly agent: Agent;
  /** The home of the agent's tenant: signed, so that the hot path needs no look-up. */
  readonly home: Home;
  readonly expiresInSeconds: number;
  /** Null = all that the policies grant. */
  readonly authorization: readonly AuthorizationDetail[] | null;
  readonly tokenId: TokenId;
  /** The API key that asks for it, or asked for the first of its chain; null = not stated. */
  readonly mintedBy: ApiKeyId | null;
  /** Salted hash; null = calls may name one. */
  readonly endUser?: string | null;
  /** Null = it may not be refreshed. */
  readonly refreshUntilSeconds?: number | null;
  /** The token that it is refreshed from: it goes on with that one's chain. */
  readonly refreshes?: Pick<Capability, "rootTokenId" | "rootIssuedAtSeconds" | "signedBy"> | null;
  /** How often it may be exchanged, one child after another; 0 = it cannot be. */
  readonly maxDelegationDepth?: number;
  readonly nowMs: number;
}

export interface IssuedToken {
  readonly token: string;
  /** RFC 9449, section 5: how it is presented, which is not for whoever asks for it to choose. */
  readonly tokenType: "Bearer" | "DPoP";
  readonly tokenId: TokenId;
  readonly expiresAt: Timestamp;
  /** Null = it may not be refreshed. */
  readonly refreshUntil: Timestamp | null;
}

export async function issueToken(order: TokenOrder): Promise<Result<IssuedToken>> {
  const { signer, expiresInSeconds } = order;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > TOKEN_MAX_SECONDS) {
    const message = `A token lives 1 to ${TOKEN_MAX_SECONDS} whole seconds.`;
    return fail(refuse("meaningless", { field: "expiresIn", message }));
  }
  const { publicKey } = order.agent;
  return signedToken(signer, claimsOf(order, publicKey && (await thumbprintOf(publicKey))));
}

/** @param claims parsed by their schema: nothing is signed here that would not verify. */
export async function signedToken(
  { keyId, algorithm, privateKey }: SigningKey,
  claims: CapabilityClaims,
): Promise<Result<IssuedToken>> {
  const token = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: algorithm, typ: TOKEN_TYPE, kid: keyId })
    .sign(privateKey);
  if (token.length > MAX_TOKEN_BYTES) {
    const message = `The token would exceed ${MAX_TOKEN_BYTES} bytes; name fewer roles, locations or constraints.`;
    return fail(refuse("meaningless", { message }));
  }
  return ok({
    token,
    tokenType: claims.cnf === undefined ? "Bearer" : "DPoP",
    tokenId: claims.jti,
    expiresAt: timestampOf(claims.exp * SECOND_MS),
    refreshUntil: claims.refresh_until === undefined ? null : timestampOf(claims.refresh_until * SECOND_MS),
  });
}

/** Throws only when an agent or an authorization was not parsed before it came here. */
function claimsOf(order: TokenOrder, holderKey: Thumbprint | null): CapabilityClaims {
  const { agent, authorization, expiresInSeconds, mintedBy, nowMs } = order;
  const { endUser = null, refreshUntilSeconds = null, refreshes = null, maxDelegationDepth = 0 } = order;
  const issuedAtSeconds = Math.floor(nowMs / 1_000);
  return CapabilityClaims.parse({
    iss: order.issuer,
    aud: order.audience,
    sub: agent.id,
    client_id: agent.id,
    tid: agent.tenantId,
    home: order.home,
    roles: agent.roles,
    classification: agent.classification,
    agent_version: agent.version,
    iat: issuedAtSeconds,
    exp: issuedAtSeconds + expiresInSeconds,
    jti: order.tokenId,
    ...(authorization === null ? {} : { authorization_details: authorization }),
    ...(mintedBy === null ? {} : { minted_by: mintedBy }),
    ...(holderKey === null ? {} : { cnf: { jkt: holderKey } }),
    ...(refreshes === null ? {} : chainClaimsOf(refreshes)),
    ...(refreshUntilSeconds === null ? {} : { refresh_until: refreshUntilSeconds }),
    ...(endUser === null ? {} : { end_user: endUser }),
    ...(maxDelegationDepth === 0 ? {} : { del_depth: 0, del_max_depth: maxDelegationDepth }),
  });
}

const chainClaimsOf = (
  refreshes: NonNullable<TokenOrder["refreshes"]>,
): Pick<CapabilityClaims, "root_jti" | "root_iat" | "prior_keys"> => ({
  root_jti: refreshes.rootTokenId,
  root_iat: refreshes.rootIssuedAtSeconds,
  prior_keys: priorKeysOf(refreshes),
});
