/**
 * The ledger of one agent: its counters, reservations, agent state and record numbers. Every decision is one
 * synchronous step under a live lease: load, call a reducer, store, answer. Whatever was read before an await is read
 * again after it. A call that fails by throwing has charged nothing and used no number.
 */
import { DurableObject } from "cloudflare:workers";
import { AuditRecord } from "../audit/audit-record.ts";
import { type Config, configOf, type Env } from "../bindings.ts";
import type { Revisions } from "../policy/snapshot.ts";
import { AgentLedgerStore } from "./agent-ledger-store.object.ts";
import { type AgentReservation, claimsOf, openReservation, settleReservation } from "./agent-reservation.ts";
import { isSnapshotStale, standingAfter, standingRefusal } from "./agent-standing.ts";
import {
  AgentState,
  type ConfirmReply,
  ConfirmRequest,
  type LedgerCandidate,
  type LedgerRefusal,
  type LimitState,
  type ReserveReply,
  ReserveRequest,
  Settle,
  type SettleReply,
  type TenantReserveReply,
} from "./contracts.ts";
import { Deadlines } from "./deadlines.object.ts";
import { KeptSettlement } from "./kept-settlement.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { ledgerRefusal, quotaRefusal } from "./ledger-refusal.ts";
import type { OutboxRow } from "./outbox.object.ts";
import { sendRecord } from "./record-sender.store.ts";
import { RELEASED, takeBackMoves } from "./settlement.ts";
import { createTenantHop, type TenantHop } from "./tenant-hop.store.ts";

type Caller = ReserveRequest["caller"];
type Step =
  | { readonly kind: "answer"; readonly reply: ReserveReply }
  | { readonly kind: "full"; readonly refusal: LedgerRefusal }
  | { readonly kind: "ask_tenant"; readonly reservation: AgentReservation };

/** A handler that dies is run again after this time at the latest. */
const ALARM_AGAIN_MS = 30_000;
/** The queue has just failed to take a kept record. */
const KEPT_RECORD_DELAY_MS = 1_000;
/** A settlement whose hop was cut off by a restart is repeated after this time. */
const SETTLE_REPEAT_MS = 10_000;

export class AgentLedger extends DurableObject<Env> {
  readonly #config: Config;
  readonly #store: AgentLedgerStore;
  readonly #deadlines: Deadlines;
  #upward: { readonly hop: TenantHop; readonly lease: LeaseHolder } | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#store = new AgentLedgerStore(ctx.storage.sql);
    this.#deadlines = new Deadlines(ctx.storage);
    ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load();
      // Calls that were under way died with the last instance: nobody was answered, so nothing is held for them.
      this.#atomically(() => {
        for (const reservation of this.#store.tables.tentative()) this.#takeBack(reservation);
      });
      this.#deadlines.arm(this.#store.nextDeadlineMs());
    });
  }

  async reserve(raw: ReserveRequest): Promise<ReserveReply> {
    const request = ReserveRequest.parse(raw);
    let firstRefusal: LedgerRefusal | undefined;
    for (const [index, candidate] of request.candidates.entries()) {
      const step = await this.#underLease(request.caller, (revisions, nowMs) =>
        this.#open(request, index, candidate, revisions, nowMs),
      );
      const tried = step.kind === "ask_tenant" ? await this.#askTenant(request, candidate, step) : step;
      if (tried.kind === "answer") return tried.reply;
      firstRefusal ??= tried.refusal;
    }
    const refusal = firstRefusal ?? ledgerRefusal("internal_error");
    return this.#underLease(
      request.caller,
      (revisions, nowMs) =>
        this.#gate(request, revisions, nowMs) ?? this.#refused(request.caller, refusal, revisions),
    );
  }

  async confirm(raw: ConfirmRequest): Promise<ConfirmReply> {
    const { caller, snapshot } = ConfirmRequest.parse(raw);
    return this.#underLease(caller, (revisions) => {
      const refused = this.#standingOrStale(caller, snapshot, revisions);
      return refused ?? { outcome: "confirmed", revisions, number: this.#store.number(caller.agentId) };
    });
  }

  async settle(raw: Settle): Promise<SettleReply> {
    const request = Settle.parse(raw);
    const { home, tenantId, agentId } = request.caller;
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    const { reply, kept } = this.#atomically(() => {
      const found = this.#store.tables.find(request.reservationId);
      const { reply, change } = settleReservation(found, request.outcome, nowMs);
      const number = this.#store.number(agentId);
      if (change === null) return { reply: { ...reply, number }, kept: null };
      this.#store.tables.move(change.moves);
      this.#store.tables.put(change.reservation, nowMs);
      const kept = change.tenantSettle && { home, tenantId, settle: change.tenantSettle };
      if (kept) this.#store.keepSettlement(kept, nowMs + SETTLE_REPEAT_MS);
      return { reply: { ...reply, number }, kept };
    });
    if (kept) await this.#settleAbove(kept, nowMs);
    return reply;
  }

  async keepRecord(raw: AuditRecord): Promise<void> {
    const record = AuditRecord.parse(raw);
    this.#store.keepRecord(record, Date.now() + KEPT_RECORD_DELAY_MS);
    this.#deadlines.arm(this.#store.nextDeadlineMs());
  }

  async putAgentState(raw: AgentState): Promise<void> {
    const { version, status } = AgentState.parse(raw);
    const { agent } = this.#store;
    agent.putStanding(standingAfter(agent.standing(), { version, status }));
  }

  override async alarm(): Promise<void> {
    this.#deadlines.replace(Date.now() + ALARM_AGAIN_MS);
    try {
      const nowMs = Date.now();
      this.#expireOverdue(nowMs);
      await this.#store.outbox.deliver(nowMs, (row) => this.#deliver(row));
      this.#atomically(() => this.#store.purge(Date.now()));
      this.#deadlines.replace(this.#store.nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work; a throw would use up the platform's few retries instead.
    }
  }

  /** Agent state, then revisions: checked wherever something is decided, never remembered across an await. */
  #standingOrStale(caller: Caller, snapshot: Revisions, revisions: Revisions) {
    const refusal = standingRefusal(this.#store.agent.standing(), caller.agentVersion);
    if (refusal) return this.#refused(caller, refusal, revisions);
    return isSnapshotStale(snapshot, revisions) ? { outcome: "stale" as const, revisions } : null;
  }

  /** What answers a reserve before any quota: agent state, revisions, a repeated call, a known request id. */
  #gate(request: ReserveRequest, revisions: Revisions, nowMs: number): ReserveReply | null {
    const { caller, reservationId, idempotency } = request;
    const refused = this.#standingOrStale(caller, request.snapshot, revisions);
    if (refused) return refused;
    const same = this.#store.tables.find(reservationId);
    if (same) {
      if (same.state !== "open" || same.decisionId !== request.decisionId) {
        throw new Error("This reservation is under way, has ended, or belongs to another decision.");
      }
      // The platform repeated the call: the first answer was lost, and its number is this decision's.
      return this.#reserved(request, same, revisions, same.number, false);
    }
    const known = idempotency && this.#store.agent.knownAsk(idempotency.requestId, nowMs);
    if (!known) return null;
    const first = this.#store.tables.find(known.reservationId);
    if (idempotency.askHash !== known.askHash || first === null) {
      return this.#refused(caller, ledgerRefusal("request_id_reused"), revisions);
    }
    return this.#reserved(request, first, revisions, this.#store.takeNumber(), true);
  }

  #open(
    request: ReserveRequest,
    index: number,
    candidate: LedgerCandidate,
    revisions: Revisions,
    nowMs: number,
  ): Step {
    const answer = this.#gate(request, revisions, nowMs);
    if (answer) return { kind: "answer", reply: answer };
    const { tables } = this.#store;
    const opening = openReservation(tables.total, request, index, candidate, this.#config.relayMaxMs, nowMs);
    if (!opening.opened) return { kind: "full", refusal: quotaRefusal(opening.binding, nowMs) };
    tables.reserve(opening.moves);
    const { reservation } = opening;
    if (reservation.tenantWide) {
      tables.put(reservation, nowMs);
      return { kind: "ask_tenant", reservation };
    }
    return { kind: "answer", reply: this.#commit(request, reservation, [], revisions, nowMs) };
  }

  /** The tentative charge either becomes a reservation or is taken back, whatever happens on the way. */
  async #askTenant(
    request: ReserveRequest,
    candidate: LedgerCandidate,
    { reservation }: Extract<Step, { kind: "ask_tenant" }>,
  ): Promise<Exclude<Step, { kind: "ask_tenant" }>> {
    const { reservationId, expiresAtMs } = reservation;
    const { hop } = this.#above(request.caller);
    let reply: TenantReserveReply;
    let answered: ReserveReply | null;
    try {
      const expiresInMs = Math.max(0, expiresAtMs - Date.now());
      reply = await hop.reserve({ reservationId, claims: claimsOf(candidate, "tenant"), expiresInMs });
      if (reply.outcome === "refused") {
        this.#atomically(() => this.#takeBack(reservation));
        return { kind: "full", refusal: reply.refusal };
      }
      const { limits } = reply;
      answered = await this.#underLease(request.caller, (revisions, nowMs) => {
        // Its own tentative row must not look like another call's; it is back if this step throws.
        this.#store.tables.remove(reservationId);
        const gated = this.#gate(request, revisions, nowMs);
        if (gated === null) return this.#commit(request, reservation, limits, revisions, nowMs);
        this.#store.tables.move(takeBackMoves(reservation.charges));
        return gated;
      });
    } catch (error) {
      // If the tenant's ledger reserved after all, its own expiry charges it: never over.
      this.#atomically(() => this.#takeBack(reservation));
      throw error;
    }
    const isOurs = answered.outcome === "reserved" && answered.reservationId === reservationId;
    // Unreachable now, it expires there in full; the answer stands either way.
    if (!isOurs) await hop.settle({ v: 1, reservationId, charge: RELEASED }).catch(() => undefined);
    return { kind: "answer", reply: answered };
  }

  #commit(
    request: ReserveRequest,
    reservation: AgentReservation,
    tenantLimits: readonly LimitState[],
    revisions: Revisions,
    nowMs: number,
  ): ReserveReply {
    const number = this.#store.takeNumber();
    const limits = [...reservation.limits, ...tenantLimits];
    const open: AgentReservation = { ...reservation, state: "open", number, limits };
    this.#store.tables.put(open, nowMs);
    const { idempotency, reservationId } = request;
    if (idempotency) {
      this.#store.agent.putAsk(idempotency.requestId, { askHash: idempotency.askHash, reservationId }, nowMs);
    }
    this.#deadlines.arm(open.expiresAtMs);
    return this.#reserved(request, open, revisions, number, false);
  }

  #reserved(
    request: ReserveRequest,
    { candidate, decisionId, reservationId, limits }: AgentReservation,
    revisions: Revisions,
    n: number,
    replayed: boolean,
  ): ReserveReply {
    return {
      outcome: "reserved",
      // A replay is decided again and may offer fewer candidates than the first ask had.
      candidate: Math.min(candidate, request.candidates.length - 1),
      decisionId,
      reservationId,
      replayed,
      relayMaxMs: this.#config.relayMaxMs,
      limits,
      revisions,
      number: this.#store.numbered(request.caller.agentId, n),
    };
  }

  #refused({ agentId }: Caller, refusal: LedgerRefusal, revisions: Revisions) {
    const number = this.#store.number(agentId);
    return { outcome: "refused" as const, refusal, revisions, number };
  }

  #takeBack(reservation: AgentReservation): void {
    const { tables } = this.#store;
    // Only what is still tentative: a step that has ended it may have freed its charges already.
    if (tables.find(reservation.reservationId)?.state !== "tentative") return;
    tables.move(takeBackMoves(reservation.charges));
    tables.remove(reservation.reservationId);
  }

  /** Expired reservations are charged in full; their records go out with the alarm, which is due as well. */
  #expireOverdue(nowMs: number): void {
    if (!this.#deadlines.isOverdue(nowMs)) return;
    this.#atomically(() => this.#store.expireOverdue(nowMs));
  }

  /** Runs a step in one commit, with a lease that is live at that very moment. */
  async #underLease<T>(caller: Caller, step: (revisions: Revisions, nowMs: number) => T): Promise<T> {
    const { lease } = this.#above(caller);
    await lease.ensure();
    const nowMs = Date.now();
    const live = lease.current();
    if (live === null) throw new Error("The lease ran out before it could be used.");
    this.#expireOverdue(nowMs);
    return this.#atomically(() => step(live.revisions, nowMs));
  }

  #atomically<T>(step: () => T): T {
    return this.ctx.storage.transactionSync(step);
  }

  #above({ tenantId, home }: Pick<Caller, "tenantId" | "home">) {
    if (this.#upward === null) {
      const hop = createTenantHop(this.env, tenantId, home);
      this.#upward = {
        hop,
        lease: new LeaseHolder(
          () => Date.now(),
          () => hop.lease(),
        ),
      };
    }
    return this.#upward;
  }

  async #settleAbove(kept: KeptSettlement, nowMs: number): Promise<void> {
    const key = this.#store.settlementKey(kept);
    try {
      await this.#above(kept).hop.settle(kept.settle);
      this.#store.outbox.done(key);
    } catch {
      this.#store.outbox.failed({ key, attempts: 0 }, nowMs);
      this.#deadlines.arm(this.#store.nextDeadlineMs());
    }
  }

  async #deliver({ kind, body }: OutboxRow): Promise<boolean> {
    if (kind === "record") {
      await sendRecord(this.env, AuditRecord.parse(JSON.parse(body)));
    } else {
      const kept = KeptSettlement.parse(JSON.parse(body));
      await this.#above(kept).hop.settle(kept.settle);
    }
    return true;
  }
}
