// An assertion says what Entra demands, and is never a token, nor a receipt, nor either of them an assertion.
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { discoveryOf, entraIssuerOf } from "../../../src/capability/entra-issuer.ts";
import { importEntraKeys } from "../../../src/capability/entra-keys.ts";
import { createAssertionSigner } from "../../../src/capability/sign-assertion.ts";
import { testEntraKeys } from "../../entra-keys-fixture.ts";
import {
  jwks as ofTokensAndReceipts,
  validReceipt,
  verdictOf as verdictOfReceipt,
} from "./receipt-fixture.ts";
import { ISSUER, NOW_MS, NOW_SECONDS, validToken, verdictOf } from "./token-fixture.ts";

const keys = await importEntraKeys(testEntraKeys);
let made = 0;
const signer = createAssertionSigner({
  keys,
  issuer: entraIssuerOf(ISSUER),
  subject: "portcullis",
  clock: () => NOW_MS + 999,
  newId: () => `id-${++made}`,
});
const validCapability = await validToken();
const AUDIENCE = "api://AzureADTokenExchange";
const assertion = await signer.sign(AUDIENCE);
const published = { keys: keys.published.map((key) => ({ ...key })) };
const asEntra = (text: string, set: Parameters<typeof createLocalJWKSet>[0] = published) =>
  jwtVerify(text, createLocalJWKSet(set), {
    issuer: entraIssuerOf(ISSUER),
    audience: AUDIENCE,
    algorithms: ["RS256"],
    currentDate: new Date(NOW_MS),
  });

describe("an assertion", () => {
  it("says who asks, whom, and for ten minutes", async () => {
    const { payload, protectedHeader } = await asEntra(assertion);
    expect(payload).toEqual({
      iss: "https://gateway.test/entra",
      sub: "portcullis",
      aud: AUDIENCE,
      iat: NOW_SECONDS,
      nbf: NOW_SECONDS,
      exp: NOW_SECONDS + 600,
      jti: "id-1",
    });
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid: keys.published[0]?.kid });
  });

  it("is no other one: each has an id of its own", async () => {
    expect(await signer.sign(AUDIENCE)).not.toBe(assertion);
  });

  it("opens nothing here", async () => {
    expect(await verdictOf(assertion)).toBe("token_header_invalid");
    expect(await verdictOfReceipt(assertion)).not.toBe("valid");
    // Nor would it where the keys of all kinds are taken for one set.
    const all = { keys: [...ofTokensAndReceipts.keys, ...published.keys] };
    expect(await verdictOfReceipt(assertion, all)).not.toBe("valid");
  });
});

describe("what is no assertion", () => {
  it.each([
    ["a token", validCapability],
    ["a receipt", validReceipt],
  ])("is refused by whoever trusts the gateway's assertions: %s", async (_name, text) => {
    await expect(asEntra(text)).rejects.toThrow();
    const all = { keys: [...ofTokensAndReceipts.keys, ...published.keys] };
    await expect(asEntra(text, all)).rejects.toThrow();
  });

  it("has a key that is not in the set for Entra", () => {
    const ids = published.keys.map(({ kid }) => kid);
    for (const text of [validCapability, validReceipt]) {
      expect(ids).not.toContain(decodeProtectedHeader(text).kid);
    }
  });
});

it("the discovery document names exactly the set for Entra", () => {
  expect(discoveryOf(ISSUER)).toEqual({
    issuer: "https://gateway.test/entra",
    jwks_uri: "https://gateway.test/entra/jwks.json",
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });
});
