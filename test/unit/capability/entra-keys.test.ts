// The keys that sign assertions for Entra: RSA of 2048 bits or more, read strictly, and nothing of them told.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { entraIssuerOf } from "../../../src/capability/entra-issuer.ts";
import { importEntraKeys } from "../../../src/capability/entra-keys.ts";
import { testEntraJwk } from "../../entra-keys-fixture.ts";
import { jwksText, rfc8037Jwk } from "./token-fixture.ts";

const { kty, n, e, d, qi } = testEntraJwk;
const ofBits = (modulusLength: number) => {
  const made = generateKeyPairSync("rsa", { modulusLength }).privateKey.export({ format: "jwk" });
  return {
    kty: "RSA",
    n: made.n,
    e: made.e,
    d: made.d,
    p: made.p,
    q: made.q,
    dp: made.dp,
    dq: made.dq,
    qi: made.qi,
  };
};
const other = ofBits(2_048);

describe("the keys for Entra", () => {
  it("are published without their private half, the one that signs first", async () => {
    const keys = await importEntraKeys(jwksText(testEntraJwk, { kty: "RSA", n: other.n, e: other.e }));
    expect(keys.published).toEqual([
      { kty, n, e, alg: "RS256", use: "sig", kid: keys.signing.keyId },
      { kty: "RSA", n: other.n, e, alg: "RS256", use: "sig", kid: expect.any(String) },
    ]);
    expect(keys.signing.privateKey.extractable).toBe(false);
  });

  it.each<[name: string, text: string]>([
    ["no JSON", `{"keys":[${d}`],
    ["an empty set", jwksText()],
    ["a key that signs tokens", jwksText(rfc8037Jwk)],
    ["a public half in front", jwksText({ kty, n, e }, other)],
    ["the same key twice", jwksText(testEntraJwk, testEntraJwk)],
    ["a key of 1024 bits", jwksText(ofBits(1_024))],
    ["another exponent", jwksText({ ...testEntraJwk, e: "Aw" })],
    ["a modulus with leading zeros", jwksText({ ...testEntraJwk, n: `AAAA${n}` })],
    ["a key with a kid of its own", jwksText({ ...testEntraJwk, kid: "mine" })],
    ["half of a private half", jwksText({ kty, n, e, d })],
    ["the modulus of another key", jwksText({ ...testEntraJwk, n: other.n })],
    ["a member named like the secret", jwksText({ ...testEntraJwk, [d]: d })],
  ])("are refused without a word of the secret: %s", async (_name, text) => {
    const error = await importEntraKeys(text).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    if (!(error instanceof Error)) return;
    expect(error.message).toMatch(/Entra keys/);
    expect(error.cause).toBeUndefined();
    for (const secret of [d, qi]) expect(`${error.message} ${error.stack}`).not.toContain(secret.slice(0, 8));
  });
});

it.each([
  "https://gateway.contoso.com",
  "https://gateway.contoso.com/",
  "https://gateway.contoso.com/tokens",
])("the issuer has one spelling below the gateway of %s", (issuer) =>
  expect(entraIssuerOf(issuer)).toBe("https://gateway.contoso.com/entra"),
);
