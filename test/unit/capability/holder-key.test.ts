// Which public keys an agent may register: those that only the holder of the private half can sign with.
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isEd25519PublicKey } from "../../../src/capability/ed25519-point.ts";
import { canBeHeld, canonicalKey, HolderKeyInput, thumbprintOf } from "../../../src/capability/holder-key.ts";
import { fromBase64Url, toBase64Url } from "../../../src/kernel/encoding.ts";
import { holders } from "./proof-fixture.ts";
import { RFC8037_THUMBPRINT, rfc8037Jwk } from "./token-fixture.ts";

const { EdDSA, ES256 } = holders;
const isTaken = (key: object) => HolderKeyInput.safeParse(key).success;

describe("the form", () => {
  it("is canonical, whatever tools add to it", () => {
    const exported = {
      ...EdDSA.publicKey,
      alg: "EdDSA",
      use: "sig",
      key_ops: ["verify"],
      ext: true,
      kid: "k",
    };
    expect(canonicalKey(HolderKeyInput.parse(exported))).toEqual(EdDSA.publicKey);
    expect(canonicalKey(HolderKeyInput.parse({ alg: "ES256", ...ES256.publicKey }))).toEqual(ES256.publicKey);
  });

  it.each<[what: string, key: object]>([
    ["a private member", { ...EdDSA.publicKey, d: rfc8037Jwk.d }],
    ["a private member of P-256", { ...ES256.publicKey, d: rfc8037Jwk.d }],
    ["a use for encryption", { ...EdDSA.publicKey, use: "enc" }],
    ["an operation for signing", { ...EdDSA.publicKey, key_ops: ["sign"] }],
    ["another algorithm", { ...EdDSA.publicKey, alg: "ES256" }],
    ["another curve", { ...ES256.publicKey, crv: "P-384" }],
    ["a curve for agreement", { ...EdDSA.publicKey, crv: "X25519" }],
    ["another kind", { kty: "RSA", n: "AQAB", e: "AQAB" }],
    ["a symmetric key", { kty: "oct", k: "AAAA" }],
    ["a short coordinate", { ...EdDSA.publicKey, x: "AAAA" }],
    ["padding", { ...EdDSA.publicKey, x: `${EdDSA.publicKey.x}=` }],
    ["a second spelling", { ...rfc8037Jwk, d: undefined, x: rfc8037Jwk.x.replace(/o$/, "p") }],
    ["half a point", { kty: "EC", crv: "P-256", x: ES256.publicKey.x }],
    ["a certificate", { ...EdDSA.publicKey, x5c: [] }],
  ])("with %s is refused", (_what, key) => {
    expect(isTaken(JSON.parse(JSON.stringify(key)))).toBe(false);
  });

  it("has the thumbprint of RFC 7638", async () => {
    const { kty, crv, x } = rfc8037Jwk;
    expect(await thumbprintOf(canonicalKey(HolderKeyInput.parse({ kty, crv, x })))).toBe(RFC8037_THUMBPRINT);
  });
});

describe("the point", () => {
  const ed25519 = (bytes: Uint8Array) => canBeHeld({ kty: "OKP", crv: "Ed25519", x: toBase64Url(bytes) });
  const littleEndian = (y: bigint) =>
    Uint8Array.from({ length: 32 }, (_, index) => Number((y >> BigInt(8 * index)) & 255n));
  const p = 2n ** 255n - 19n;
  const order8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

  it("of a real key is taken", async () => {
    for (const { publicKey } of [EdDSA, ES256]) expect(await canBeHeld(publicKey)).toBe(true);
    for (let count = 0; count < 20; count += 1) {
      const { x = "" } = createPublicKey(generateKeyPairSync("ed25519").privateKey).export({ format: "jwk" });
      expect(isEd25519PublicKey(fromBase64Url(x) ?? new Uint8Array())).toBe(true);
    }
  });

  it.each<[what: string, y: bigint]>([
    ["0", 0n],
    ["1", 1n],
    ["-1", p - 1n],
    ["order 8", order8],
    ["order 8, negative", p - order8],
    ["the field's order", p],
    ["one more", p + 1n],
    ["the largest number", 2n ** 255n - 1n],
    ["no point", 2n],
  ])("of Ed25519 with y of %s is refused, with either sign of x", async (_what, y) => {
    expect(await ed25519(littleEndian(y))).toBe(false);
    expect(await ed25519(littleEndian(y | (1n << 255n)))).toBe(false);
  });

  it("of P-256 that is not on the curve is refused", async () => {
    if (ES256.publicKey.kty !== "EC") throw new Error("The fixture's key is none of P-256.");
    const { x, y } = ES256.publicKey;
    expect(await canBeHeld({ ...ES256.publicKey, x: y, y: x })).toBe(false);
    const zero = toBase64Url(new Uint8Array(32));
    expect(await canBeHeld({ ...ES256.publicKey, x: zero, y: zero })).toBe(false);
  });

  it("is judged of any bytes, and never thrown on", () => {
    let points = 0;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 34 }), (bytes) => {
        expect([true, false]).toContain(isEd25519PublicKey(bytes));
      }),
      { numRuns: 200 },
    );
    for (const bytes of fc.sample(fc.uint8Array({ minLength: 32, maxLength: 32 }), 200))
      if (isEd25519PublicKey(bytes)) points += 1;
    // About half of all y belong to a point.
    expect(points).toBeGreaterThan(20);
    expect(points).toBeLessThan(180);
  });
});
