// A receipt states what its record states, verifies with the published keys alone, and is never a token, nor a token a receipt.
import fc from "fast-check";
import { compactVerify, createLocalJWKSet, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { publicJwks } from "../../../src/capability/key-ring.ts";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { createReceiptSigner } from "../../../src/capability/sign-receipt.ts";
import { verifyReceipt } from "../../../src/capability/verify-receipt.ts";
import { receiptOf } from "../../../src/residency/receipt.ts";
import { decisionRecord } from "../audit/record-fixture.ts";
import {
  allowedRecord,
  foreignReceiptKeys,
  goodClaims,
  goodHeader,
  jwks,
  receiptKeys,
  signClaims,
  signer,
  signHeader,
  signTexts,
  validReceipt,
  verdictOf,
} from "./receipt-fixture.ts";
import {
  AUDIENCE,
  goodClaims as goodTokenClaims,
  ISSUER,
  jwksText,
  keyRing,
  newPrivateJwk,
  validToken,
  verdictOf as verdictOfToken,
} from "./token-fixture.ts";

const { kid } = goodHeader;
const tokenKeyId = keyRing.signers[0].keyId;

describe("a receipt", () => {
  it("states the facts of the record it was made of, and who signed it", async () => {
    const verified = await verifyReceipt(validReceipt, jwks);
    expect(verified).toEqual({
      ok: true,
      value: {
        keyId: kid,
        receipt: {
          iss: ISSUER,
          iat: Date.parse(allowedRecord.at) / 1_000,
          decision: allowedRecord.decisionId,
          surface: allowedRecord.surface,
          tenant: allowedRecord.tenantId,
          home: allowedRecord.home,
          place: allowedRecord.place,
          backend: allowedRecord.backend,
          revisions: allowedRecord.revisions,
        },
      },
    });
  });

  it("of a call that was sent nowhere says so", async () => {
    const receipt = await signer.sign(decisionRecord({ surface: "enforce" }));
    expect(await verifyReceipt(receipt, jwks)).toMatchObject({
      value: { receipt: { surface: "enforce", backend: null } },
    });
  });

  it.each(["denied", "pending_approval"])("is never made of a decision that is %s", (decision) => {
    expect(() => receiptOf(ISSUER, decisionRecord({ decision }))).toThrow();
  });

  it("stays below 1 KB, however long the names in it are", async () => {
    const longest = decisionRecord({
      tenantId: "t".repeat(64),
      home: "global",
      surface: "model_list",
      place: { country: "DE", continent: "EU", isEu: false, colo: "FRA", tlsVersion: "TLSv1.3" },
      backend: {
        id: `backend_${"f".repeat(32)}`,
        region: "r".repeat(40),
        sku: "DataZoneProvisionedManaged",
      },
      revisions: { tenant: Number.MAX_SAFE_INTEGER, platform: Number.MAX_SAFE_INTEGER },
    });
    const issuer = `https://${"i".repeat(60)}.example.com`;
    expect((await createReceiptSigner(receiptKeys, issuer).sign(longest)).length).toBeLessThan(1_024);
  });

  it("is signed by a key whose end is over, as by any other, and verifies", async () => {
    const ended = await importReceiptKeys(jwksText({ ...(await newPrivateJwk()), exp: 1 }), new Map());
    const receipt = await createReceiptSigner(ended, ISSUER).sign(allowedRecord);
    expect(await verdictOf(receipt, { keys: ended.published.map((key) => ({ ...key })) })).toBe("valid");
  });

  it("verifies with a JOSE library and the published keys, as documented", async () => {
    const { payload } = await jwtVerify(
      validReceipt,
      createLocalJWKSet({ keys: [...receiptKeys.published] }),
      {
        typ: goodHeader.typ,
        algorithms: ["EdDSA"],
        issuer: ISSUER,
      },
    );
    expect(payload).toEqual(goodClaims);
  });

  it("tells further facts of a newer gateway to an older reader, who may ignore them", async () => {
    expect(await verdictOf(await signClaims({ attempt: 2 }))).toBe("valid");
  });
});

describe("what is no receipt", () => {
  const header = JSON.stringify(goodHeader);
  const payload = JSON.stringify(goodClaims);
  const [validHeader = "", validPayload = "", validSignature = ""] = validReceipt.split(".");

  it.each<[name: string, fault: string, forge: () => string | Promise<string>]>([
    ["an empty text", "malformed", () => ""],
    ["two segments", "malformed", () => `${validHeader}.${validPayload}`],
    ["whitespace around it", "malformed", () => ` ${validReceipt}`],
    ["padding", "malformed", () => `${validReceipt}=`],
    ["an endless text", "malformed", () => "a".repeat(100_000)],
    ["a second member of one name", "malformed", () => signTexts(header, payload.replace("{", '{"iat":1,'))],
    ["spaces in its JSON", "malformed", () => signTexts(header, payload.replace(",", ", "))],
    ["a payload that is no object", "malformed", () => signTexts(header, "[]")],
    ["a further header", "header_invalid", () => signHeader({ ...goodHeader, jku: "https://evil.test" })],
    ["a key in its header", "header_invalid", () => signHeader({ ...goodHeader, jwk: {} })],
    ["no type", "header_invalid", () => signHeader({ alg: "EdDSA", kid })],
    ["another type", "type_invalid", () => signHeader({ ...goodHeader, typ: "JWT" })],
    [
      "its type in another case",
      "type_invalid",
      () => signHeader({ ...goodHeader, typ: goodHeader.typ.toUpperCase() }),
    ],
    [
      "its type's long form",
      "type_invalid",
      () => signHeader({ ...goodHeader, typ: `application/${goodHeader.typ}` }),
    ],
    ["no algorithm", "algorithm_invalid", () => signHeader({ ...goodHeader, alg: "none" })],
    ["an algorithm of another kind", "algorithm_invalid", () => signHeader({ ...goodHeader, alg: "HS256" })],
    ["the algorithm's other name", "algorithm_invalid", () => signHeader({ ...goodHeader, alg: "Ed25519" })],
    ["a key nobody knows", "key_unknown", () => signHeader({ ...goodHeader, kid: "another" })],
    [
      "a key of tokens, and its type",
      "key_not_for_receipts",
      () => signHeader({ ...goodHeader, kid: tokenKeyId }),
    ],
    [
      "a signature by a key of tokens over a receipt",
      "key_not_for_receipts",
      () =>
        signTexts(JSON.stringify({ ...goodHeader, kid: tokenKeyId }), payload, {
          signing: keyRing.signers[0],
        }),
    ],
    ["another's signature", "signature_invalid", () => signTexts(header, payload, foreignReceiptKeys)],
    [
      "another's facts under its signature",
      "signature_invalid",
      async () => {
        const other = await signClaims({ home: "global" });
        return `${other.split(".").slice(0, 2).join(".")}.${validSignature}`;
      },
    ],
    ["no decision", "claims_invalid", () => signClaims({ decision: "x" })],
    ["a home nobody knows", "claims_invalid", () => signClaims({ home: "moon" })],
    ["no backend at all", "claims_invalid", () => signClaims({ backend: undefined })],
    ["no revisions", "claims_invalid", () => signClaims({ revisions: null })],
    ["a time with a fraction", "claims_invalid", () => signClaims({ iat: 1.5 })],
    ["a time that no calendar has", "claims_invalid", () => signClaims({ iat: 253_402_300_800 })],
    ["a token", "type_invalid", () => validToken()],
  ])("%s", async (_name, fault, forge) => {
    expect(await verdictOf(await forge())).toBe(fault);
  });

  it("a receipt in which any one character was changed", async () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    await fc.assert(
      fc.asyncProperty(
        fc.nat(validReceipt.length - 1),
        fc.constantFrom(...alphabet),
        async (index, character) => {
          fc.pre(validReceipt[index] !== character);
          const changed = validReceipt.slice(0, index) + character + validReceipt.slice(index + 1);
          expect(await verdictOf(changed)).not.toBe("valid");
        },
      ),
    );
  });

  it("a receipt under keys that name its key twice, for something else, or as none", async () => {
    const [key] = receiptKeys.published;
    const { portcullis_use: _, ...unmarked } = { ...key };
    expect(await verdictOf(validReceipt, { keys: [{ ...key }, { ...key }] })).toBe("key_not_for_receipts");
    expect(await verdictOf(validReceipt, { keys: [unmarked] })).toBe("key_not_for_receipts");
    expect(await verdictOf(validReceipt, { keys: [{ ...key, kty: "EC" }] })).toBe("key_not_for_receipts");
    expect(await verdictOf(validReceipt, { keys: [{ ...key, x: "AA" }] })).toBe("signature_invalid");
    expect(await verdictOf(validReceipt, { keys: [] })).toBe("key_unknown");
  });
});

describe("a receipt is no token", () => {
  it("for the gateway: its type is refused first, then its key", async () => {
    expect(await verdictOfToken(validReceipt)).toBe("token_header_invalid");
    const asToken = { ...goodHeader, typ: "at+jwt" };
    const claims = JSON.stringify(goodTokenClaims);
    expect(await verdictOfToken(await signTexts(JSON.stringify(asToken), claims))).toBe("token_key_unknown");
    const ofTokenKey = JSON.stringify({ ...asToken, kid: tokenKeyId });
    expect(await verdictOfToken(await signTexts(ofTokenKey, claims))).toBe("token_signature_invalid");
  });

  it("because no key of receipts is in the ring that verifies tokens", () => {
    const published = receiptKeys.published.map((key) => key.kid);
    expect(published.filter((keyId) => keyRing.keys.has(keyId))).toEqual([]);
  });

  it("for a verifier of access tokens that trusts every published key (RFC 9068)", async () => {
    const all = createLocalJWKSet({ keys: [...publicJwks(keyRing, []), ...receiptKeys.published] });
    // The signature is genuine; type and audience are what tells them apart.
    expect((await compactVerify(validReceipt, all)).protectedHeader.kid).toBe(kid);
    await expect(jwtVerify(validReceipt, all, { typ: "at+jwt" })).rejects.toThrow(/typ/);
    await expect(jwtVerify(validReceipt, all, { issuer: ISSUER, audience: AUDIENCE })).rejects.toThrow(/aud/);
  });
});
