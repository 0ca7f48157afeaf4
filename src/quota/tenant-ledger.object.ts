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
  TenantReserve,
  type TenantReserveReply,
  TenantSettle,
} from "./contracts.ts";
import { Deadlines } from "./deadlines.object.ts";
import { earliest } from "./earliest.ts";
import {
  grantLease,
  grantsAfterPublish,
  grantsAfterStart,
  type LeaseGrants,
  leaseLeftMs,
  olderLeasesWaitMs,
} from "./lease.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { LeasePace } from "./lease-pace.ts";
import { quotaRefusal } from "./ledger-refusal.ts";
import { Permits } from "./permits.ts";
import { highestRevision, insertVoidRevision } from "./revision-rows.store.ts";
import {
  followRevision,
  isResolvable,
  isUnwritten,
  overduePrepared,
  prepareRevision,
  publishRevision,
} from "./revision-writes.ts";
import type { SliceReply, SliceRequest } from "./slice-contracts.ts";
import { type TotalsReply, TotalsRequest } from "./state-contracts.ts";
import { TenantBudgetTables } from "./tenant-budget-tables.object.ts";
import { TenantHolds } from "./tenant-holds.ts";
import { createTenantHop } from "./tenant-hop.store.ts";
import { TenantTables } from "./tenant-tables.object.ts";
import { type PrepareReply, PrepareRequest, type PublishReply, PublishRequest } from "./write-contracts.ts";

/** A handler that dies, or a D1 that cannot be reached, is tried again after this time. */
const ALARM_AGAIN_MS = 5_000;
/** What is held of windows that are over is forgotten about this often. */
const HOLDS_PURGE_MS = 3_600_000;

export class TenantLedger extends DurableObject<Env> {
  readonly #config: Config;
  readonly #tables: TenantBudgetTables;
  readonly #scope: TenantTables;
  readonly #deadlines: Deadlines;
  readonly #platform: LeaseHolder;
  readonly #holds: TenantHolds;
  readonly #permits: Permits;
  readonly #pace: LeasePace;
  #grants: LeaseGrants;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = configOf(env);
    this.#tables = new TenantBudgetTables(ctx.storage.sql);
    this.#holds = new TenantHolds(this.#tables.holds(), this.#tables.seqs());
    this.#permits = new Permits(this.#tables.permits());
    this.#pace = new LeasePace(this.#config.leaseMs);
    this.#scope = new TenantTables(ctx.storage.sql);
    this.#deadlines = new Deadlines(ctx.storage);
    const hop = createTenantHop(env, PLATFORM, PLATFORM_HOME);
    this.#platform = new LeaseHolder(
      () => Date.now(),
      () => hop.lease(null, this.#pace.neededAboveMs),
    );
    this.#grants = grantsAfterStart(this.#scope.longestMs(), Date.now());
    ctx.blockConcurrencyWhile(async () => {
      await this.#deadlines.load();
      this.#deadlines.arm(this.#nextDeadlineMs());
    });
  }

  async lease(raw: LeaseRequest): Promise<LeaseReply> {
    const { scope, slices, wantedMs } = LeaseRequest.parse(raw);
    const leaseMs = this.#pace.next(Date.now(), wantedMs);
    if (scope === PLATFORM) {
      const platform = this.#scope.revisions().revision;
      return { ...this.#grant(leaseMs, { tenant: 0, platform }), slices: null };
    }
    let above = null;
    // Even a microtask is time in which a lease can run out.
    while (above === null) {
      await this.#platform.ensureFresh();
      above = this.#platform.current();
    }
    const nowMs = Date.now();
    // A tenant's grant never outlives the tenant's own lease: else a platform write would not wait for it.
    const durationMs = Math.min(leaseMs, leaseLeftMs(above, nowMs));
    const revisions = { tenant: this.#scope.revisions().revision, platform: above.revisions.platform };
    return this.#atomically(() => ({
      ...this.#grant(durationMs, revisions),
      slices: slices && this.#exchange(slices, durationMs, nowMs),
    }));
  }

  async reserve(raw: TenantReserve): Promise<TenantReserveReply> {
    const request = TenantReserve.parse(raw);
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    return this.#atomically(() => {
      const answer = this.#permits.ask(request, nowMs);
      if (!answer.permitted) {
        this.#tables.removePermit(request.reservationId);
        return { outcome: "refused", refusal: quotaRefusal(answer.binding, nowMs) };
      }
      this.#tables.putPermit(answer.permit);
      this.#deadlines.arm(answer.permit.expiresAtMs);
      return { outcome: "reserved", limits: answer.limits };
    });
  }

  async settle(raw: TenantSettle): Promise<void> {
    const { reservationId } = TenantSettle.parse(raw);
    this.#permits.release(reservationId);
    this.#tables.removePermit(reservationId);
  }

  /** What all agents hold together of these counters: it changes nothing. */
  async totals(raw: TotalsRequest): Promise<TotalsReply> {
    const nowMs = Date.now();
    this.#expireOverdue(nowMs);
    const { counters } = TotalsRequest.parse(raw);
    // A counter has one of the two: budgets are held, calls are under way.
    return {
      used: counters.map((counter) => this.#holds.used(counter, nowMs) + this.#permits.underWay(counter)),
    };
  }

  async prepare(raw: PrepareRequest): Promise<PrepareReply> {
    const { scope, home } = PrepareRequest.parse(raw);
    const overdue = overduePrepared(this.#scope.revisions(), Date.now());
    if (overdue) await this.#resolve(overdue.revision);
    if (isUnwritten(this.#scope.revisions())) this.#follow(await highestRevision(this.env, scope, home));
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
      this.#holds.prune(Date.now());
      this.#atomically(() => this.#tables.purge(Date.now()));
      const overdue = overduePrepared(this.#scope.revisions(), Date.now());
      if (overdue) await this.#resolve(overdue.revision);
      this.#deadlines.replace(this.#nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work; a throw would use up the platform's few retries instead.
    }
  }

  #grant(durationMs: number, revisions: Revisions): Omit<LeaseReply, "slices"> {
    this.#countLease(durationMs);
    return { durationMs, revisions };
  }

  #exchange(request: SliceRequest, durationMs: number, nowMs: number): SliceReply {
    const { reply, rows } = this.#holds.exchange(request, durationMs, nowMs);
    this.#tables.putHolds(request.holder, request.seq, rows);
    if (rows.length > 0) this.#deadlines.arm(nowMs + HOLDS_PURGE_MS);
    return reply;
  }

  #countLease(durationMs: number): void {
    const next = grantLease(this.#grants, durationMs, Date.now());
    // Stored before it is granted: the output gate holds the answer until this is durable.
    if (next.longestMs > this.#grants.longestMs) this.#scope.putLongestMs(next.longestMs);
    this.#grants = next;
  }

  /** A ledger without revisions whose scope has some lost its storage, and with it what it granted. */
  #follow(highest: number): void {
    const followed = followRevision(this.#scope.revisions(), highest);
    if (followed === null) return;
    this.#atomically(() => {
      this.#scope.putRevisions(followed);
      this.#countLease(this.#pace.longestMs);
    });
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
      for (const reservationId of this.#permits.expire(nowMs)) this.#tables.removePermit(reservationId);
    });
  }

  #nextDeadlineMs(): number | null {
    return earliest(
      this.#permits.nextExpiryMs(),
      this.#tables.purgeDueMs(),
      this.#scope.revisions().prepared?.resolveAtMs ?? null,
    );
  }

  #atomically<T>(step: () => T): T {
    return this.ctx.storage.transactionSync(step);
  }
}
