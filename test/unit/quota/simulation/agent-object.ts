/**
 * The waiting of src/quota/agent-ledger.object.ts and tenant-above.object.ts, on a simulated node: the same sequence of
 * steps and awaits around the real AgentBook and LeaseHolder. Keep it as close to those files as it can be.
 */
import { AgentBook } from "../../../../src/quota/agent-book.ts";
import type { Moment } from "../../../../src/quota/agent-gate.ts";
import { longestLifeMs } from "../../../../src/quota/agent-reservation.ts";
import type { GivenPermit, Step } from "../../../../src/quota/agent-step.ts";
import { backOffMs } from "../../../../src/quota/back-off.ts";
import type {
  AgentState,
  ConfirmReply,
  ConfirmRequest,
  LeaseReply,
  LedgerCandidate,
  LedgerRefusal,
  RenewReply,
  RenewRequest,
  ReserveReply,
  ReserveRequest,
  Settle,
  SettleReply,
  TenantReserve,
  TenantReserveReply,
} from "../../../../src/quota/contracts.ts";
import { earliest } from "../../../../src/quota/earliest.ts";
import { type KeptSettlement, settlementKey } from "../../../../src/quota/kept-settlement.ts";
import { LeaseHolder } from "../../../../src/quota/lease-holder.ts";
import { ledgerRefusal } from "../../../../src/quota/ledger-refusal.ts";
import type { SliceRequest } from "../../../../src/quota/slice-contracts.ts";
import { AgentDisk, type AgentWatch, type KeptRow } from "./agent-disk.ts";
import { SimulatedDeadlines } from "./deadlines.ts";
import type { Node } from "./node.ts";

const ALARM_AGAIN_MS = 30_000;
const SETTLE_REPEAT_MS = 10_000;
const ASK_DOUBT_MS = 3_000;
const MAX_ROUNDS = 10;
const DELIVER_AT_ONCE = 25;

export interface SimulatedHop {
  lease(slices: SliceRequest | null): Promise<LeaseReply>;
  reserve(
    request: Pick<TenantReserve, "reservationId" | "claims" | "expiresInMs">,
  ): Promise<TenantReserveReply>;
  settle(reservationId: ReserveRequest["reservationId"]): Promise<void>;
}

/** What the observer of the world wants to know of an agent's steps. */
export interface AgentSteps extends AgentWatch {
  reserved(request: ReserveRequest, reply: ReserveReply): void;
  confirmed(request: ConfirmRequest, reply: ConfirmReply): void;
  settled(request: Settle, reply: SettleReply): void;
  full(candidate: LedgerCandidate, refusal: LedgerRefusal): void;
}

export interface AgentDeps {
  readonly hop: SimulatedHop;
  readonly steps: AgentSteps;
  readonly relayMaxMs: number;
  readonly holder: string;
  readonly mintId: () => ReserveRequest["reservationId"];
  /** For planted bugs. */
  readonly distortLease: (reply: LeaseReply, tookMs: number) => LeaseReply;
}

type Tried = Extract<Step, { kind: "answer" | "full" | "unapproved" }>;

export class AgentObject {
  readonly book: AgentBook;
  readonly #node: Node<AgentObject>;
  readonly #deps: AgentDeps;
  readonly #tables: AgentDisk;
  readonly #deadlines: SimulatedDeadlines;
  readonly #lease: LeaseHolder;
  #sliceSeq = 0;
  #failedReports = 0;
  #reportAgainMs = 0;
  #doubtMs: number | null = null;

  constructor(node: Node<AgentObject>, deps: AgentDeps) {
    this.#node = node;
    this.#deps = deps;
    this.#tables = new AgentDisk(node.disk, deps.steps);
    this.#deadlines = new SimulatedDeadlines(node);
    this.book = node.disk.atomically(
      () => new AgentBook(this.#tables.load(), this.#tables, deps.relayMaxMs, this.#now()),
    );
    this.#lease = new LeaseHolder(
      () => this.#now(),
      (askedAtMs) => this.#askLease(askedAtMs),
    );
    this.#deadlines.arm(this.#nextDeadlineMs());
  }

  async reserve(request: ReserveRequest): Promise<ReserveReply> {
    let firstRefusal: LedgerRefusal | undefined;
    let isUnapproved = false;
    for (const [index, candidate] of request.candidates.entries()) {
      const tried = await this.#try(request, index, candidate);
      if (tried.kind === "answer") return tried.reply;
      if (tried.kind === "unapproved") isUnapproved = true;
      else firstRefusal ??= tried.refusal;
    }
    if (isUnapproved) {
      return this.#underLease((moment) => {
        const reply = this.book.wait(request, moment);
        this.#deps.steps.reserved(request, reply);
        return reply;
      });
    }
    const refusal = firstRefusal ?? ledgerRefusal("internal_error");
    return this.#underLease((moment) => {
      const reply = this.book.refuse(request, refusal, moment);
      this.#deps.steps.reserved(request, reply);
      return reply;
    });
  }

  async confirm(request: ConfirmRequest): Promise<ConfirmReply> {
    return this.#underLease((moment) => {
      const reply = this.book.confirm(request, moment);
      this.#deps.steps.confirmed(request, reply);
      return reply;
    });
  }

  async renew(request: RenewRequest): Promise<RenewReply> {
    return this.#underLease((moment) => this.book.renew(request, moment));
  }

  async settle(request: Settle): Promise<SettleReply> {
    const nowMs = this.#now();
    this.#expireOverdue(nowMs);
    const { reply, kept } = this.#atomically(() => {
      const { reply, release } = this.book.settle(request, nowMs);
      this.#deps.steps.settled(request, reply);
      if (release === null) return { reply, kept: null };
      const { home, tenantId } = release;
      const reservationId = release.permitId ?? release.reservationId;
      const kept: KeptSettlement = { home, tenantId, reservationId };
      this.#tables.keepSettlement(kept, nowMs + SETTLE_REPEAT_MS);
      return { reply, kept };
    });
    if (kept) await this.#release(kept, nowMs);
    return reply;
  }

  async putAgentState({ v: _, ...written }: AgentState): Promise<void> {
    this.#atomically(() => this.book.putAgent(written));
  }

  look(): void {
    this.#lease.current();
    this.book.slices.reportDueMs(this.#now());
  }

  async alarm(): Promise<void> {
    this.#deadlines.replace(this.#now() + ALARM_AGAIN_MS);
    try {
      const nowMs = this.#now();
      this.#expire(nowMs);
      await this.#reportSlices(nowMs);
      await this.#deliverKept(nowMs);
      this.#node.disk.atomically(() => this.book.close(this.#now()));
      this.#deadlines.replace(this.#nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work.
    }
  }

  async #try(request: ReserveRequest, index: number, candidate: LedgerCandidate): Promise<Tried> {
    const { hop } = this.#deps;
    // One of its own for each try: a repeated call, or the next candidate, must not end what another one holds.
    const permitId = this.#deps.mintId();
    let permit: GivenPermit | null = null;
    let isAsked = false;
    let isCharged = false;
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const step = await this.#underLease((moment) => {
          const opened = this.book.open(request, index, candidate, permit, moment);
          if (opened.kind === "answer") this.#deps.steps.reserved(request, opened.reply);
          if (opened.kind === "full") this.#deps.steps.full(candidate, opened.refusal);
          return opened;
        });
        if (step.kind === "needs_slice") {
          await this.#lease.renew();
        } else if (step.kind === "needs_permit") {
          const expiresInMs = longestLifeMs(request.purpose, this.#deps.relayMaxMs);
          isAsked = true;
          const above = await hop.reserve({ reservationId: permitId, claims: [...step.claims], expiresInMs });
          if (above.outcome === "refused") return { kind: "full", refusal: above.refusal };
          permit = { permitId, limits: above.limits };
        } else {
          isCharged = step.kind === "answer" && step.charged;
          return step;
        }
      }
      return { kind: "full", refusal: ledgerRefusal("ledger_overloaded") };
    } finally {
      if (isAsked && !isCharged) await hop.settle(permitId).catch(() => undefined);
    }
  }

  async #underLease<T>(step: (moment: Moment) => T): Promise<T> {
    let live = this.#lease.currentOrRenew();
    while (live === null) {
      await this.#lease.ensure();
      live = this.#lease.current();
    }
    const nowMs = this.#now();
    const { revisions } = live;
    this.#expireOverdue(nowMs);
    return this.#atomically(() => step({ nowMs, revisions }));
  }

  #atomically<T>(step: () => T): T {
    const result = this.#node.disk.atomically(step);
    this.#deadlines.arm(this.book.takeWakeMs());
    return result;
  }

  #now(): number {
    return this.#node.clock.read();
  }

  #expireOverdue(nowMs: number): void {
    if (this.#deadlines.isOverdue(nowMs)) this.#expire(nowMs);
  }

  #expire(nowMs: number): void {
    this.#node.disk.atomically(() => this.book.expire(nowMs));
  }

  #nextDeadlineMs(): number | null {
    const reportDueMs = this.book.slices.reportDueMs(this.#now());
    return earliest(
      this.#tables.nextDeliveryMs(),
      this.book.nextDeadlineMs(),
      reportDueMs === null ? null : Math.max(reportDueMs, this.#reportAgainMs),
      this.#doubtMs,
    );
  }

  async #askLease(askedAtMs: number): Promise<LeaseReply> {
    const { hop, holder, distortLease } = this.#deps;
    const report = this.book.slices.report(askedAtMs);
    if (report === null) return distortLease(await hop.lease(null), this.#now() - askedAtMs);
    this.#sliceSeq = Math.max(this.#sliceSeq + 1, askedAtMs);
    if (report.asks.length > 0) this.#doubtMs = askedAtMs + ASK_DOUBT_MS;
    this.#deadlines.arm(this.#doubtMs);
    const reply = await hop.lease({ holder, seq: this.#sliceSeq, ...report });
    if (reply.slices?.accepted) {
      this.book.slices.apply(report, reply.slices, askedAtMs, reply.durationMs);
      this.#doubtMs = null;
    } else {
      this.#sliceSeq = Math.max(this.#sliceSeq, reply.slices?.seq ?? 0);
    }
    return distortLease(reply, this.#now() - askedAtMs);
  }

  async #reportSlices(nowMs: number): Promise<void> {
    const { agent, slices } = this.book;
    const dueMs = slices.isUncertain ? nowMs : slices.reportDueMs(nowMs);
    if (agent === null || dueMs === null || dueMs > nowMs) return;
    try {
      await this.#lease.renew();
      this.#failedReports = 0;
    } catch {
      this.#failedReports += 1;
      this.#reportAgainMs = nowMs + backOffMs(this.#failedReports);
      if (slices.isUncertain) this.#doubtMs = this.#reportAgainMs;
    }
  }

  async #release(kept: KeptSettlement, nowMs: number): Promise<void> {
    const key = settlementKey(kept);
    try {
      await this.#deps.hop.settle(kept.reservationId);
      this.#tables.delivered(key);
    } catch {
      this.#tables.failed(key, nowMs);
      this.#deadlines.arm(this.#tables.nextDeliveryMs());
    }
  }

  async #deliverKept(nowMs: number): Promise<void> {
    const due = this.#tables.kept().filter(({ nextAtMs }) => nextAtMs <= nowMs);
    await Promise.all(due.slice(0, DELIVER_AT_ONCE).map((row) => this.#deliver(row, nowMs)));
  }

  async #deliver({ key, body }: KeptRow, nowMs: number): Promise<void> {
    try {
      if ("settlement" in body) await this.#deps.hop.settle(body.settlement.reservationId);
      this.#tables.delivered(key);
    } catch {
      this.#tables.failed(key, nowMs);
    }
  }
}
