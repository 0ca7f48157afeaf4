/** An agent's ledger in virtual time: AgentBook with its lease and alarm as src/quota/agent-ledger.object.ts has them. */
import { SECOND_MS } from "../../src/kernel/clock.ts";
import { type DecisionId, type IdMint, reservationOf } from "../../src/kernel/ids.ts";
import { AgentBook } from "../../src/quota/agent-book.ts";
import type { LedgerCandidate, ReserveRequest } from "../../src/quota/contracts.ts";
import { earliest } from "../../src/quota/earliest.ts";
import { type HeldLease, holdLease, isPastHalfLife, leaseAt } from "../../src/quota/lease.ts";
import type { LedgerCaller } from "../../src/quota/ledger-caller.ts";
import type { Hold } from "../../src/quota/slice-contracts.ts";
import { newLedger, storesNothing } from "../new-ledger.ts";
import type { ScaleTenant } from "./scale-tenant.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** One way between two ledgers of one region; the answer takes as long. */
const HOP_MS = 5;
/** How long a model takes to answer. */
const CALL_MS = 2_000;
const RELAY_MAX_MS = 600_000;
const MAX_ROUNDS = 10;
const usage = { promptTokens: 210, cachedPromptTokens: 0, completionTokens: 40, totalTokens: 250 };

export interface ScaleTally {
  calls: number;
  /** Calls that waited for the tenant's ledger, once or more. */
  hopped: number;
  refused: number;
  /** Asked the tenant as often as a call may, and never had all of its budgets at once. */
  gaveUp: number;
  /** By the second of the clock. */
  readonly admittedIn: Map<number, number>;
  /** From an agent's last use or grant of a slice to the moment its rest is the tenant's again. */
  readonly returnedAfterMs: number[];
}

export class ScaleAgent {
  readonly #time: VirtualTime;
  readonly #tenant: ScaleTenant;
  readonly #ids: IdMint;
  readonly #tally: () => ScaleTally;
  readonly #caller: LedgerCaller;
  readonly #book: AgentBook;
  readonly #told = new Map<string, number>();
  #lease: HeldLease | null = null;
  #waiting: (() => void)[] | null = null;
  #alarmMs: number | null = null;
  #lastUseMs = 0;
  #seq = 0;

  constructor(
    time: VirtualTime,
    tenant: ScaleTenant,
    ids: IdMint,
    caller: LedgerCaller,
    tally: () => ScaleTally,
  ) {
    this.#time = time;
    this.#tenant = tenant;
    this.#ids = ids;
    this.#caller = caller;
    this.#tally = tally;
    // Nothing crashes here, so nothing need be read back.
    this.#book = new AgentBook(newLedger(caller), storesNothing, RELAY_MAX_MS, time.nowMs);
  }

  call(candidate: LedgerCandidate): void {
    this.#tally().calls += 1;
    this.#attempt(requestOf(this.#caller, this.#ids.decision(), candidate), candidate, 0, false);
  }

  /** Held of the counter and not used. */
  unspent(counter: string): number {
    const revisions = { tenant: 1, platform: 1 };
    const { counters } = this.#book.state({ after: "", limit: 500 }, { nowMs: this.#time.nowMs, revisions });
    const found = counters.find((state) => state.counter === counter);
    return found ? Math.max(0, (found.held ?? 0) - found.used) : 0;
  }

  #attempt(request: ReserveRequest, candidate: LedgerCandidate, round: number, hopped: boolean): void {
    const { nowMs } = this.#time;
    const again = () => this.#attempt(request, candidate, round + 1, true);
    const live = leaseAt(this.#lease, nowMs);
    if (live === null) {
      this.#renew(again);
      return;
    }
    this.#lease = live;
    if (isPastHalfLife(live, nowMs)) this.#renew(() => {});
    const { revisions } = live;
    const step = this.#book.open(request, 0, candidate, null, { nowMs, revisions });
    if (step.kind === "needs_slice" && round < MAX_ROUNDS) {
      this.#renew(again);
      return;
    }
    if (hopped) this.#tally().hopped += 1;
    if (step.kind === "answer" && step.reply.outcome === "reserved") {
      this.#lastUseMs = nowMs;
      const { admittedIn } = this.#tally();
      const second = Math.floor(nowMs / SECOND_MS);
      admittedIn.set(second, (admittedIn.get(second) ?? 0) + 1);
      this.#time.after(CALL_MS, () => this.#settle(request));
    } else if (step.kind === "needs_slice") this.#tally().gaveUp += 1;
    else this.#tally().refused += 1;
    this.#arm(this.#book.takeWakeMs());
  }

  #settle({ caller, reservationId, purpose }: ReserveRequest): void {
    const { nowMs } = this.#time;
    const outcome = { kind: "used", usage, costNanoUsd: null } as const;
    this.#book.settle({ v: 1, caller, reservationId, purpose, outcome, completion: null }, nowMs);
    this.#lastUseMs = nowMs;
    this.#arm(this.#book.takeWakeMs());
  }

  #renew(then: () => void): void {
    if (this.#waiting !== null) {
      this.#waiting.push(then);
      return;
    }
    this.#waiting = [then];
    const askedAtMs = this.#time.nowMs;
    const report = this.#book.slices.report(askedAtMs);
    const seq = ++this.#seq;
    this.#noteReturns(report?.holds ?? []);
    this.#time.after(HOP_MS, () => {
      const slices = report && { holder: this.#caller.agentId, seq, ...report };
      const reply = this.#tenant.lease(slices, this.#time.nowMs);
      this.#time.after(HOP_MS, () => {
        if (report && reply.slices) {
          this.#book.slices.apply(report, reply.slices, askedAtMs, reply.durationMs);
          if (reply.slices.slices.length > 0) this.#lastUseMs = this.#time.nowMs;
          for (const slice of reply.slices.slices) this.#told.set(nameOf(slice), slice.held);
        }
        this.#lease = holdLease(reply, askedAtMs, this.#time.nowMs);
        const waiting = this.#waiting ?? [];
        this.#waiting = null;
        for (const run of waiting) run();
        this.#arm(this.#book.slices.reportDueMs(this.#time.nowMs));
      });
    });
  }

  #noteReturns(holds: readonly Hold[]): void {
    for (const hold of holds) {
      const before = this.#told.get(nameOf(hold)) ?? 0;
      if (hold.held < before) {
        this.#tally().returnedAfterMs.push(this.#time.nowMs + HOP_MS - this.#lastUseMs);
      }
      this.#told.set(nameOf(hold), hold.held);
    }
  }

  #arm(atMs: number | null): void {
    if (atMs === null || (this.#alarmMs !== null && this.#alarmMs <= atMs)) return;
    this.#alarmMs = atMs;
    this.#time.at(atMs, () => {
      if (this.#alarmMs === atMs) this.#alarm();
    });
  }

  #alarm(): void {
    this.#alarmMs = null;
    const { nowMs } = this.#time;
    this.#book.expire(nowMs);
    const { slices } = this.#book;
    const dueMs = slices.reportDueMs(nowMs);
    if (dueMs !== null && dueMs <= nowMs) this.#renew(() => {});
    this.#book.close(nowMs);
    // What is being reported now is no deadline any more.
    const nextMs = this.#waiting === null ? slices.reportDueMs(nowMs) : null;
    this.#arm(earliest(this.#book.nextDeadlineMs(), nextMs));
  }
}

const nameOf = ({ counter, bucket }: Pick<Hold, "counter" | "bucket">): string => `${counter}#${bucket}`;

const requestOf = (
  caller: LedgerCaller,
  decisionId: DecisionId,
  candidate: LedgerCandidate,
): ReserveRequest => ({
  v: 1,
  caller,
  reservationId: reservationOf(decisionId),
  decisionId,
  snapshot: { tenant: 1, platform: 1 },
  purpose: "relay",
  candidates: [candidate],
  idempotency: null,
  subject: {
    requestId: decisionId,
    action: "chat",
    resource: "api://azure-openai/models/gpt-4",
    endUser: null,
  },
});
