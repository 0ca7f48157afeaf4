/**
 * The ledger of one agent: its counters, reservations, agent state and record numbers. This file does the waiting
 * (leases, the hop to the tenant's ledger, the alarm); what is decided is decided in synchronous steps, and whatever
 * was read before an await is read again after it. A call that fails by throwing has used no number and holds nothing.
 */
import { DurableObject } from "cloudflare:workers";
import { AuditRecord } from "../audit/audit-record.ts";
import { configOf, type Env } from "../bindings.ts";
import { AgentLedgerStore } from "./agent-ledger-store.object.ts";
import { type AgentReservation, claimsOf } from "./agent-reservation.ts";
import { standingAfter } from "./agent-standing.ts";
import { AgentSteps, type Moment, type Tried } from "./agent-steps.object.ts";
import {
  AgentState,
  type ConfirmReply,
  ConfirmRequest,
  type LedgerCandidate,
  type LedgerRefusal,
  type ReserveReply,
  ReserveRequest,
  Settle,
  type SettleReply,
} from "./contracts.ts";
import { Deadlines } from "./deadlines.object.ts";
import { KeptSettlement } from "./kept-settlement.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import type { OutboxRow } from "./outbox.object.ts";
import { sendRecord } from "./record-sender.store.ts";
import { RELEASED } from "./settlement.ts";
import { createTenantHop, type TenantHop } from "./tenant-hop.store.ts";

type Tenant = Pick<ReserveRequest["caller"], "home" | "tenantId">;

/** A handler that dies is run again after this time at the latest. */
const ALARM_AGAIN_MS = 30_000;
/** The queue has just failed to take a kept record. */
const KEPT_RECORD_DELAY_MS = 1_000;
/** A settlement whose hop was cut off by a restart is repeated after this time. */
const SETTLE_REPEAT_MS = 10_000;

export class AgentLedger extends DurableObject<Env> {
  readonly #store: AgentLedgerStore;
  readonly #deadlines: Deadlines;
  readonly #steps: AgentSteps;
  #upward: { readonly hop: TenantHop; readonly lease: LeaseHolder } | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new AgentLedgerStore(ctx.storage.sql);
    this.#deadlines = new Deadlines(ctx.storage);
    this.#steps = new AgentSteps(this.#store, this.#deadlines, configOf(env).relayMaxMs);
    ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load();
      // Calls that were under way died with the last instance: nobody was answered, so nothing is held for them.
      this.#atomically(() => {
        for (const reservation of this.#store.tables.tentative()) this.#steps.takeBack(reservation);
      });
      this.#deadlines.arm(this.#store.nextDeadlineMs());
    });
  }

  async reserve(raw: ReserveRequest): Promise<ReserveReply> {
    const request = ReserveRequest.parse(raw);
    const { caller } = request;
    let firstRefusal: LedgerRefusal | undefined;
    for (const [index, candidate] of request.candidates.entries()) {
      const step = await this.#underLease(caller, (moment) =>
        this.#steps.open(request, index, candidate, moment),
      );
      const tried =
        step.kind === "ask_tenant" ? await this.#askTenant(request, candidate, step.reservation) : step;
      if (tried.kind === "answer") return tried.reply;
      firstRefusal ??= tried.refusal;
    }
    const refusal = firstRefusal ?? ledgerRefusal("internal_error");
    return this.#underLease(caller, (moment) => this.#steps.refuse(request, refusal, moment));
  }

  async confirm(raw: ConfirmRequest): Promise<ConfirmReply> {
    const request = ConfirmRequest.parse(raw);
    return this.#underLease(request.caller, (moment) => this.#steps.confirm(request, moment));
  }

  async settle(raw: Settle): Promise<SettleReply> {
    const request = Settle.parse(raw);
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    const { reply, kept } = this.#atomically(() =>
      this.#steps.settle(request, nowMs, nowMs + SETTLE_REPEAT_MS),
    );
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
      this.#expire(nowMs);
      await this.#store.outbox.deliver(nowMs, (row) => this.#deliver(row));
      this.#atomically(() => this.#store.purge(Date.now()));
      this.#deadlines.replace(this.#store.nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work; a throw would use up the platform's few retries instead.
    }
  }

  /** The tentative charge either becomes a reservation or is taken back, whatever happens on the way. */
  async #askTenant(
    request: ReserveRequest,
    candidate: LedgerCandidate,
    reservation: AgentReservation,
  ): Promise<Tried> {
    const { reservationId, expiresAtMs } = reservation;
    const { hop } = this.#above(request.caller);
    try {
      const claims = claimsOf(candidate, "tenant");
      const expiresInMs = Math.max(0, expiresAtMs - Date.now());
      const above = await hop.reserve({ reservationId, claims, expiresInMs });
      if (above.outcome === "refused") {
        this.#atomically(() => this.#steps.takeBack(reservation));
        return { kind: "full", refusal: above.refusal };
      }
      const reply = await this.#underLease(request.caller, (moment) =>
        this.#steps.close(request, reservation, above.limits, moment),
      );
      const isOurs = reply.outcome === "reserved" && reply.reservationId === reservationId;
      // Where this hop fails, the tenant's part expires in full: never over, and the answer stands.
      if (!isOurs) await hop.settle({ v: 1, reservationId, charge: RELEASED }).catch(() => undefined);
      return { kind: "answer", reply };
    } catch (error) {
      // If the tenant's ledger reserved after all, its own expiry charges it: never over.
      this.#atomically(() => this.#steps.takeBack(reservation));
      throw error;
    }
  }

  /** Expired reservations are charged in full; their records go out with the alarm, which is due as well. */
  #expireOverdue(nowMs: number): void {
    if (this.#deadlines.isOverdue(nowMs)) this.#expire(nowMs);
  }

  #expire(nowMs: number): void {
    this.#atomically(() => this.#store.expireOverdue(nowMs));
  }

  /** Runs a step in one commit, with a lease that is live at that very moment. */
  async #underLease<T>(caller: Tenant, step: (moment: Moment) => T): Promise<T> {
    const { lease } = this.#above(caller);
    let live = null;
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
    return this.ctx.storage.transactionSync(step);
  }

  #above({ tenantId, home }: Tenant) {
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

  async #deliver({ kind, body }: OutboxRow): Promise<void> {
    if (kind === "record") {
      await sendRecord(this.env, AuditRecord.parse(JSON.parse(body)));
    } else {
      const kept = KeptSettlement.parse(JSON.parse(body));
      await this.#above(kept).hop.settle(kept.settle);
    }
  }
}
