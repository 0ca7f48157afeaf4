// One token has one successor: told again for a minute, and then no more.
import fc from "fast-check";
import { expect, it } from "vitest";
import { successorOf } from "../../../src/capability/successor-token.ts";
import { TokenId } from "../../../src/kernel/ids.ts";
import { MAX_REFRESHED_TOKENS } from "../../../src/kernel/token-limits.ts";
import { type RefreshedToken, RefreshedTokens } from "../../../src/quota/refreshed-tokens.ts";
import { capability } from "../policy/decide-fixture.ts";

const NOW = 1_790_000_000;
const token = (n: number) => TokenId.parse(`token_${String(n).padStart(32, "0")}`);
const agent = { home: "global", tenantId: capability.tenantId, agentId: capability.agentId } as const;
const requestOf = (of: number, into: number, at = NOW) => ({
  v: 1 as const,
  caller: { ...agent, agentVersion: 1, tokenId: token(of), issuedAtSeconds: NOW },
  snapshot: { tenant: 1, platform: 1 },
  proof: null,
  expiresAtSeconds: NOW + 900,
  successor: { tokenId: token(into), issuedAtSeconds: at, expiresAtSeconds: at + 900 },
});
const codeOf = (told: object) => ("code" in told ? told.code : told);

it("is told again for a minute, as it was the first time, also after a restart", () => {
  const saved: RefreshedToken[] = [];
  const first = new RefreshedTokens([], (one) => saved.push(one));
  const successor = first.refresh(requestOf(1, 2), NOW * 1_000);
  expect(successor).toEqual(requestOf(1, 2).successor);
  for (const tokens of [first, new RefreshedTokens(saved, () => {})]) {
    expect(tokens.refresh(requestOf(1, 2, NOW + 59), NOW * 1_000 + 59_999)).toEqual(successor);
    expect(codeOf(tokens.refresh(requestOf(1, 2), NOW * 1_000 + 60_000))).toBe("token_refreshed");
    expect(tokens.refusal(token(1))?.code).toBe("token_refreshed");
    expect(tokens.refusal(token(2))).toBeNull();
  }
});

it("is told no more once it was refreshed itself", () => {
  const tokens = new RefreshedTokens([], () => {});
  tokens.refresh(requestOf(1, 2), NOW * 1_000);
  tokens.refresh(requestOf(2, 3), NOW * 1_000 + 1);
  expect(codeOf(tokens.refresh(requestOf(1, 2), NOW * 1_000 + 2))).toBe("token_refreshed");
});

it("are bounded in number, and forgotten once they have expired", () => {
  const saved = Array.from({ length: MAX_REFRESHED_TOKENS }, (_, n) => ({
    tokenId: token(n),
    expiresAtMs: (NOW + 900) * 1_000,
    refreshedAtMs: NOW * 1_000,
    successor: requestOf(n, n + 100_000).successor,
  }));
  const tokens = new RefreshedTokens(saved, () => {});
  expect(codeOf(tokens.refresh(requestOf(99_999, 1), NOW * 1_000))).toBe("ledger_overloaded");
  const later = (NOW + 900 + 61) * 1_000;
  expect(tokens.refresh(requestOf(99_999, 1, NOW + 961), later)).toEqual(
    requestOf(0, 1, NOW + 961).successor,
  );
});

it("lives as long again within its chain, ends later than the old one, and always has the same id", async () => {
  const life = fc.record({
    lifeSeconds: fc.integer({ min: 1, max: 3_600 }),
    chainSeconds: fc.integer({ min: 1, max: 86_400 }),
    afterMs: fc.integer({ min: -5_000, max: 3_600_000 }),
  });
  await fc.assert(
    fc.asyncProperty(life, async ({ lifeSeconds, chainSeconds, afterMs }) => {
      const old = {
        ...capability,
        issuedAtSeconds: NOW,
        expiresAtSeconds: NOW + lifeSeconds,
        refreshUntilSeconds: NOW + Math.max(lifeSeconds, chainSeconds),
      };
      const told = await successorOf(old, NOW * 1_000 + afterMs);
      const nowSeconds = NOW + Math.max(0, Math.floor(afterMs / 1_000));
      const ends = Math.min(nowSeconds + lifeSeconds, old.refreshUntilSeconds);
      if (!told.ok) {
        expect(told.error.code).toBe("token_not_refreshable");
        expect(ends).toBeLessThanOrEqual(old.expiresAtSeconds);
        return;
      }
      expect(told.value).toMatchObject({ issuedAtSeconds: nowSeconds, expiresAtSeconds: ends });
      expect(ends).toBeGreaterThan(old.expiresAtSeconds);
      const again = await successorOf(old, NOW * 1_000 + 3_600_000 + afterMs);
      if (again.ok) expect(again.value.tokenId).toBe(told.value.tokenId);
      expect(told.value.tokenId).not.toBe(old.tokenId);
    }),
    { numRuns: 500 },
  );
  const never = await successorOf({ ...capability, refreshUntilSeconds: null }, NOW * 1_000 + 10_000);
  expect(never).toMatchObject({ ok: false, error: { code: "token_not_refreshable" } });
});
