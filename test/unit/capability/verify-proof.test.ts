// Proofs of possession (RFC 9449): each attack and its code, the edges of time, and that nothing but the proof itself verifies.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { provenPossession } from "../../../src/capability/verify-proof.ts";
import { toBase64Url, utf8Bytes } from "../../../src/kernel/encoding.ts";
import {
  athOf,
  claimsOf,
  type Holder,
  headerOf,
  holders,
  newHolder,
  proofBy,
  proofVerdict,
  request,
  TOKEN,
  URL_OF_CALL,
  withHighS,
} from "./proof-fixture.ts";
import { NOW_MS, NOW_SECONDS, segment, validToken } from "./token-fixture.ts";

const both: readonly (readonly [Holder["algorithm"], Holder])[] = [
  ["EdDSA", holders.EdDSA],
  ["ES256", holders.ES256],
];
const other = await newHolder("EdDSA");

describe.each(both)("a proof with %s", (_algorithm, holder) => {
  it("verifies for its request, its token and its key, and is told by its jti", async () => {
    const proof = await proofBy(holder);
    const presented = { token: TOKEN, scheme: "DPoP", proof } as const;
    const told = await provenPossession(presented, { holderKey: holder.thumbprint }, request, NOW_MS);
    const digest = await crypto.subtle.digest("SHA-256", utf8Bytes("one-proof"));
    const proofId = toBase64Url(new Uint8Array(digest, 0, 16));
    expect(told).toEqual({ ok: true, value: { proofId, issuedAtSeconds: NOW_SECONDS } });
  });

  it.each<[attack: string, code: string, forge: () => Promise<string>]>([
    ["another type", "proof_malformed", () => proofBy(holder, {}, { typ: "jwt" })],
    ["the type of a capability token", "proof_malformed", () => proofBy(holder, {}, { typ: "at+jwt" })],
    ["a key id", "proof_malformed", () => proofBy(holder, {}, { kid: "1" })],
    ["a URL of keys", "proof_malformed", () => proofBy(holder, {}, { jku: "https://evil.test" })],
    [
      "a private member",
      "proof_malformed",
      () => proofBy(holder, {}, { jwk: { ...holder.publicKey, d: holder.publicKey.x } }),
    ],
    [
      "a key with a use",
      "proof_malformed",
      () => proofBy(holder, {}, { jwk: { ...holder.publicKey, use: "sig" } }),
    ],
    ["no key", "proof_malformed", () => proofBy(holder, {}, { jwk: undefined })],
    ["a symmetric key", "proof_malformed", () => proofBy(holder, {}, { jwk: { kty: "oct", k: "AAAA" } })],
    ["another holder's proof", "proof_key_mismatch", () => proofBy(other)],
    [
      "its key on another's signature",
      "proof_signature_invalid",
      async () => {
        const [, , signature] = (await proofBy(await newHolder(holder.algorithm))).split(".");
        const [header, payload] = (await proofBy(holder)).split(".");
        return `${header}.${payload}.${signature}`;
      },
    ],
    [
      "a signature of zeros",
      "proof_signature_invalid",
      async () => {
        const [header, payload] = (await proofBy(holder)).split(".");
        return `${header}.${payload}.${toBase64Url(new Uint8Array(64))}`;
      },
    ],
    ["no jti", "proof_malformed", () => proofBy(holder, { jti: undefined })],
    ["an empty jti", "proof_malformed", () => proofBy(holder, { jti: "" })],
    ["an endless jti", "proof_malformed", () => proofBy(holder, { jti: "x".repeat(129) })],
    ["a jti that is no text", "proof_malformed", () => proofBy(holder, { jti: 1 })],
    ["iat as text", "proof_malformed", () => proofBy(holder, { iat: String(NOW_SECONDS) })],
    ["iat as a fraction", "proof_malformed", () => proofBy(holder, { iat: NOW_SECONDS + 0.5 })],
    ["no iat", "proof_malformed", () => proofBy(holder, { iat: undefined })],
    ["another method", "proof_request_mismatch", () => proofBy(holder, { htm: "GET" })],
    ["the method in lower case", "proof_request_mismatch", () => proofBy(holder, { htm: "post" })],
    ["another path", "proof_request_mismatch", () => proofBy(holder, { htu: `${URL_OF_CALL}/` })],
    ["a query", "proof_request_mismatch", () => proofBy(holder, { htu: `${URL_OF_CALL}?api-version=v1` })],
    [
      "another host",
      "proof_request_mismatch",
      () => proofBy(holder, { htu: URL_OF_CALL.replace("gateway", "evil") }),
    ],
    [
      "another scheme",
      "proof_request_mismatch",
      () => proofBy(holder, { htu: URL_OF_CALL.replace("https", "http") }),
    ],
    ["another token", "proof_token_mismatch", async () => proofBy(holder, { ath: await athOf(`${TOKEN}x`) })],
    ["no token", "proof_malformed", () => proofBy(holder, { ath: undefined })],
    [
      "two proofs in one header",
      "proof_malformed",
      async () => `${await proofBy(holder)}, ${await proofBy(holder)}`,
    ],
    ["a text longer than any proof", "proof_malformed", () => proofBy(holder, { more: "x".repeat(2_048) })],
    ["nothing", "proof_malformed", async () => ""],
    ["a capability token", "proof_malformed", () => validToken()],
    [
      "an unsigned one",
      "proof_malformed",
      async () => {
        const header = JSON.stringify({ ...headerOf(holder), alg: "none" });
        return `${segment(header)}.${segment(JSON.stringify(await claimsOf()))}.`;
      },
    ],
  ])("is refused for %s → %s", async (_attack, code, forge) => {
    expect(await proofVerdict(await forge(), holder)).toBe(code);
  });

  it("takes claims of its maker's own", async () => {
    expect(await proofVerdict(await proofBy(holder, { nonce: "n", extra: [1] }), holder)).toBe("accepted");
  });

  it("is good 30 seconds before and after it was made, to the second", async () => {
    const proof = await proofBy(holder);
    const at = (seconds: number, ms = 0) =>
      proofVerdict(proof, holder, { nowMs: (NOW_SECONDS + seconds) * 1_000 + ms });
    expect(await Promise.all([at(-31, 999), at(-30), at(0), at(30, 999), at(31)])).toEqual([
      "proof_outdated",
      "accepted",
      "accepted",
      "accepted",
      "proof_outdated",
    ]);
    expect(await proofVerdict(proof, holder, { nowMs: Number.NaN })).toBe("proof_outdated");
  });

  it("verifies in no other spelling", async () => {
    const proof = await proofBy(holder);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=, \n";
    await fc.assert(
      fc.asyncProperty(
        fc.nat(proof.length - 1),
        fc.constantFrom(...alphabet),
        fc.constantFrom("replaced", "inserted", "removed"),
        async (place, character, how) => {
          const rest = proof.slice(how === "inserted" ? place : place + 1);
          const changed = `${proof.slice(0, place)}${how === "removed" ? "" : character}${rest}`;
          const verdict = await proofVerdict(changed, holder);
          expect(verdict === "accepted").toBe(changed === proof);
        },
      ),
      { numRuns: 1_500 },
    );
  });

  it("verifies for no other method, URL or token", async () => {
    const proof = await proofBy(holder);
    const asked = fc.record({
      method: fc.constantFrom("POST", "GET", "PUT", "post", "POST "),
      url: fc.oneof(
        fc.constant(URL_OF_CALL),
        fc.string().map((more) => URL_OF_CALL + more),
        fc.nat(URL_OF_CALL.length - 1).map((length) => URL_OF_CALL.slice(0, length)),
      ),
      token: fc.oneof(fc.constant(TOKEN), fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ method, url, token }) => {
        const verdict = await proofVerdict(proof, holder, { token, asked: { method, urls: [url] } });
        const isIts = method === "POST" && url === URL_OF_CALL && token === TOKEN;
        expect(verdict === "accepted").toBe(isIts);
      }),
      { numRuns: 150 },
    );
  });
});

it("an ES256 signature has the lower of its two s, and whoever sends the other one is told", async () => {
  const proof = withHighS(await proofBy(holders.ES256));
  expect(await proofVerdict(proof, holders.ES256)).toBe("proof_signature_invalid");
});

describe("what is presented", () => {
  const holderKey = holders.EdDSA.thumbprint;
  const codeOf = async (
    key: typeof holderKey | null,
    scheme: "api-key" | "Bearer" | "DPoP" | "body",
    has: boolean,
  ) => {
    const proof = has ? await proofBy(holders.EdDSA) : null;
    const told = await provenPossession({ token: TOKEN, scheme, proof }, { holderKey: key }, request, NOW_MS);
    return told.ok ? "accepted" : told.error.code;
  };

  it.each(["api-key", "DPoP", "body"] as const)("by %s, a bound token needs its proof", async (scheme) => {
    expect(await codeOf(holderKey, scheme, true)).toBe("accepted");
    expect(await codeOf(holderKey, scheme, false)).toBe("proof_missing");
  });

  it("as a bearer token is never a bound one, with a proof or without", async () => {
    expect(await codeOf(holderKey, "Bearer", true)).toBe("proof_missing");
    expect(await codeOf(holderKey, "Bearer", false)).toBe("proof_missing");
  });

  it("with a token that is bound to no key is no proof, and none is pretended", async () => {
    expect(await codeOf(null, "Bearer", false)).toBe("accepted");
    expect(await codeOf(null, "api-key", false)).toBe("accepted");
    expect(await codeOf(null, "DPoP", false)).toBe("proof_unexpected");
    expect(await codeOf(null, "api-key", true)).toBe("proof_unexpected");
  });
});
