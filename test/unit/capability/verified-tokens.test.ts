// A verifier that remembers answers as one that does not, whatever it was asked before, by any clock and under any key ring.
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { VerificationKey } from "../../../src/capability/key-ring.ts";
import type { WithdrawnKey } from "../../../src/capability/key-states.ts";
import { createVerifiedTokens, type VerifiedToken } from "../../../src/capability/verified-tokens.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { MAX_TOKEN_BYTES } from "../../../src/kernel/token-limits.ts";
import {
  foreignRing,
  here,
  keyRing,
  NOW_MS,
  NOW_SECONDS,
  signClaims,
  signSegments,
  verdict,
} from "./token-fixture.ts";

const { keyId } = keyRing.signers[0];
const ourKey = keyRing.keys.get(keyId);
const foreignKey = foreignRing.keys.get(foreignRing.signers[0].keyId);
if (!ourKey || !foreignKey) throw new Error("The fixture's rings hold no key.");

/** A ring that can change under verifiers, and one verifier that remembers beside one that does not. */
function pairOfVerifiers(maxVerifiedTokens: number) {
  const keys = new Map<string, VerificationKey>(keyRing.keys);
  const options = { keyRing: { ...keyRing, keys }, ...here };
  return {
    keys,
    remembering: createTokenVerifier({ ...options, maxVerifiedTokens }),
    forgetful: createTokenVerifier({ ...options, maxVerifiedTokens: 0 }),
  };
}

const authorization = [
  {
    type: "model_invocation",
    actions: ["chat"],
    locations: ["api://azure-openai/*"],
    constraints: { allowedCountries: ["DE"] },
  },
] as const;
const long = await signClaims({ authorization_details: authorization });
const short = await signClaims({ exp: NOW_SECONDS + 60 });
const ahead = await signClaims({ iat: NOW_SECONDS + 30, exp: NOW_SECONDS + 900 });
const invalid = await signClaims({ home: "elsewhere" });
const tokens = [long, short, ahead, invalid];
const [header = "", payload = "", signature = ""] = long.split(".");
const signedByOther = await signSegments(header, payload, foreignRing);
const otherSignature = short.split(".")[2] ?? "";

describe("a verifier that remembers", () => {
  afterEach(() => vi.restoreAllMocks());

  /** What an attacker who holds a good token makes of it. */
  const forgeries = fc.constantFrom(
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${header}.${payload}.${otherSignature}`,
    `${header}.${short.split(".")[1]}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -1)}`,
    `${header}.${payload}.${signature}A`,
    `${header}.${payload}.${signature}.`,
    `${long} `,
    ` ${long}`,
    `${long}${"A".repeat(MAX_TOKEN_BYTES)}`,
    signedByOther,
  );
  const edited = fc
    .tuple(fc.constantFrom(...tokens), fc.nat(), fc.constantFrom(..."AZaz09-_. é"))
    .map(([token, at, character]) => {
      const index = at % token.length;
      return token.slice(0, index) + character + token.slice(index + 1);
    });
  const token = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...tokens) }, forgeries, edited);
  const nowMs = fc
    .oneof(
      fc.constantFrom(0, -5_000, -5_001, 25_000, 24_999, 59_999, 60_000, 899_999, 900_000),
      fc.integer({ min: -60_000, max: 1_000_000 }),
    )
    .map((offsetMs) => NOW_MS + offsetMs);
  const heldKey = fc.oneof({ weight: 8, arbitrary: fc.constant(ourKey) }, fc.constantFrom(null, foreignKey));

  it("answers exactly as one that does not", async () => {
    const calls = fc.array(fc.record({ token, nowMs, heldKey }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(1, 2, 1_000), calls, async (maxVerifiedTokens, sequence) => {
        const { keys, remembering, forgetful } = pairOfVerifiers(maxVerifiedTokens);
        for (const call of sequence) {
          if (call.heldKey === null) keys.delete(keyId);
          else keys.set(keyId, call.heldKey);
          const expected = await forgetful.verify(call.token, call.nowMs);
          expect(await remembering.verify(call.token, call.nowMs)).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
  }, 30_000);

  it("verifies a signature once, and after a rotation again", async () => {
    const verify = vi.spyOn(crypto.subtle, "verify");
    const { keys, remembering } = pairOfVerifiers(10);
    for (let call = 0; call < 3; call += 1) await remembering.verify(long, NOW_MS);
    expect(verify).toHaveBeenCalledTimes(1);
    keys.set(keyId, { ...ourKey });
    expect(verdict(await remembering.verify(long, NOW_MS))).toBe("accepted");
    expect(verify).toHaveBeenCalledTimes(2);
  });

  it("judges expiry, clock and key anew on every call", async () => {
    const { keys, remembering } = pairOfVerifiers(10);
    const verdictAt = async (offsetMs: number) => verdict(await remembering.verify(long, NOW_MS + offsetMs));
    expect(await verdictAt(0)).toBe("accepted");
    expect(await verdictAt(899_999)).toBe("accepted");
    expect(await verdictAt(900_000)).toBe("token_expired");
    expect(await verdictAt(-5_001)).toBe("token_not_yet_valid");
    expect(await verdictAt(Number.NaN)).not.toBe("accepted");
    keys.delete(keyId);
    expect(await verdictAt(0)).toBe("token_key_unknown");
    keys.set(keyId, foreignKey);
    expect(await verdictAt(0)).toBe("token_signature_invalid");
    keys.set(keyId, ourKey);
    expect(await verdictAt(0)).toBe("accepted");
  });

  it("knows a withdrawn key on every call: its tokens open nothing, however often they were seen", async () => {
    let withdrawn: readonly WithdrawnKey[] = [];
    const { verify } = createTokenVerifier({ keyRing, ...here, withdrawnKeys: () => withdrawn });
    const told = async (token = long) => verdict(await verify(token, NOW_MS));
    expect([await told(), await told()]).toEqual(["accepted", "accepted"]);
    withdrawn = [{ keyId: foreignKey.keyId, lastIssuedAt: null }];
    expect(await told()).toBe("accepted");
    withdrawn = [{ keyId, lastIssuedAt: timestampOf(NOW_MS) }];
    expect(await told()).toBe("accepted");
    withdrawn = [{ keyId, lastIssuedAt: timestampOf(NOW_MS - 1) }];
    expect(await told()).toBe("token_key_withdrawn");
    withdrawn = [{ keyId, lastIssuedAt: null }];
    expect([await told(), await told(short)]).toEqual(["token_key_withdrawn", "token_key_withdrawn"]);
    // What its key did not sign is told nothing about the key.
    expect(await told(`${header}.${payload}.${otherSignature}`)).toBe("token_signature_invalid");
  });

  it("asks for the signature that was verified, not for the signing input alone", async () => {
    const { remembering } = pairOfVerifiers(10);
    expect(verdict(await remembering.verify(long, NOW_MS))).toBe("accepted");
    const forged = `${header}.${payload}.${otherSignature}`;
    expect(verdict(await remembering.verify(forged, NOW_MS))).toBe("token_signature_invalid");
  });

  it("keeps no failure", async () => {
    const { remembering } = pairOfVerifiers(10);
    const verdicts: string[] = [];
    for (const offsetMs of [-10_000, 0, 900_000, 1]) {
      verdicts.push(verdict(await remembering.verify(long, NOW_MS + offsetMs)));
    }
    expect(verdicts).toEqual(["token_not_yet_valid", "accepted", "token_expired", "accepted"]);
  });

  it("hands out a capability that no request can change for another", async () => {
    const { remembering } = pairOfVerifiers(10);
    const first = await remembering.verify(long, NOW_MS);
    if (!first.ok) throw new Error(first.error.code);
    const before = structuredClone(first.value);
    const [detail] = first.value.authorization ?? [];
    expect(detail).toEqual(authorization[0]);
    const attempts = [
      () => Object.assign(first.value, { tenantId: "tenant-b" }),
      () => Object.assign(first.value.roles, ["admin"]),
      () => detail?.actions.push("image"),
      () => detail?.locations.splice(0),
      () => Object.assign(detail ?? {}, { constraints: {} }),
      () => detail?.constraints.allowedCountries?.push("US"),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(TypeError);
    expect(await remembering.verify(long, NOW_MS)).toEqual({ ok: true, value: before });
  });
});

const verifiedOnce = await createTokenVerifier({ keyRing, ...here }).verify(long, NOW_MS);
if (!verifiedOnce.ok) throw new Error(verifiedOnce.error.code);
const capability = verifiedOnce.value;

describe("the tokens remembered", () => {
  const verified: VerifiedToken = { key: ourKey, capability };
  const named = (index: number) => `header.payload${index}.signature`;
  const foundAmong = (known: ReturnType<typeof createVerifiedTokens>, count: number) =>
    Array.from({ length: count }, (_, index) => index).filter((index) => known.find(named(index)));

  it("are bounded: the oldest falls out", () => {
    const known = createVerifiedTokens(3);
    for (const index of [0, 1, 2, 0, 3]) known.remember(named(index), verified);
    expect(foundAmong(known, 5)).toEqual([1, 2, 3]);
  });

  it("are never more than the bound, none included", () => {
    fc.assert(
      fc.property(fc.nat({ max: 5 }), fc.array(fc.nat({ max: 9 })), (maxEntries, order) => {
        const known = createVerifiedTokens(maxEntries);
        for (const index of order) known.remember(named(index), verified);
        expect(foundAmong(known, 10).length).toBe(Math.min(maxEntries, new Set(order).size));
      }),
    );
  });

  it("are found by the whole token only, whatever is asked for", () => {
    const known = createVerifiedTokens(10);
    known.remember(named(0), verified);
    expect(known.find(named(0))).toBe(verified);
    const near = fc.constantFrom("", ".", "header", "header.payload0", "header.payload0.", `${named(0)}.`);
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (text) => {
        fc.pre(text !== named(0));
        expect(known.find(text)).toBeUndefined();
      }),
    );
  });
});
