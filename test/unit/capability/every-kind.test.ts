// Whatever is signed around the gateway, held against everybody who verifies: only the right key, under the right type,
// over the right claims, is accepted, and by one verifier alone.
import {
  type CompactJWSHeaderParameters,
  CompactSign,
  type CryptoKey,
  createLocalJWKSet,
  type JWK,
  jwtVerify,
} from "jose";
import { describe, expect, it } from "vitest";
import { entraIssuerOf } from "../../../src/capability/entra-issuer.ts";
import { importEntraKeys } from "../../../src/capability/entra-keys.ts";
import { proofAlgorithms, Thumbprint } from "../../../src/capability/holder-key.ts";
import { type JwsKind, jwsTypes } from "../../../src/capability/jws-types.ts";
import { importKeyRing, publicJwks } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { verifyProof } from "../../../src/capability/verify-proof.ts";
import { verifyReceipt } from "../../../src/capability/verify-receipt.ts";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import { testEntraKeys } from "../../entra-keys-fixture.ts";
import { claimsOf as proofClaims, request, TOKEN } from "./proof-fixture.ts";
import { goodClaims as receiptClaims, receiptKeys } from "./receipt-fixture.ts";
import {
  ISSUER,
  jwksText,
  keyRing,
  NOW_MS,
  NOW_SECONDS,
  newPrivateJwk,
  rfc8037Jwk,
  goodClaims as tokenClaims,
  verifier,
} from "./token-fixture.ts";

const entraKeys = await importEntraKeys(testEntraKeys);
/** An agent's key, which no secret of the gateway holds. */
const holderRing = await importKeyRing(jwksText(await newPrivateJwk()));
const holderKey = Thumbprint.parse(holderRing.signers[0].keyId);
const checkpointRing = await importKeyRing(jwksText(await newPrivateJwk()));
const ENTRA_AUDIENCE = "api://AzureADTokenExchange";

interface Kind {
  readonly alg: string;
  readonly keyId: string;
  readonly privateKey: CryptoKey;
  readonly claims: object;
}

const kinds: Readonly<Record<JwsKind, Kind>> = {
  token: { alg: "EdDSA", ...keyRing.signers[0], claims: tokenClaims },
  receipt: { alg: "EdDSA", ...receiptKeys.signing, claims: receiptClaims },
  proof: { alg: proofAlgorithms.OKP, ...holderRing.signers[0], claims: await proofClaims() },
  checkpoint: { alg: "EdDSA", ...checkpointRing.signers[0], claims: { iss: ISSUER, size: 1, root: "0" } },
  assertion: {
    alg: "RS256",
    ...entraKeys.signing,
    claims: {
      iss: entraIssuerOf(ISSUER),
      sub: "portcullis",
      aud: ENTRA_AUDIENCE,
      iat: NOW_SECONDS,
      nbf: NOW_SECONDS,
      exp: NOW_SECONDS + 600,
      jti: "id",
    },
  },
};
const kindNames = Object.keys(kinds) as readonly JwsKind[]; // Object.keys loses the key type.

/** All that anybody could find published, in one set, as a careless verifier would hold it. */
const everyKey = {
  keys: [
    ...publicJwks(keyRing, []),
    ...receiptKeys.published,
    ...publicJwks(holderRing, []),
    ...publicJwks(checkpointRing, []),
    ...entraKeys.published,
  ].map((key) => ({ ...key })),
};

type Verify = (text: string) => Promise<boolean>;
const verifiers: Readonly<Record<Exclude<JwsKind, "checkpoint">, Verify>> = {
  token: async (text) => (await verifier.verify(text, NOW_MS)).ok,
  proof: async (text) => (await verifyProof(text, { token: TOKEN, holderKey }, request, NOW_MS)).ok,
  receipt: async (text) => (await verifyReceipt(text, everyKey)).ok,
  /** As Entra does: it looks at no type, so issuer, algorithm and key must be enough. */
  assertion: (text) =>
    jwtVerify(text, createLocalJWKSet({ keys: entraKeys.published.map((key) => ({ ...key })) }), {
      issuer: entraIssuerOf(ISSUER),
      audience: ENTRA_AUDIENCE,
      algorithms: ["RS256"],
      currentDate: new Date(NOW_MS),
    }).then(
      () => true,
      () => false,
    ),
};
const verifierNames = Object.keys(verifiers) as readonly (keyof typeof verifiers)[]; // Object.keys loses the key type.

/** A proof brings its key along; all else names one, and so does what only Entra could take, which looks at no type. */
function headerOf(type: JwsKind, alg: string, kid: string): CompactJWSHeaderParameters {
  const typ = jwsTypes[type];
  const { kty, crv, x } = everyKey.keys.map((key): JWK => key).find((key) => key.kid === kid) ?? {};
  const isBroughtAlong =
    type === "proof" && alg !== kinds.assertion.alg && kty === "OKP" && crv !== undefined && x !== undefined;
  return isBroughtAlong ? { alg, typ, jwk: { kty, crv, x } } : { alg, typ, kid };
}

/** @param named whose key the header names: a forger names whichever is asked for. */
const signed = (key: JwsKind, type: JwsKind, claims: object, named: JwsKind = key) =>
  new CompactSign(utf8Bytes(JSON.stringify(claims)))
    .setProtectedHeader(headerOf(type, kinds[key].alg, kinds[named].keyId))
    .sign(kinds[key].privateKey);

const accepting = async (text: string) => {
  const answers = await Promise.all(
    verifierNames.map(async (name) => ((await verifiers[name](text)) ? name : [])),
  );
  return answers.flat();
};

describe.each(kindNames)("signed with the key of a %s", (key) => {
  it.each(kindNames)("typed as a %s, whatever it says and whichever key it names", async (type) => {
    for (const claims of kindNames) {
      for (const named of kindNames) {
        // Entra alone looks at no type; nothing else in the world has its key.
        const isOwn = named === key && claims === key && (type === key || key === "assertion");
        const expected = isOwn && key !== "checkpoint" ? [key] : [];
        expect([
          claims,
          named,
          await accepting(await signed(key, type, kinds[claims].claims, named)),
        ]).toEqual([claims, named, expected]);
      }
    }
  });
});

it("an exchanged token is a token to the verifier of tokens, and nothing to any other", async () => {
  const child = {
    ...tokenClaims,
    del_depth: 1,
    del_max_depth: 1,
    act: { sub: tokenClaims.sub },
    par_hash: "A".repeat(43),
    ancestors: [{ jti: `token_${"0".repeat(31)}9`, iat: NOW_SECONDS }],
    prior_keys: [{ kid: keyRing.signers[0].keyId, iat: NOW_SECONDS }],
    cnf: { jkt: holderKey },
  };
  for (const key of kindNames)
    for (const type of kindNames) {
      const expected = key === "token" && type === "token" ? ["token"] : [];
      expect([key, type, await accepting(await signed(key, type, child))]).toEqual([key, type, expected]);
    }
});

it("no two kinds share a type or a key", () => {
  expect(new Set(Object.values(jwsTypes)).size).toBe(kindNames.length);
  expect(new Set(Object.values(kinds).map(({ keyId }) => keyId)).size).toBe(kindNames.length);
});

it("a key that stands in two secrets is refused at the start", async () => {
  const { d: _, ...publicHalf } = rfc8037Jwk;
  for (const twice of [rfc8037Jwk, publicHalf, { ...rfc8037Jwk, exp: NOW_SECONDS }]) {
    const set = jwksText(await newPrivateJwk(), twice);
    await expect(importReceiptKeys(set, keyRing.keys)).rejects.toThrow(/keys\[1\] signs tokens as well/);
  }
  await expect(importReceiptKeys(testEntraKeys, keyRing.keys)).rejects.toThrow(/not a JWK set/);
  await expect(importKeyRing(testEntraKeys)).rejects.toThrow(/not a JWK set/);
  await expect(importEntraKeys(jwksText(rfc8037Jwk))).rejects.toThrow(/not a JWK set/);
});

it("a key that carries another name than its thumbprint is refused at the start", async () => {
  const set = jwksText({ ...rfc8037Jwk, kid: "my key" });
  await expect(importKeyRing(set)).rejects.toThrow(
    /keys\[0\] has a `kid` that is not its RFC 7638 thumbprint/,
  );
  await expect(importReceiptKeys(set, new Map())).rejects.toThrow(/keys\[0\] has a `kid`/);
  const named = { ...rfc8037Jwk, kid: keyRing.signers[0].keyId };
  expect((await importKeyRing(jwksText(named))).signers[0].keyId).toBe(named.kid);
});
