/**
 * The ledger of one agent: its counters, reservations, agent state and record numbers. This file does the waiting
 * (leases, the hop to the tenant's ledger, the alarm) and stores; what is decided is decided in the synchronous steps of
 * AgentBook, and whatever was read before an await is read again after it. A call that fails by throwing holds nothing.
 */
import { DurableObject } from "cloudflare:workers";
import { AuditRecord } from "../audit/audit-record.ts";
import { configOf, type Env } from "../bindings.ts";
import { createIdMint, type ReservationId, reservationOf } from "../kernel/ids.ts";
import { ok } from "../kernel/result.ts";
import { AgentBook } from "./agent-book.ts";
import { type Moment, NothingChanged } from "./agent-gate.ts";
import { longestLifeMs } from "./agent-reservation.ts";
import type { GivenPermit, Step } from "./agent-step.ts";
import { AgentTables } from "./agent-tables.object.ts";
import { ApprovalDecision, type ApprovalDecisionReply } from "./approval-contracts.ts";
import { completionRecord } from "./completion-record.ts";
import { checkVersion } from "./contract-version.ts";
import {
  AgentState,
  type ConfirmReply,
  type ConfirmRequest,
  type LedgerCandidate,
  type LedgerRefusal,
  type RenewReply,
  RenewRequest,
  type ReserveReply,
  type ReserveRequest,
  type Settle,
  type SettleReply,
} from "./contracts.ts";
import { Deadlines } from "./deadlines.object.ts";
import { earliest } from "./earliest.ts";
import { KeptSettlement, settlementKey, tenantPartOf } from "./kept-settlement.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import type { OutboxRow } from "./outbox.object.ts";
import { RecordPacks } from "./record-packs.object.ts";
import { sendRecord } from "./record-sender.store.ts";
import {
  type ReservationReply,
  ReservationRequest,
  type StateReply,
  StateRequest,
} from "./state-contracts.ts";
import { ForgetObject, KeepObject } from "./stored-object-contracts.ts";
import { type Tenant, TenantAbove } from "./tenant-above.object.ts";
import { type RefreshReply, RefreshRequest, TokenRevocation } from "./token-contracts.ts";

type Tried = Extract<Step, { kind: "answer" | "full" | "unapproved" }>;

/** A handler that dies is run again after this time at the latest. */
const ALARM_AGAIN_MS = 30_000;
/** The queue has just failed to take a kept record. */
const KEPT_RECORD_DELAY_MS = 1_000;
/** A settlement whose hop was cut off by a restart is repeated after this time. */
const SETTLE_REPEAT_MS = 10_000;
/** Renewals a call waits for at most: others may take what each of them brings. */
const MAX_ROUNDS = 10;

const ids = createIdMint(Date.now, (length) => crypto.getRandomValues(new Uint8Array(length)));

export class AgentLedger extends DurableObject<Env> {
  readonly #tables: AgentTables;
  readonly #deadlines: Deadlines;
  readonly #relayMaxMs: number;
  readonly #book: AgentBook;
  readonly #packs: RecordPacks;
  readonly #above: TenantAbove;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#tables = new AgentTables(ctx.storage.sql);
    this.#deadlines = new Deadlines(ctx.storage);
    this.#relayMaxMs = configOf(env).relayMaxMs;
    this.#book = ctx.storage.transactionSync(
      () => new AgentBook(this.#tables.load(), this.#tables, this.#relayMaxMs, Date.now()),
    );
    this.#above = new TenantAbove(() => this.env, this.#book.slices, this.#deadlines);
    this.#packs = new RecordPacks(
      () => this.env,
      (records) => this.#keep(records),
    );
    ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load();
      this.#deadlines.arm(this.#nextDeadlineMs());
    });
  }

  async reserve(request: ReserveRequest): Promise<ReserveReply> {
    checkVersion(request);
    let firstRefusal: LedgerRefusal | undefined;
    let isUnapproved = false;
    for (const [index, candidate] of request.candidates.entries()) {
      const tried = await this.#try(request, index, candidate);
      if (tried.kind === "answer") return tried.reply;
      if (tried.kind === "unapproved") isUnapproved = true;
      else firstRefusal ??= tried.refusal;
    }
    if (isUnapproved) return this.#underLease(request.caller, (moment) => this.#book.wait(request, moment));
    const refusal = firstRefusal ?? ledgerRefusal("internal_error");
    return this.#underLease(request.caller, (moment) => this.#book.refuse(request, refusal, moment));
  }

  async confirm(request: ConfirmRequest): Promise<ConfirmReply> {
    checkVersion(request);
    return this.#underLease(request.caller, (moment) => this.#book.confirm(request, moment));
  }

  async refresh(raw: RefreshRequest): Promise<RefreshReply> {
    const request = RefreshRequest.parse(raw);
    return this.#underLease(request.caller, (moment) => this.#book.refresh(request, moment));
  }

  /** A relay that goes on holds its reservation for as long again. */
  async renew(raw: RenewRequest): Promise<RenewReply> {
    const request = RenewRequest.parse(raw);
    return this.#underLease(request.caller, (moment) => this.#book.renew(request, moment));
  }

  async settle(request: Settle): Promise<SettleReply> {
    checkVersion(request);
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    const { reply, kept } = this.#atomically(() => {
      const { reply, release } = this.#book.settle(request, nowMs);
      if (release === null) return { reply, kept: null };
      const kept = tenantPartOf(release);
      this.#tables.keepSettlement(kept, nowMs + SETTLE_REPEAT_MS);
      return { reply, kept };
    });
    const { completion, outcome } = request;
    const recorded = completion !== null && this.#book.isBusy(nowMs);
    if (recorded) this.#packs.add(completionRecord(completion, reply.number, ok(reply), outcome));
    if (kept) await this.#release(kept, nowMs);
    return { ...reply, recorded };
  }

  /** A look at the counters under the current revisions: it charges nothing and takes no number. */
  async state(raw: StateRequest): Promise<StateReply> {
    const { caller, ...page } = StateRequest.parse(raw);
    return this.#underLease(caller, (moment) => this.#book.state(page, moment));
  }

  async reservation(raw: ReservationRequest): Promise<ReservationReply> {
    return this.#book.reservation(ReservationRequest.parse(raw).reservationId);
  }

  async keepRecord(raw: AuditRecord): Promise<void> {
    this.#keep([AuditRecord.parse(raw)]);
  }

  async putAgentState(raw: AgentState): Promise<void> {
    const { v: _, ...written } = AgentState.parse(raw);
    this.#atomically(() => this.#book.putAgent(written));
  }

  async keepObject(raw: KeepObject): Promise<void> {
    const { made } = KeepObject.parse(raw);
    this.#deadlines.arm(this.#atomically(() => this.#book.objects.keep(made, Date.now())));
  }

  async forgetObject(raw: ForgetObject): Promise<void> {
    const { key } = ForgetObject.parse(raw);
    this.#atomically(() => this.#book.objects.forget(key));
  }

  async revokeTokens(raw: TokenRevocation): Promise<void> {
    const revocation = TokenRevocation.parse(raw);
    this.#atomically(() => this.#book.revokeTokens(revocation, Date.now()));
  }

  /** Also of one that this ledger knows no more, or has heard of before: then nothing changes. */
  async decideApproval(raw: ApprovalDecision): Promise<ApprovalDecisionReply> {
    const decision = ApprovalDecision.parse(raw);
    return this.#atomically(() => this.#book.approvals.decide(decision, Date.now()));
  }

  override async alarm(): Promise<void> {
    this.#deadlines.replace(Date.now() + ALARM_AGAIN_MS);
    try {
      const nowMs = Date.now();
      this.#expire(nowMs);
      await this.#above.reportSlices(this.#book.agent, nowMs);
      await this.#tables.outbox.deliver(nowMs, (row) => this.#deliver(row));
      this.#stored(() => {
        this.#book.close(Date.now());
        this.#tables.purge(Date.now());
      });
      this.#deadlines.replace(this.#nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work; a throw would use up the platform's few retries instead.
    }
  }

  #keep(records: readonly AuditRecord[]): void {
    const dueAtMs = Date.now() + KEPT_RECORD_DELAY_MS;
    this.ctx.storage.transactionSync(() => {
      for (const record of records) this.#tables.keepRecord(record, dueAtMs);
    });
    this.#deadlines.arm(dueAtMs);
  }

  /** Asks above for what the step needs, then steps again: nothing is held here while another ledger is asked. */
  async #try(request: ReserveRequest, index: number, candidate: LedgerCandidate): Promise<Tried> {
    const { caller } = request;
    const { hop, lease } = this.#above.of(caller);
    let permit: GivenPermit | null = null;
    let permitId: ReservationId | null = null;
    let isCharged = false;
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const step = await this.#underLease(caller, (moment) =>
          this.#book.open(request, index, candidate, permit, moment),
        );
        if (step.kind === "needs_slice") {
          await lease.renew();
        } else if (step.kind === "needs_permit") {
          // The tenant's ledger hears of no renewal: its part lasts as long as the call can.
          const expiresInMs = longestLifeMs(request.purpose, this.#relayMaxMs);
          // One of its own for each try: a repeated call, or the next candidate, must not end what another one holds.
          permitId = reservationOf(ids.decision());
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
      // Also where the answer was lost. Where this hop fails too, the tenant's part runs out by itself.
      if (permitId !== null && !isCharged) {
        await hop.settle({ v: 1, reservationId: permitId }).catch(() => undefined);
      }
    }
  }

  /** Runs a step in one commit, with a lease that is live at that very moment. */
  async #underLease<T>(caller: Tenant, step: (moment: Moment) => T): Promise<T> {
    const { lease } = this.#above.of(caller);
    let live = lease.currentOrRenew();
    // Even a microtask is time in which a lease can run out.
    while (live === null) {
      await lease.ensure();
      live = lease.current();
    }
    const nowMs = Date.now();
    const { revisions } = live;
    this.#expireOverdue(nowMs);
    return this.#atomically(() => step({ nowMs, revisions }));
  }

  #atomically<T>(step: () => T): T {
    const result = this.#stored(step);
    this.#deadlines.arm(this.#book.takeWakeMs());
    return result;
  }

  /** What a step writes is one commit. If it fails, memory may be ahead of what is stored, and goes with this object. */
  #stored<T>(step: () => T): T {
    try {
      return this.ctx.storage.transactionSync(step);
    } catch (error) {
      if (!(error instanceof NothingChanged)) this.ctx.abort("A step of the ledger could not be stored.");
      throw error;
    }
  }

  /** Expired reservations are charged in full; their records go out with the alarm, which is due as well. */
  #expireOverdue(nowMs: number): void {
    if (this.#deadlines.isOverdue(nowMs)) this.#expire(nowMs);
  }

  #expire(nowMs: number): void {
    this.#stored(() => this.#book.expire(nowMs));
  }

  #nextDeadlineMs(): number | null {
    const aboveMs = this.#above.nextDeadlineMs(Date.now());
    return earliest(this.#tables.nextDeadlineMs(), this.#book.nextDeadlineMs(), aboveMs);
  }

  async #release(kept: KeptSettlement, nowMs: number): Promise<void> {
    const key = settlementKey(kept);
    try {
      await this.#above.release(kept);
      this.#tables.outbox.done(key);
    } catch {
      this.#tables.outbox.failed({ key, attempts: 0 }, nowMs);
      this.#deadlines.arm(this.#tables.outbox.nextDeadlineMs());
    }
  }

  async #deliver({ kind, body }: OutboxRow): Promise<void> {
    if (kind === "record") await sendRecord(this.env, AuditRecord.parse(JSON.parse(body)));
    else await this.#above.release(KeptSettlement.parse(JSON.parse(body)));
  }
}
