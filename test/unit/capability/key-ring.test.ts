import { describe, expect, it } from "vitest";
import { importKeyRing, publicJwks } from "../../../src/capability/key-ring.ts";
import { signerOf } from "../../../src/capability/key-states.ts";
import { jwksText, newPrivateJwk, RFC8037_THUMBPRINT, rfc8037Jwk } from "./token-fixture.ts";

const { kty, crv, x, d } = rfc8037Jwk;
const other = await newPrivateJwk();

describe("importKeyRing", () => {
  it("names a key by its RFC 7638 thumbprint", async () => {
    const ring = await importKeyRing(jwksText(rfc8037Jwk));
    expect(ring.signers[0].keyId).toBe(RFC8037_THUMBPRINT);
  });

  it("signs with the first key and verifies with all", async () => {
    const ring = await importKeyRing(jwksText(other, rfc8037Jwk));
    expect(ring.keys.size).toBe(2);
    expect(ring.signers[0].keyId).not.toBe(RFC8037_THUMBPRINT);
    expect([...ring.keys.keys()]).toEqual([ring.signers[0].keyId, RFC8037_THUMBPRINT]);
  });

  it("keeps the private key where nobody can export it", async () => {
    const ring = await importKeyRing(jwksText(rfc8037Jwk));
    expect(ring.signers[0].privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey("jwk", ring.signers[0].privateKey)).rejects.toThrow();
  });

  it("takes an end from a key, and lets the first sign whose end has not come", async () => {
    const endSeconds = 1_800_000_000;
    const endMs = endSeconds * 1_000;
    const [first, second, third] = [
      { ...other, exp: endSeconds },
      { ...rfc8037Jwk, exp: endSeconds + 1 },
      await newPrivateJwk(),
    ];
    const ring = await importKeyRing(jwksText(first, second, third));
    expect(ring.signers.map(({ endsAt }) => endsAt)).toEqual([
      "2027-01-15T08:00:00.000Z",
      "2027-01-15T08:00:01.000Z",
      null,
    ]);
    const signer = (nowMs: number) =>
      ring.signers.map(({ keyId }) => keyId).indexOf(signerOf(ring, [], nowMs)?.keyId ?? "none");
    expect([0, endMs - 1, endMs, endMs + 999, endMs + 1_000, Number.NaN].map(signer)).toEqual([
      0, 0, 1, 1, 2, 2,
    ]);
    const ended = await importKeyRing(jwksText(first, second));
    expect(signerOf(ended, [], endMs + 1_000)).toBeUndefined();
    expect(ended.keys.size).toBe(2);
  });

  const flawed: readonly [name: string, text: string][] = [
    ["nothing", ""],
    ["no JSON", `{"keys":[${d}`],
    ["a string", JSON.stringify(d)],
    ["no keys member", JSON.stringify(rfc8037Jwk)],
    ["an empty set", jwksText()],
    ["a further member of the set", JSON.stringify({ keys: [rfc8037Jwk], [d]: 1 })],
    ["the same key twice", jwksText(rfc8037Jwk, rfc8037Jwk)],
    ["a public key", jwksText({ kty, crv, x })],
    ["a key with a kid of its own", jwksText({ ...rfc8037Jwk, kid: "mine" })],
    ["a key for encryption", jwksText({ ...rfc8037Jwk, use: "enc" })],
    ["a member named like the secret", jwksText({ ...rfc8037Jwk, [d]: d })],
    ["an end in milliseconds", jwksText({ ...rfc8037Jwk, exp: 1_800_000_000_000 })],
    ["an end that is a text", jwksText({ ...rfc8037Jwk, exp: "2027-01-15T08:00:00.000Z" })],
    ["a fraction of an end", jwksText({ ...rfc8037Jwk, exp: 1_800_000_000.5 })],
    ["an end before the epoch", jwksText({ ...rfc8037Jwk, exp: 0 })],
    ["another curve", jwksText({ ...rfc8037Jwk, crv: "X25519" })],
    ["a P-256 key", jwksText({ kty: "EC", crv: "P-256", x, y: x, d })],
    ["a symmetric key", jwksText({ kty: "oct", k: d })],
    ["a short private half", jwksText({ ...rfc8037Jwk, d: d.slice(0, 42) })],
    ["a padded private half", jwksText({ ...rfc8037Jwk, d: `${d}=` })],
    ["a non-canonical private half", jwksText({ ...rfc8037Jwk, d: `${d.slice(0, 42)}B` })],
    ["the public half of another key", jwksText({ ...rfc8037Jwk, x: other.x })],
    ["a good key and a flawed one", jwksText(rfc8037Jwk, { ...other, d: x })],
  ];

  it.each(flawed)("refuses %s without a word of the secret", async (_name, text) => {
    const error = await importKeyRing(text).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    if (!(error instanceof Error)) return;
    expect(error.message).toMatch(/signing keys/);
    expect(error.cause).toBeUndefined();
    for (const secret of [d, other.d]) {
      expect(`${error.message} ${error.stack}`).not.toContain(secret.slice(0, 8));
    }
  });
});

describe("publicJwks", () => {
  it("shows exactly the public members", async () => {
    const ring = await importKeyRing(jwksText({ ...rfc8037Jwk, exp: 1 }, other));
    const jwks = publicJwks(ring, []);
    expect(jwks[0]).toEqual({ kty, crv, x, kid: RFC8037_THUMBPRINT, alg: "EdDSA", use: "sig" });
    expect(jwks).toHaveLength(2);
    expect(JSON.stringify(jwks)).not.toContain(d);
    expect(JSON.stringify(jwks)).not.toContain(other.d);
  });
});
