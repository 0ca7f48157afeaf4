// What must hold of decision and ledger together: candidates as `decide` gives them, charged by the real AgentBook.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newLedger, storesNothing } from "../../../dev/new-ledger.ts";
import { childClaims, childLife } from "../../../src/capability/child-claims.ts";
import type { Capability } from "../../../src/capability/claims.ts";
import { delegationOf, heldDetails } from "../../../src/capability/family.ts";
import { narrowToken } from "../../../src/capability/narrow-token.ts";
import { DecisionId, reservationOf, TokenId } from "../../../src/kernel/ids.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Candidate } from "../../../src/policy/decision.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { AgentBook } from "../../../src/quota/agent-book.ts";
import type { LedgerCandidate } from "../../../src/quota/contracts.ts";
import { NO_PROMISE } from "../../../src/residency/promise.ts";
import {
  ask,
  candidatesOf,
  capability,
  detailOf,
  nowMs,
  place,
  policyId,
  policyOf,
} from "./decide-fixture.ts";
import { anyCircumstances, deny, grant, inputOf, policySet } from "./policy-arbitraries.ts";

const runs = { numRuns: 200 };
const { tenantId, agentId, home, agentVersion, tokenId } = capability;
const moment = { nowMs, revisions: { tenant: 1, platform: 1 } };

/** One that stores nothing: no step of it is cut off. */
function ledgerOfOne() {
  const book = new AgentBook(newLedger(capability, agentVersion), storesNothing, 600_000, nowMs);
  let asked = 0;
  /** Offered in order, as the Durable Object does it. The grant that is charged, or null. */
  return (candidates: readonly Candidate[]) => {
    asked += 1;
    const decisionId = DecisionId.parse(`decision_${asked.toString(16).padStart(32, "0")}`);
    const offered = candidates.map(ledgerCandidate);
    for (const [index, candidate] of offered.entries()) {
      const request = {
        v: 1,
        caller: {
          home,
          tenantId,
          agentId,
          agentVersion,
          tokenId,
          issuedAtSeconds: capability.issuedAtSeconds,
        },
        reservationId: reservationOf(decisionId),
        decisionId,
        snapshot: moment.revisions,
        purpose: "relay",
        candidates: offered,
        idempotency: null,
        subject: { requestId: `r${asked}`, action: "chat", resource: "m", endUser: null },
      } as const;
      const step = book.open({ ...request, candidates: [...offered] }, index, candidate, null, moment);
      if (step.kind === "answer") {
        expect(step).toMatchObject({ charged: true, reply: { outcome: "reserved" } });
        return candidates[index]?.grantId ?? null;
      }
      if (step.kind !== "full") throw new Error("Nothing here is the tenant's ledger's to say.");
    }
    return null;
  };
}

/** Tenant-wide counters lie in this one ledger too: the only one of its tenant. */
const ledgerCandidate = ({ claims, obligations, reservedCostNanoUsd }: Candidate): LedgerCandidate => ({
  claims: claims.map((claim) => (claim.scope === "tenant" ? { ...claim, scope: "agent" } : claim)),
  reservedTokens: obligations.reservedTokens,
  reservedCostNanoUsd,
});

/** Two ledgers that were charged alike before, so that only what is offered last differs. */
function ledgersAfter(earlier: readonly (readonly Candidate[])[]) {
  const [left, right] = [ledgerOfOne(), ledgerOfOne()];
  for (const candidates of earlier) for (const reserve of [left, right]) reserve(candidates);
  return { left, right };
}
/** Covers every ask, and has little room: so that it is often in the way of others. */
const narrowGrant = fc
  .record({ priority: fc.integer({ min: 0, max: 2 }), maxRequestsPerDay: fc.integer({ min: 1, max: 3 }) })
  .map(({ priority, ...constraints }) =>
    policyOf({ id: policyId(900), actions: ["*"], resources: ["*"], priority, constraints }),
  );
const roomyGrant = policyOf({ id: policyId(899), actions: ["*"], resources: ["*"], priority: 1 });
/** Half of them such that a plain grant allows them. */
const someCircumstances = fc
  .tuple(anyCircumstances, fc.boolean())
  .map(([any, isPlain]) =>
    isPlain ? { ...any, ask, place, capability, limits: {}, promise: NO_PROMISE } : any,
  );
const earlierAsks = fc.array(someCircumstances, { maxLength: 6 });

/** What an exchange makes of a parent, without the signature. */
function childOf(parent: Capability, maxTokensPerDay: number, index: number): Capability {
  const wanted = { details: [detailOf({ constraints: { maxTokensPerDay } })], furtherDepth: 0 };
  const narrowed = narrowToken(parent, wanted);
  if (!narrowed.ok) throw new Error(narrowed.error.message);
  const claims = childClaims({
    issuer: "i",
    audience: "a",
    parent,
    parentHash: "A".repeat(43),
    tokenId: TokenId.parse(`token_${(index + 100).toString(16).padStart(32, "0")}`),
    actor: agentId,
    holderKey: null,
    details: narrowed.value,
    life: childLife(parent, 60, nowMs),
    furtherDepth: parent.delegation.maxDepth - parent.delegation.ancestors.length - 1,
  });
  return {
    ...parent,
    tokenId: claims.jti,
    authorization: heldDetails(claims),
    delegation: delegationOf(claims),
  };
}

const anyInput = { place, limits: {}, promise: NO_PROMISE, nowMs };

it("a family never spends more of a limit than its eldest may, nor a branch more than its own", () => {
  let refused = 0;
  const someAsk = fc.record({ member: fc.nat(9), outputTokens: fc.integer({ min: 1, max: 400 }) });
  /** Each child by the place of its parent among those before it, and the part of the parent's limit that it gets. */
  const tree = fc.array(fc.tuple(fc.nat(9), fc.double({ min: 0.2, max: 1, noNaN: true })), {
    minLength: 2,
    maxLength: 9,
  });
  fc.assert(
    fc.property(tree, fc.array(someAsk, { minLength: 10, maxLength: 40 }), (branches, asks) => {
      const eldest: Capability = {
        ...capability,
        authorization: [detailOf({ constraints: { maxTokensPerDay: 2_000 } })],
        delegation: { maxDepth: 4, actors: [], ancestors: [] },
      };
      const family = [{ member: eldest, limit: 2_000, spent: 0 }];
      for (const [index, [under, part]] of branches.entries()) {
        const parent = family[under % family.length];
        if (parent === undefined || parent.member.delegation.ancestors.length === 4) continue;
        const limit = Math.max(1, Math.floor(parent.limit * part));
        family.push({ member: childOf(parent.member, limit, index), limit, spent: 0 });
      }
      const reserve = ledgerOfOne();
      for (const { member, outputTokens } of asks) {
        const asking = family[member % family.length];
        if (asking === undefined) continue;
        const asked = {
          ...anyInput,
          capability: asking.member,
          ask: { ...ask, promptTokens: 10, outputTokens },
        };
        const candidates = candidatesOf(decide(inputOf([roomyGrant], asked), { trace: false }));
        if (reserve(candidates) === null) {
          refused += 1;
          continue;
        }
        const used = candidates[0]?.obligations.reservedTokens ?? 0;
        const line = [asking.member, ...asking.member.delegation.ancestors].map(({ tokenId }) => tokenId);
        for (const one of family) if (line.includes(one.member.tokenId)) one.spent += used;
      }
      for (const { spent, limit } of family) expect(spent).toBeLessThanOrEqual(limit);
    }),
    { numRuns: 150 },
  );
  expect(refused, "asks for which no room was left").toBeGreaterThan(100);
});

describe("decided and charged", () => {
  it("an ask that is charged stays charged when a further grant is offered", () => {
    let charged = 0;
    const somePolicies = fc
      .tuple(policySet, fc.boolean())
      .map(([set, isRoomy]) => (isRoomy ? [...set, roomyGrant] : set));
    fc.assert(
      fc.property(
        somePolicies,
        fc.oneof(grant, narrowGrant),
        someCircumstances,
        fc.nat(6),
        (policies, further, last, times) => {
          const offered = (set: readonly Policy[], asked: typeof last) =>
            candidatesOf(decide(inputOf(set, asked), { trace: false }));
          // What the further grant has left is less each time, down to nothing.
          const { left, right } = ledgersAfter(Array(times).fill(offered([further], last)));
          const before = left(offered(policies, last));
          const after = right(offered([...policies, further], last));
          if (before !== null) {
            charged += 1;
            expect([before, further.id]).toContain(after);
          } else expect([null, further.id]).toContain(after);
        },
      ),
      runs,
    );
    expect(charged, "asks that were charged at all").toBeGreaterThan(10);
  });

  it("an ask that is not charged is not charged for a further deny either", () => {
    fc.assert(
      fc.property(policySet, deny, earlierAsks, someCircumstances, (policies, further, earlier, last) => {
        const offered = (set: typeof policies, asked: typeof last) =>
          candidatesOf(decide(inputOf(set, asked), { trace: false }));
        const { left, right } = ledgersAfter(earlier.map((asked) => offered(policies, asked)));
        const before = left(offered(policies, last));
        const after = right(offered([...policies, further], last));
        expect([null, before]).toContain(after);
      }),
      runs,
    );
  });

  it("the order of the policies, or one that is listed twice, makes no other grant pay", () => {
    const shuffled = policySet
      .filter((policies) => policies.length > 0)
      .chain((policies) =>
        fc.tuple(
          fc.constant(policies),
          fc.shuffledSubarray([...policies], { minLength: policies.length }),
          fc.constantFrom(...policies),
        ),
      );
    fc.assert(
      fc.property(shuffled, earlierAsks, ([policies, others, twice], asks) => {
        const [left, right] = [ledgerOfOne(), ledgerOfOne()];
        for (const asked of asks) {
          const before = left(candidatesOf(decide(inputOf(policies, asked))));
          expect(right(candidatesOf(decide(inputOf([twice, ...others], asked))))).toBe(before);
        }
      }),
      runs,
    );
  });
});
