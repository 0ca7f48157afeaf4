import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOT_DELEGATED } from "../../../src/capability/claims.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { toBase64Url } from "../../../src/kernel/encoding.ts";
import {
  agent,
  foreignRing,
  goodHeader,
  here,
  jwksText,
  keyRing,
  NOW_MS,
  NOW_SECONDS,
  newPrivateJwk,
  order,
  rfc8037Jwk,
  segment,
  signClaims,
  signTexts,
  tokenId,
  validToken,
  verdict,
  verdictOf,
  verifier,
} from "./token-fixture.ts";

const valid = await validToken();

describe("a valid token", () => {
  it("becomes its capability", async () => {
    expect(await verifier.verify(valid, NOW_MS)).toEqual({
      ok: true,
      value: {
        tokenId,
        signedBy: [{ keyId: keyRing.signers[0].keyId, issuedAtSeconds: NOW_SECONDS }],
        tenantId: "tenant-a",
        home: "eu",
        agentId: agent.id,
        agentVersion: 3,
        principal: agent.id,
        roles: ["analyst"],
        classification: "internal",
        issuedAtSeconds: NOW_SECONDS,
        expiresAtSeconds: NOW_SECONDS + 900,
        authorization: null,
        mintedBy: order.mintedBy,
        delegation: NOT_DELEGATED,
        holderKey: null,
        rootTokenId: tokenId,
        rootIssuedAtSeconds: NOW_SECONDS,
        refreshUntilSeconds: null,
        endUser: null,
      },
    });
  });

  it("is worth nothing to another issuer, audience or key ring, and where its home has no stores", async () => {
    const verdictAt = async (changes: Partial<Parameters<typeof createTokenVerifier>[0]>) => {
      const elsewhere = createTokenVerifier({ keyRing, ...here, ...changes });
      return verdict(await elsewhere.verify(valid, NOW_MS));
    };
    expect(await verdictAt({})).toBe("accepted");
    expect(await verdictAt({ issuer: "https://other.test" })).toBe("token_claims_invalid");
    expect(await verdictAt({ audience: "https://other.test" })).toBe("token_claims_invalid");
    expect(await verdictAt({ keyRing: foreignRing })).toBe("token_key_unknown");
    expect(await verdictAt({ homes: ["global", "us"] })).toBe("token_home_unknown");
  });

  it("survives a rotation, and only while its key is held", async () => {
    const next = await newPrivateJwk();
    const rotated = await importKeyRing(jwksText(next, rfc8037Jwk));
    const retired = await importKeyRing(jwksText(next));
    const verdictUnder = async (ring: typeof rotated, token: string) =>
      verdict(await createTokenVerifier({ keyRing: ring, ...here }).verify(token, NOW_MS));
    expect(await verdictUnder(rotated, valid)).toBe("accepted");
    expect(await verdictUnder(rotated, await validToken({ signer: rotated.signers[0] }))).toBe("accepted");
    expect(await verdictUnder(retired, valid)).toBe("token_key_unknown");
  });
});

describe("a key that has ended", () => {
  const endSeconds = NOW_MS / 1_000 + 10;

  it("still verifies what it signed before, until that expires", async () => {
    const ring = await importKeyRing(jwksText({ ...rfc8037Jwk, exp: endSeconds }));
    const token = await validToken({ signer: ring.signers[0], nowMs: endSeconds * 1_000 - 1 });
    const { verify } = createTokenVerifier({ keyRing: ring, ...here });
    const expiryMs = (endSeconds - 1 + order.expiresInSeconds) * 1_000;
    for (const nowMs of [endSeconds * 1_000, expiryMs - 1, endSeconds * 1_000])
      expect(verdict(await verify(token, nowMs))).toBe("accepted");
    expect(verdict(await verify(token, expiryMs))).toBe("token_expired");
  });

  it("verifies nothing that is dated after its end, whoever signed it", async () => {
    const ring = await importKeyRing(jwksText({ ...rfc8037Jwk, exp: endSeconds }));
    const { verify } = createTokenVerifier({ keyRing: ring, ...here });
    for (const [iat, code] of [
      [endSeconds - 1, "accepted"],
      [endSeconds, "token_claims_invalid"],
      [endSeconds + 60, "token_claims_invalid"],
    ] as const) {
      const stolen = await signClaims({ iat, exp: iat + 900 });
      expect(verdict(await verify(stolen, iat * 1_000))).toBe(code);
    }
  });
});

describe("the edges of time", () => {
  const edges: readonly [name: string, iat: number, exp: number, nowMs: number, code: string][] = [
    ["at issue", 0, 900, 0, "accepted"],
    ["the last millisecond", 0, 900, 899_999, "accepted"],
    ["the moment of expiry", 0, 900, 900_000, "token_expired"],
    ["a second later", 0, 900, 901_000, "token_expired"],
    ["a life of one second", 0, 1, 999, "accepted"],
    ["a life of no second", 1, 1, 0, "token_claims_invalid"],
    ["a life of the maximum", 0, 3_600, 0, "accepted"],
    ["a second more than the maximum", 0, 3_601, 0, "token_claims_invalid"],
    ["issued 5 s ahead of this clock", 5, 905, 0, "accepted"],
    ["issued 6 s ahead of this clock", 6, 906, 0, "token_not_yet_valid"],
    ["issued 6 s ahead, a millisecond short", 6, 906, 999, "token_not_yet_valid"],
    ["issued 6 s ahead, a second later", 6, 906, 1_000, "accepted"],
  ];
  it.each(edges)("%s", async (_name, iat, exp, nowMs, code) => {
    const token = await signClaims({ iat: NOW_SECONDS + iat, exp: NOW_SECONDS + exp });
    expect(await verdictOf(token, NOW_MS + nowMs)).toBe(code);
  });

  it("accepts exactly from the skew before issue to expiry", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3_600 }),
        fc.integer({ min: -10_000, max: 3_700_000 }),
        async (life, offsetMs) => {
          const token = await validToken({ expiresInSeconds: life });
          const expected =
            offsetMs >= life * 1_000
              ? "token_expired"
              : offsetMs < -5_000
                ? "token_not_yet_valid"
                : "accepted";
          expect(await verdictOf(token, NOW_MS + offsetMs)).toBe(expected);
        },
      ),
    );
  });
});

describe("any input", () => {
  const base64UrlText = fc.uint8Array({ maxLength: 200 }).map(toBase64Url);

  it("is refused, never thrown on", async () => {
    const anyText = fc.oneof(
      fc.string({ unit: "binary", maxLength: 9_000 }),
      fc.tuple(base64UrlText, base64UrlText, base64UrlText).map((segments) => segments.join(".")),
      fc.tuple(fc.json(), fc.json(), base64UrlText).map(([h, p, s]) => `${segment(h)}.${segment(p)}.${s}`),
    );
    await fc.assert(
      fc.asyncProperty(anyText, async (token) => {
        expect(await verdictOf(token)).toMatch(/^token_/);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused even under our signature, unless it is a capability", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ noUnicodeString: false }), async (payload) => {
        expect(await verdictOf(await signTexts(JSON.stringify(goodHeader), payload))).toMatch(/^token_/);
      }),
      { numRuns: 300 },
    );
  });

  it("is not a valid token once a single character is changed, dropped or added", async () => {
    const character = fc.string({ unit: "binary", minLength: 1, maxLength: 1 });
    const position = fc.nat({ max: valid.length - 1 });
    const edit = fc.constantFrom(
      (at: number, text: string) => valid.slice(0, at) + text + valid.slice(at + 1),
      (at: number, text: string) => valid.slice(0, at) + text + valid.slice(at),
      (at: number) => valid.slice(0, at) + valid.slice(at + 1),
    );
    await fc.assert(
      fc.asyncProperty(
        edit,
        position,
        fc.oneof(character, fc.constantFrom(..."AZaz09-_.= ")),
        async (change, at, text) => {
          const token = change(at, text);
          fc.pre(token !== valid);
          expect(await verdictOf(token)).toMatch(/^token_/);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
