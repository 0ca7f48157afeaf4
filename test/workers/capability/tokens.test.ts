// The same verdicts in workerd, whose Ed25519 is not Node's.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { importKeyRing, publicJwks } from "../../../src/capability/key-ring.ts";
import { fromBase64Url, toBase64Url } from "../../../src/kernel/encoding.ts";
import {
  jwksText,
  newPrivateJwk,
  rfc8037Jwk,
  signTexts,
  validToken,
  verdictOf,
} from "../../unit/capability/token-fixture.ts";

it("imports the configured keys and publishes only their public half", async () => {
  const ring = await importKeyRing(env.SIGNING_KEYS);
  expect(publicJwks(ring, []).slice(0, 1)).toEqual([
    { kty: "OKP", crv: "Ed25519", x: rfc8037Jwk.x, kid: ring.signers[0].keyId, alg: "EdDSA", use: "sig" },
  ]);
  expect(ring.signers[0].privateKey.extractable).toBe(false);
});

it("refuses a key whose halves do not belong together", async () => {
  const other = await newPrivateJwk();
  await expect(importKeyRing(jwksText({ ...rfc8037Jwk, x: other.x }))).rejects.toThrow(
    /not an Ed25519 key pair/,
  );
});

it("accepts what it issued, until it expires", async () => {
  const token = await validToken();
  expect(await verdictOf(token)).toBe("accepted");
  expect(await verdictOf(token, Number.MAX_SAFE_INTEGER / 2)).toBe("token_expired");
});

it.each([
  ["zeros", () => new Uint8Array(64)],
  ["a small-order R with S = 0", () => new Uint8Array(64).fill(1, 0, 1)],
  ["S + L", withLargerS],
  ["one bit changed", (bytes: Uint8Array) => bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte))],
])("refuses a signature of %s", async (_name, change) => {
  const [header, payload, signature = ""] = (await validToken()).split(".");
  const forged = toBase64Url(change(fromBase64Url(signature) ?? new Uint8Array()));
  expect(await verdictOf(`${header}.${payload}.${forged}`)).toBe("token_signature_invalid");
});

it("refuses our signature on what is no capability", async () => {
  expect(await verdictOf(await signTexts('{"alg":"EdDSA"}', "{}"))).toBe("token_header_invalid");
});

/** The same signature to a verifier that does not check S < L, the order of the group. */
function withLargerS(signature: Uint8Array): Uint8Array {
  let s = 2n ** 252n + 27742317777372353535851937790883648493n;
  for (let index = 0; index < 32; index += 1) s += BigInt(signature[32 + index] ?? 0) << BigInt(8 * index);
  return signature.map((byte, index) => (index < 32 ? byte : Number((s >> BigInt(8 * (index - 32))) & 255n)));
}
