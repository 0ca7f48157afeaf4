// An agent, two key rings and a forger: whatever an attacker (or our own key, misused) could put into three segments.
import { exportJWK, generateKeyPair } from "jose";
import { Agent } from "../../../src/capability/agent.ts";
import type { Capability } from "../../../src/capability/claims.ts";
import { issueToken, type TokenOrder } from "../../../src/capability/issue-token.ts";
import { importKeyRing, type KeyRing } from "../../../src/capability/key-ring.ts";
import { createTokenVerifier, type TokenVerifier } from "../../../src/capability/verify-token.ts";
import { toBase64Url, utf8Bytes } from "../../../src/kernel/encoding.ts";
import { ApiKeyId, TokenId } from "../../../src/kernel/ids.ts";
import type { Result } from "../../../src/kernel/result.ts";
import { homeNames } from "../../../src/residency/home.ts";

export const ISSUER = "https://gateway.test";
export const AUDIENCE = "https://gateway.test/api";
/** The gateway of these tests, as a verifier is told of it. */
export const here = { issuer: ISSUER, audience: AUDIENCE, homes: homeNames };
export const NOW_SECONDS = 1_790_000_000;
export const NOW_MS = NOW_SECONDS * 1_000;

export const agent = Agent.parse({
  id: `agent_${"0".repeat(31)}1`,
  tenantId: "tenant-a",
  name: "Reporter",
  description: "",
  metadata: {},
  roles: ["analyst"],
  status: "active",
  classification: "internal",
  version: 3,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
});
export const tokenId = TokenId.parse(`token_${"0".repeat(31)}2`);

export interface PrivateJwk {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly d: string;
}

export async function newPrivateJwk(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty = "", crv = "", x = "", d = "" } = await exportJWK(privateKey);
  return { kty, crv, x, d };
}

export const jwksText = (...keys: readonly object[]): string => JSON.stringify({ keys });

/** The first key pair of RFC 8037, appendix A. */
export const rfc8037Jwk: PrivateJwk = {
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
};
export const RFC8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

export const keyRing: KeyRing = await importKeyRing(jwksText(rfc8037Jwk));
export const foreignRing: KeyRing = await importKeyRing(jwksText(await newPrivateJwk()));

export const order: TokenOrder = {
  signer: keyRing.signers[0],
  issuer: ISSUER,
  audience: AUDIENCE,
  agent,
  home: "eu",
  expiresInSeconds: 900,
  authorization: null,
  tokenId,
  mintedBy: ApiKeyId.parse(`key_${"0".repeat(31)}7`),
  maxDelegationDepth: 0,
  nowMs: NOW_MS,
};

export async function validToken(changes: Partial<TokenOrder> = {}): Promise<string> {
  const issued = await issueToken({ ...order, ...changes });
  if (!issued.ok) throw new Error(issued.error.message);
  return issued.value.token;
}

export const verifier: TokenVerifier = createTokenVerifier({ keyRing, ...here });

export const verdict = (result: Result<Capability>): string => (result.ok ? "accepted" : result.error.code);
export const verdictOf = async (token: string, nowMs = NOW_MS): Promise<string> =>
  verdict(await verifier.verify(token, nowMs));

export const goodHeader = { alg: "EdDSA", typ: "at+jwt", kid: keyRing.signers[0].keyId };
export const goodClaims = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: agent.id,
  client_id: agent.id,
  tid: agent.tenantId,
  home: "eu",
  roles: ["analyst"],
  classification: "internal",
  agent_version: 3,
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 900,
  jti: tokenId,
};

export const segment = (text: string): string => toBase64Url(utf8Bytes(text));

/** Signs any two texts as header and payload, with our own key unless told otherwise. */
export async function signTexts(header: string, payload: string, ring: KeyRing = keyRing): Promise<string> {
  return signSegments(segment(header), segment(payload), ring);
}

export async function signSegments(
  header: string,
  payload: string,
  ring: KeyRing = keyRing,
): Promise<string> {
  const input = `${header}.${payload}`;
  const signature = await crypto.subtle.sign("Ed25519", ring.signers[0].privateKey, utf8Bytes(input));
  return `${input}.${toBase64Url(new Uint8Array(signature))}`;
}

export const signHeader = (header: object): Promise<string> =>
  signTexts(JSON.stringify(header), JSON.stringify(goodClaims));
export const signClaims = (changes: object): Promise<string> =>
  signTexts(JSON.stringify(goodHeader), JSON.stringify({ ...goodClaims, ...changes }));
