/**
 * The approvals of an agent's ledger, driven at random over the real book: whatever comes in whichever order, with
 * restarts between, an approval lets its own request through at most once, in time, and never for whoever gave it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newLedger, storesNothing } from "../../../dev/new-ledger.ts";
import { ApiKeyId, createIdMint, reservationOf, TenantId } from "../../../src/kernel/ids.ts";
import {
  APPROVAL_GRACE_MS,
  APPROVAL_PENDING_MS,
  MAX_APPROVAL_ASKERS,
  MAX_PENDING_APPROVALS,
} from "../../../src/kernel/limits.ts";
import { type AgentApproval, AgentApprovals, type ApprovalRows } from "../../../src/quota/agent-approvals.ts";
import { AgentBook } from "../../../src/quota/agent-book.ts";
import type { AgentReservation } from "../../../src/quota/agent-reservation.ts";
import type { AgentStore, KnownAsk } from "../../../src/quota/agent-store.ts";
import type { ApprovalDecision } from "../../../src/quota/approval-contracts.ts";
import type { ReserveReply, ReserveRequest } from "../../../src/quota/contracts.ts";

const NOW = Date.UTC(2028, 2, 1, 12);
const ids = createIdMint(
  () => NOW,
  (length) => crypto.getRandomValues(new Uint8Array(length)),
);
const who = { home: "global", tenantId: TenantId.parse("t"), agentId: ids.agent() } as const;
const keyOf = (index: number) => ApiKeyId.parse(`key_${String(index).padStart(32, "0")}`);
const hashOf = (index: number) => String(index).padStart(64, "0");
const decisionOf = (
  approvalId: AgentApproval["approvalId"],
  decision: ApprovalDecision["decision"],
  key: number,
  expiresAtMs: number,
): ApprovalDecision => ({ v: 1, ...who, approvalId, decision, decidedBy: keyOf(key), expiresAtMs });

function memoryRows() {
  const rows = new Map<string, AgentApproval>();
  const all = () => [...rows.values()];
  return {
    rows,
    putApproval: (approval) => void rows.set(approval.approvalId, approval),
    findApproval: (id) => rows.get(id) ?? null,
    approvalsOf: (hash) => all().filter(({ requestHash }) => requestHash === hash),
    pendingApprovals: (nowMs) =>
      all().filter(({ state, expiresAtMs }) => state === "pending" && expiresAtMs > nowMs).length,
  } satisfies ApprovalRows & { rows: Map<string, AgentApproval> };
}

const askOf = (hash: number, ...keys: number[]) => ({
  approvalId: ids.approval(),
  requestHash: hashOf(hash),
  keyIds: keys.map(keyOf),
});

describe("an approval", () => {
  it("lapses while it is pending, and once it is approved", () => {
    const approvals = new AgentApprovals(memoryRows());
    const first = approvals.wait(askOf(1, 1), NOW).waiting;
    if (!first) throw new Error("It does not wait.");
    expect(first).toMatchObject({ isNew: true, requestedAtMs: NOW, expiresAtMs: NOW + APPROVAL_PENDING_MS });
    expect(approvals.wait(askOf(1, 1), first.expiresAtMs - 1).waiting).toMatchObject({
      isNew: false,
      approvalId: first.approvalId,
    });
    const second = approvals.wait(askOf(1, 1), first.expiresAtMs).waiting;
    expect(second?.approvalId).not.toBe(first.approvalId);
    if (!second) throw new Error("It does not wait.");
    const untilMs = first.expiresAtMs + 60_000;
    expect(approvals.decide(decisionOf(second.approvalId, "approved", 2, untilMs), NOW)).toEqual({
      outcome: "decided",
    });
    expect(approvals.spendable(askOf(1, 1), untilMs - 1)).not.toBeNull();
    expect(approvals.spendable(askOf(1, 1), untilMs)).toBeNull();
  });

  it("can be decided a little after it lapsed, by a clock that is behind, and no later", () => {
    const approvals = new AgentApprovals(memoryRows());
    const { waiting } = approvals.wait(askOf(1, 1), NOW);
    if (!waiting) throw new Error("It does not wait.");
    const endMs = waiting.expiresAtMs + APPROVAL_GRACE_MS;
    const decision = decisionOf(waiting.approvalId, "approved", 2, endMs + 60_000);
    expect(approvals.decide(decision, endMs)).toEqual({ outcome: "unknown" });
    expect(approvals.decide(decision, endMs - 1)).toEqual({ outcome: "decided" });
    expect(approvals.spendable(askOf(1, 1), endMs)).not.toBeNull();
  });

  it("is none that a decision makes: nobody asked for it here, or it is spent", () => {
    const approvals = new AgentApprovals(memoryRows());
    const decision = decisionOf(ids.approval(), "approved", 2, NOW + 60_000);
    expect(approvals.decide(decision, NOW)).toEqual({ outcome: "unknown" });
    const { waiting } = approvals.wait(askOf(1, 1), NOW);
    if (!waiting) throw new Error("It does not wait.");
    const given = decisionOf(waiting.approvalId, "approved", 2, NOW + 60_000);
    approvals.decide(given, NOW);
    const spendable = approvals.spendable(askOf(1, 1), NOW);
    if (!spendable) throw new Error("It cannot be spent.");
    approvals.spend(spendable);
    expect(approvals.decide(given, NOW)).toEqual({ outcome: "spent" });
    expect(approvals.spendable(askOf(1, 1), NOW)).toBeNull();
  });

  it("is not prolonged by its decision repeated, nor turned by another", () => {
    const approvals = new AgentApprovals(memoryRows());
    const { waiting } = approvals.wait(askOf(1, 1), NOW);
    if (!waiting) throw new Error("It does not wait.");
    approvals.decide(decisionOf(waiting.approvalId, "denied", 2, waiting.expiresAtMs), NOW);
    approvals.decide(decisionOf(waiting.approvalId, "approved", 3, waiting.expiresAtMs + 1), NOW);
    expect(approvals.wait(askOf(1, 1), NOW)).toEqual({
      refusal: expect.objectContaining({ code: "approval_denied", approvalId: waiting.approvalId }),
      waiting: null,
    });
  });

  it("waits in bounded number, and remembers a bounded number of askers", () => {
    const approvals = new AgentApprovals(memoryRows());
    for (let hash = 0; hash < MAX_PENDING_APPROVALS; hash += 1)
      expect(approvals.wait(askOf(hash, 1), NOW).waiting?.isNew).toBe(true);
    expect(approvals.wait(askOf(MAX_PENDING_APPROVALS, 1), NOW).refusal.code).toBe("approvals_exhausted");
    for (let key = 2; key < 2 * MAX_APPROVAL_ASKERS; key += 1) approvals.wait(askOf(0, key), NOW);
    const askedBy = approvals.wait(askOf(0, 2), NOW).waiting?.askedBy;
    expect(askedBy?.slice(0, 3)).toEqual([1, 2, 3].map(keyOf));
    expect(askedBy).toHaveLength(MAX_APPROVAL_ASKERS);
    expect(approvals.wait(askOf(MAX_PENDING_APPROVALS, 1), NOW + APPROVAL_PENDING_MS).waiting).not.toBeNull();
  });
});

/** A ledger whose storage outlives it. */
function createLedger() {
  const approvals = memoryRows();
  const reservations = new Map<string, AgentReservation>();
  const asks = new Map<string, KnownAsk>();
  const store: AgentStore = {
    ...storesNothing,
    ...approvals,
    putReservation: (reservation) => void reservations.set(reservation.reservationId, reservation),
    removeReservation: (id) => void reservations.delete(id),
    findReservation: (id) => reservations.get(id) ?? null,
    knownAsk: (requestId) => asks.get(requestId) ?? null,
    putAsk: (requestId, known) => void asks.set(requestId, known),
  };
  const start = () => {
    const open = [...reservations.values()].filter(({ state }) => state === "open");
    return new AgentBook({ ...newLedger(who), open }, store, 600_000, NOW);
  };
  let book = start();
  return {
    approvals: approvals.rows,
    restart: () => {
      book = start();
    },
    decide: (decision: ApprovalDecision, nowMs: number) => book.approvals.decide(decision, nowMs),
    /** As the object does it: the candidates in order, then what is left to say. */
    reserve(request: ReserveRequest, nowMs: number): ReserveReply {
      const moment = { nowMs, revisions: { tenant: 1, platform: 1 } };
      let isUnapproved = false;
      for (const [index, candidate] of request.candidates.entries()) {
        const step = book.open(request, index, candidate, null, moment);
        if (step.kind === "answer") return step.reply;
        isUnapproved ||= step.kind === "unapproved";
      }
      expect(isUnapproved).toBe(true);
      return book.wait(request, moment);
    },
  };
}

const candidate = { claims: [], reservedTokens: 1, reservedCostNanoUsd: null, needsApproval: true };
const requestOf = (hash: number, key: number, requestId: string | null): ReserveRequest => ({
  v: 1,
  caller: { ...who, agentVersion: 1, tokenId: ids.token(), issuedAtSeconds: 0 },
  reservationId: reservationOf(ids.decision()),
  decisionId: ids.decision(),
  snapshot: { tenant: 1, platform: 1 },
  purpose: requestId === null ? "relay" : "enforce",
  candidates: [candidate],
  idempotency: requestId === null ? null : { requestId, askHash: hashOf(hash) },
  subject: { requestId: "r", action: "chat", resource: "m", endUser: null },
  approval: askOf(hash, key),
});

type Event =
  | { readonly kind: "ask"; readonly hash: number; readonly key: number; readonly requestId: string | null }
  | {
      readonly kind: "repeat" | "decide";
      readonly pick: number;
      readonly key: number;
      readonly approve: boolean;
    }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "restart" };

const small = fc.nat({ max: 2 });
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("ask" as const),
      hash: fc.nat({ max: 1 }),
      key: small,
      requestId: fc.constantFrom(null, null, "a", "b"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("repeat" as const, "decide" as const, "decide" as const),
      pick: fc.nat(),
      key: small,
      approve: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(1_000, 1_800_000, APPROVAL_PENDING_MS),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

it("lets each approved request through at most once, whatever happens around it", () => {
  let passed = 0;
  fc.assert(
    fc.property(fc.array(event, { minLength: 20, maxLength: 80 }), (events) => {
      const ledger = createLedger();
      let nowMs = NOW;
      const asked: ReserveRequest[] = [];
      const seen: AgentApproval["approvalId"][] = [];
      const decided = new Map<string, ApprovalDecision>();
      const spentBy = new Map<string, string>();

      const reserve = (request: ReserveRequest) => {
        let reply: ReserveReply;
        try {
          reply = ledger.reserve(request, nowMs);
        } catch {
          // A reservation that has ended cannot be made again.
          return;
        }
        if (reply.outcome === "refused") {
          if (reply.waiting) seen.push(reply.waiting.approvalId);
          return;
        }
        if (reply.outcome === "stale") throw new Error("Nothing is stale here.");
        const { approvalId } = reply;
        if (!approvalId) throw new Error("It passed without an approval.");
        passed += 1;
        // The same reservation may be told of again; no other one is ever let through by the same approval.
        expect(spentBy.get(approvalId) ?? reply.reservationId).toBe(reply.reservationId);
        const isFirst = !spentBy.has(approvalId);
        spentBy.set(approvalId, reply.reservationId);
        const decision = decided.get(approvalId);
        expect(decision?.decision).toBe("approved");
        expect(ledger.approvals.get(approvalId)?.requestHash).toBe(request.approval?.requestHash);
        if (!isFirst) return;
        expect(nowMs).toBeLessThan(decision?.expiresAtMs ?? 0);
        expect(request.approval?.keyIds).not.toContain(decision?.decidedBy);
      };

      for (const one of events) {
        if (one.kind === "pass") nowMs += one.ms;
        else if (one.kind === "restart") ledger.restart();
        else if (one.kind === "ask") {
          const request = requestOf(one.hash, one.key, one.requestId);
          asked.push(request);
          reserve(request);
        } else if (one.kind === "repeat") {
          const request = asked[one.pick % Math.max(1, asked.length)];
          if (request) reserve(request);
        } else {
          const approvalId = seen[one.pick % Math.max(1, seen.length)];
          if (!approvalId) continue;
          const fresh = decisionOf(
            approvalId,
            one.approve ? "approved" : "denied",
            one.key,
            nowMs + 3_600_000,
          );
          // D1 commits one decision; what the ledger hears later is that one, again.
          const decision = decided.get(approvalId) ?? fresh;
          if (ledger.decide(decision, nowMs).outcome === "decided") decided.set(approvalId, decision);
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(passed).toBeGreaterThan(100);
});
