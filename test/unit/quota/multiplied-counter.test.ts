// Counters that a holder can make as many of as it likes are told from those that only an API key makes.
import { expect, it } from "vitest";
import { reservationOf, TokenId } from "../../../src/kernel/ids.ts";
import type { LimitClaim } from "../../../src/quota/limit-claim.ts";
import { isMultiplied, MAX_COUNTERS } from "../../../src/quota/multiplied-counter.ts";
import { ids, moment, NOW, newBook, who } from "./book-fixture.ts";

const token = (n: number) => TokenId.parse(`token_${String(n).padStart(32, "0")}`);
const ofToken = (n: number, subject: string | null = null) => ({ owner: `token:${token(n)}`, subject });
const held = (n: number) => ({ tokenId: token(n), issuedAtSeconds: 0 });

it.each([
  ["a policy's", { owner: "policy:p", subject: null }, held(1), false],
  ["a policy's for an end user", { owner: "policy:p", subject: "user" }, held(1), true],
  ["an issued token's", ofToken(1), held(1), false],
  ["an issued token's for an address", ofToken(1, "address"), held(1), true],
  ["a refreshed token's", ofToken(1), { ...held(2), rootTokenId: token(1) }, false],
  ["a child's", ofToken(2), { ...held(2), ancestors: [held(1)] }, true],
  ["that of a child's parent", ofToken(1), { ...held(2), ancestors: [held(1)] }, false],
  [
    "that of a child's refreshed parent",
    ofToken(1),
    { ...held(3), ancestors: [{ ...held(2), rootTokenId: token(1) }] },
    false,
  ],
  ["that of a grandchild's parent", ofToken(2), { ...held(3), ancestors: [held(1), held(2)] }, true],
])("%s", (_, claim, caller, multiplied) => {
  expect(isMultiplied(claim, caller)).toBe(multiplied);
});

it("no exchanged token has a counter of its own beyond so many, and the first of its family has", () => {
  const { book } = newBook();
  const told = (...tokens: number[]) => {
    const counter = { scope: "agent", subject: null, meter: "requests", window: "day" } as const;
    const claims: LimitClaim[] = tokens.map((n) => ({ ...counter, ...ofToken(n), limit: 10, amount: 1 }));
    const candidate = { claims, reservedTokens: 0, reservedCostNanoUsd: null };
    const decisionId = ids.decision();
    const step = book.open(
      {
        v: 1,
        caller: { ...who, agentVersion: 1, ...held(MAX_COUNTERS + 2), ancestors: [held(0)] },
        reservationId: reservationOf(decisionId),
        decisionId,
        snapshot: { tenant: 1, platform: 1 },
        purpose: "relay",
        candidates: [candidate],
        idempotency: null,
        subject: { requestId: "r", action: "chat", resource: "m", endUser: null },
      },
      0,
      candidate,
      null,
      moment(NOW),
    );
    return step.kind === "full" ? step.refusal.code : step.kind;
  };
  for (let n = 0; n < MAX_COUNTERS; n += 1_000)
    expect(told(...Array.from({ length: 1_000 }, (_, more) => n + more + 1))).toBe("answer");
  expect(told(MAX_COUNTERS)).toBe("answer");
  expect(told(MAX_COUNTERS + 1)).toBe("quota_keys_exhausted");
  expect(told(0)).toBe("answer");
});
