// Revocations reach a ledger in any order, and any number of times: what it refuses depends on none of that.
import fc from "fast-check";
import { expect, it } from "vitest";
import { TokenId } from "../../../src/kernel/ids.ts";
import { NOTHING_REVOKED, RevokedTokens } from "../../../src/quota/revoked-tokens.ts";

const NOW = Date.UTC(2027, 0, 14, 12);
const tokenIds = [1, 2, 3, 4].map((digit) => TokenId.parse(`token_${String(digit).repeat(32)}`));
const tokenId = fc.constantFrom(...tokenIds);
const message = fc.record({
  tokens: fc.array(fc.record({ tokenId, expiresAtMs: fc.integer({ min: NOW, max: NOW + 3_600_000 }) }), {
    maxLength: 3,
  }),
  notBeforeMs: fc.option(fc.integer({ min: NOW - 7_200_000, max: NOW })),
});
const asked = fc.record({
  tokenId,
  issuedAtSeconds: fc.integer({ min: NOW / 1_000 - 7_200, max: NOW / 1_000 }),
});

function told(
  messages: readonly (typeof message extends fc.Arbitrary<infer M> ? M : never)[],
): RevokedTokens {
  const revoked = new RevokedTokens(NOTHING_REVOKED);
  for (const one of messages) revoked.add(one, NOW);
  return revoked;
}

it("refuses by what it was told, in whatever order, however often, and after a restart", () => {
  const both = { refused: 0, passed: 0 };
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.array(asked, { minLength: 1 }), (messages, calls) => {
      const revoked = told(messages);
      const again = told([...messages.toReversed(), ...messages]);
      const restarted = new RevokedTokens(revoked.add({ tokens: [], notBeforeMs: null }, NOW));
      for (const call of calls) {
        const isRevoked = messages.some(
          ({ tokens, notBeforeMs }) =>
            tokens.some((one) => one.tokenId === call.tokenId) ||
            call.issuedAtSeconds * 1_000 < (notBeforeMs ?? 0),
        );
        for (const ledger of [revoked, again, restarted])
          expect(ledger.refusal(call)?.code).toBe(isRevoked ? "token_revoked" : undefined);
        both[isRevoked ? "refused" : "passed"] += 1;
      }
    }),
    { numRuns: 500 },
  );
  expect(Math.min(both.refused, both.passed)).toBeGreaterThan(200);
});

it("refuses whatever comes of a token that it refuses, and nothing else of it", () => {
  const both = { refused: 0, passed: 0 };
  const family = fc.record({ own: asked, ancestors: fc.array(asked, { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), family, (messages, { own, ancestors }) => {
      const revoked = told(messages);
      const isRevoked = [own, ...ancestors].some((one) => revoked.refusal(one) !== null);
      expect(revoked.refusal({ ...own, ancestors })?.code).toBe(isRevoked ? "token_revoked" : undefined);
      both[isRevoked ? "refused" : "passed"] += 1;
    }),
    { numRuns: 500 },
  );
  expect(Math.min(both.refused, both.passed)).toBeGreaterThan(50);
});

it("forgets a single token once it has expired by any clock, and no moment ever", () => {
  const [id = tokenId] = tokenIds;
  const revoked = new RevokedTokens(NOTHING_REVOKED);
  revoked.add({ tokens: [{ tokenId: TokenId.parse(id), expiresAtMs: NOW }], notBeforeMs: NOW }, NOW);
  const nothing = { tokens: [], notBeforeMs: null };
  expect(revoked.add(nothing, NOW + 60_000).tokens).toHaveLength(1);
  expect(revoked.add(nothing, NOW + 60_001)).toEqual({ tokens: [], notBeforeMs: NOW });
});
