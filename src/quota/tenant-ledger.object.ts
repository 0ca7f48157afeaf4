/**
 * The ledger of one tenant, or (scope `platform`) of the platform: revisions and leases, and the counters of tenant-wide
 * limits. It answers agents' ledgers; nothing here waits for an agent.
 */
import { DurableObject } from "cloudflare:workers";
import { type Config, configOf, type Env } from "../bindings.ts";
import { PLATFORM } from "../kernel/ids.ts";
import type { Revisions } from "../policy/snapshot.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import {
  type LeaseReply,
  LeaseRequest,
  type PrepareReply,
  PrepareRequest,
  type PublishReply,
  PublishRequest,
  TenantReserve,
  type TenantReserveReply,
  TenantSettle,
} from "./contracts.ts";
import { Deadlines, earliest } from "./deadlines.object.ts";
import {
  grantLease,
  grantsAfterPublish,
  grantsAfterStart,
  type LeaseGrants,
  leaseLeftMs,
  olderLeasesWaitMs,
} from "./lease.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { quotaRefusal } from "./ledger-refusal.ts";
import { LedgerTables } from "./ledger-tables.object.ts";
import { isResolvable, overduePrepared, prepareRevision, publishRevision } from "./revision-writes.ts";
import { createTenantHop } from "./tenant-hop.store.ts";
import {
  expireTenantReservation,
  openTenantReservation,
  reopenMoves,
  settleTenantReservation,
  TenantReservation,
} from "./tenant-reservation.ts";
import { TenantTables } from "./tenant-tables.object.ts";
import { insertVoidRevision } from "./void-revision.store.ts";

/** A handler that dies, or a D1 that cannot be reached, is tried again after this time. */
const ALARM_AGAIN_MS = 5_000;

export class TenantLedger extends DurableObject<Env> {
  readonly #config: Config;
  readonly #tables: LedgerTables<TenantReservation>;
  readonly #scope: TenantTables;
  readonly #deadlines: Deadlines;
  readonly #platform: LeaseHolder;
  #grants: LeaseGrants;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#tables = new LedgerTables(ctx.storage.sql, TenantReservation);
    this.#scope = new TenantTables(ctx.storage.sql);
    this.#deadlines = new Deadlines(ctx.storage);
    const hop = createTenantHop(env, PLATFORM, PLATFORM_HOME);
    this.#platform = new LeaseHolder(
      () => Date.now(),
      () => hop.lease(),
    );
    this.#grants = grantsAfterStart(this.#scope.longestMs(), Date.now());
    ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load();
      this.#deadlines.arm(this.#nextDeadlineMs());
    });
  }

  async lease(raw: LeaseRequest): Promise<LeaseReply> {
    const { scope } = LeaseRequest.parse(raw);
    const { leaseMs } = this.#config;
    if (scope === PLATFORM) {
      return this.#grant(leaseMs, { tenant: 0, platform: this.#scope.revisions().revision });
    }
    let above = null;
    // Even a microtask is time in which a lease can run out.
    while (above === null) {
      await this.#platform.ensureFresh();
      above = this.#platform.current();
    }
    const { revision } = this.#scope.revisions();
    // A tenant's grant never outlives the tenant's own lease: else a platform write would not wait for it.
    return this.#grant(Math.min(leaseMs, leaseLeftMs(above, Date.now())), {
      tenant: revision,
      platform: above.revisions.platform,
    });
  }

  async reserve(raw: TenantReserve): Promise<TenantReserveReply> {
    const request = TenantReserve.parse(raw);
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    return this.#atomically(() => {
      const known = this.#tables.find(request.reservationId);
      if (known) {
        const moves = reopenMoves(known);
        if (moves === null) throw new Error("A reservation id is never used twice.");
        this.#tables.move(moves);
        this.#tables.remove(known.reservationId);
      }
      const opening = openTenantReservation(this.#tables.total, request, nowMs);
      if (!opening.opened) return { outcome: "refused", refusal: quotaRefusal(opening.binding, nowMs) };
      this.#tables.reserve(opening.moves);
      this.#tables.put(opening.reservation, nowMs);
      this.#deadlines.arm(opening.reservation.expiresAtMs);
      return { outcome: "reserved", limits: opening.limits };
    });
  }

  async settle(raw: TenantSettle): Promise<void> {
    const request = TenantSettle.parse(raw);
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    this.#atomically(() => {
      const change = settleTenantReservation(this.#tables.find(request.reservationId), request, nowMs);
      if (change === null) return;
      this.#tables.move(change.moves);
      if (change.reservation === null) this.#tables.remove(request.reservationId);
      else this.#tables.put(change.reservation, nowMs);
    });
  }

  async prepare(raw: PrepareRequest): Promise<PrepareReply> {
    const { scope, home } = PrepareRequest.parse(raw);
    const overdue = overduePrepared(this.#scope.revisions(), Date.now());
    if (overdue) await this.#resolve(overdue.revision);
    const prepared = prepareRevision(this.#scope.revisions(), Date.now());
    if (prepared.outcome === "busy") return prepared;
    this.#atomically(() => {
      this.#scope.putRevisions(prepared.state);
      this.#scope.putAddress(scope, home);
    });
    this.#deadlines.arm(prepared.state.prepared?.resolveAtMs ?? null);
    return { outcome: "prepared", revision: prepared.revision };
  }

  async publish(raw: PublishRequest): Promise<PublishReply> {
    return this.#publish(PublishRequest.parse(raw).revision);
  }

  async resolve(raw: PublishRequest): Promise<PublishReply> {
    return this.#resolve(PublishRequest.parse(raw).revision);
  }

  override async alarm(): Promise<void> {
    this.#deadlines.replace(Date.now() + ALARM_AGAIN_MS);
    try {
      this.#expire(Date.now());
      this.#atomically(() => this.#tables.purge(Date.now()));
      const overdue = overduePrepared(this.#scope.revisions(), Date.now());
      if (overdue) await this.#resolve(overdue.revision);
      this.#deadlines.replace(this.#nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work; a throw would use up the platform's few retries instead.
    }
  }

  #grant(durationMs: number, revisions: Revisions): LeaseReply {
    const next = grantLease(this.#grants, durationMs, Date.now());
    // Stored before it is granted: the output gate holds the answer until this is durable.
    if (next.longestMs > this.#grants.longestMs) this.#scope.putLongestMs(next.longestMs);
    this.#grants = next;
    return { durationMs, revisions };
  }

  #publish(revision: number): PublishReply {
    const published = publishRevision(this.#scope.revisions(), revision);
    if (published === null) throw new Error("This revision was never prepared.");
    if (published.changed) {
      this.#scope.putRevisions(published.state);
      this.#grants = grantsAfterPublish(this.#grants);
    }
    return { waitMs: olderLeasesWaitMs(this.#grants, Date.now()) };
  }

  /** Whether the write committed or not, its number is taken in D1 afterwards, so publishing it is right either way. */
  async #resolve(revision: number): Promise<PublishReply> {
    const address = this.#scope.address();
    if (address !== null && isResolvable(this.#scope.revisions(), revision)) {
      await insertVoidRevision(this.env, address.scope, address.home, revision);
    }
    return this.#publish(revision);
  }

  #expireOverdue(nowMs: number): void {
    if (this.#deadlines.isOverdue(nowMs)) this.#expire(nowMs);
  }

  #expire(nowMs: number): void {
    this.#atomically(() => {
      for (const overdue of this.#tables.overdue(nowMs)) {
        const { reservation, moves } = expireTenantReservation(overdue, nowMs);
        this.#tables.move(moves);
        this.#tables.put(reservation, nowMs);
      }
    });
  }

  #nextDeadlineMs(): number | null {
    return earliest(this.#tables.nextDeadlineMs(), this.#scope.revisions().prepared?.resolveAtMs ?? null);
  }

  #atomically<T>(step: () => T): T {
    return this.ctx.storage.transactionSync(step);
  }
}
