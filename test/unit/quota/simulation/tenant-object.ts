/**
 * The waiting of src/quota/tenant-ledger.object.ts, on a simulated node: the same sequence of steps and awaits around
 * the real TenantHolds, Permits, LeaseHolder, LeasePace and revision writes. Keep it as close to that file as it can be.
 */
import { PLATFORM } from "../../../../src/kernel/ids.ts";
import type { Revisions } from "../../../../src/policy/snapshot.ts";
import type { LeaseReply, TenantReserve, TenantReserveReply } from "../../../../src/quota/contracts.ts";
import { earliest } from "../../../../src/quota/earliest.ts";
import {
  grantLease,
  grantsAfterPublish,
  grantsAfterStart,
  type LeaseGrants,
  leaseLeftMs,
  olderLeasesWaitMs,
} from "../../../../src/quota/lease.ts";
import { LeaseHolder } from "../../../../src/quota/lease-holder.ts";
import { LeasePace } from "../../../../src/quota/lease-pace.ts";
import { quotaRefusal } from "../../../../src/quota/ledger-refusal.ts";
import { type Permit, Permits } from "../../../../src/quota/permits.ts";
import {
  followRevision,
  isResolvable,
  isUnwritten,
  overduePrepared,
  prepareRevision,
  publishRevision,
  type RevisionState,
} from "../../../../src/quota/revision-writes.ts";
import type { SliceReply, SliceRequest } from "../../../../src/quota/slice-contracts.ts";
import { type HoldRow, TenantHolds } from "../../../../src/quota/tenant-holds.ts";
import type { PrepareReply, PublishReply } from "../../../../src/quota/write-contracts.ts";
import type { DatabaseWay } from "./database.ts";
import { SimulatedDeadlines } from "./deadlines.ts";
import type { Node } from "./node.ts";

const ALARM_AGAIN_MS = 5_000;
const HOLDS_PURGE_MS = 3_600_000;

export interface TenantDeps {
  readonly scope: string;
  readonly leaseMs: number;
  readonly askPlatform: () => Promise<LeaseReply>;
  readonly database: DatabaseWay;
  readonly distortLease: (reply: LeaseReply, tookMs: number) => LeaseReply;
  /** A planted bug. */
  readonly grantsUnstored: boolean;
  /** The tenant's budget around an exchange, as the observer sees it. */
  readonly exchanged: (asks: SliceRequest["asks"], holds: TenantHolds, nowMs: number) => void;
}

export class TenantObject {
  readonly holds: TenantHolds;
  readonly permits: Permits;
  readonly #node: Node<TenantObject>;
  readonly #deps: TenantDeps;
  readonly #deadlines: SimulatedDeadlines;
  readonly #platform: LeaseHolder;
  readonly #pace: LeasePace;
  #grants: LeaseGrants;

  constructor(node: Node<TenantObject>, deps: TenantDeps) {
    this.#node = node;
    this.#deps = deps;
    const { disk } = node;
    // The disk gives back what this class put.
    this.holds = new TenantHolds(
      disk.values("holds") as HoldRow[],
      disk.values("seqs") as (readonly [string, number])[],
    );
    this.permits = new Permits(disk.values("permits") as Permit[]);
    this.#pace = new LeasePace(deps.leaseMs);
    this.#deadlines = new SimulatedDeadlines(node);
    this.#platform = new LeaseHolder(
      () => this.#now(),
      async () => {
        const askedAtMs = this.#now();
        return deps.distortLease(await deps.askPlatform(), this.#now() - askedAtMs);
      },
    );
    this.#grants = grantsAfterStart(this.#longestMs(), this.#now());
    this.#deadlines.arm(this.#nextDeadlineMs());
  }

  async lease(slices: SliceRequest | null): Promise<LeaseReply> {
    const wantedMs = this.#pace.next(this.#now());
    if (this.#deps.scope === PLATFORM) {
      const platform = this.revisions().revision;
      return { ...this.#grant(wantedMs, { tenant: 0, platform }), slices: null };
    }
    let above = null;
    while (above === null) {
      await this.#platform.ensureFresh();
      above = this.#platform.current();
    }
    const nowMs = this.#now();
    const durationMs = Math.min(wantedMs, leaseLeftMs(above, nowMs));
    const revisions = { tenant: this.revisions().revision, platform: above.revisions.platform };
    return this.#atomically(() => ({
      ...this.#grant(durationMs, revisions),
      slices: slices && this.#exchange(slices, durationMs, nowMs),
    }));
  }

  async reserve(request: TenantReserve): Promise<TenantReserveReply> {
    const nowMs = this.#now();
    this.#expireOverdue(nowMs);
    return this.#atomically(() => {
      const answer = this.permits.ask(request, nowMs);
      if (!answer.permitted) {
        this.#removePermit(request.reservationId);
        return { outcome: "refused", refusal: quotaRefusal(answer.binding, nowMs) };
      }
      this.#node.disk.put("permits", request.reservationId, answer.permit);
      this.#deadlines.arm(answer.permit.expiresAtMs);
      return { outcome: "reserved", limits: answer.limits };
    });
  }

  async settle(reservationId: string): Promise<void> {
    this.permits.release(reservationId);
    this.#removePermit(reservationId);
  }

  async prepare(): Promise<PrepareReply> {
    const overdue = overduePrepared(this.revisions(), this.#now());
    if (overdue) await this.resolve(overdue.revision);
    if (isUnwritten(this.revisions())) this.#follow(await this.#deps.database.highest());
    const prepared = prepareRevision(this.revisions(), this.#now());
    if (prepared.outcome === "busy") return prepared;
    this.#putRevisions(prepared.state);
    this.#deadlines.arm(prepared.state.prepared?.resolveAtMs ?? null);
    return { outcome: "prepared", revision: prepared.revision };
  }

  async publish(revision: number): Promise<PublishReply> {
    const published = publishRevision(this.revisions(), revision);
    if (published === null) throw new Error("This revision was never prepared.");
    if (published.changed) {
      this.#putRevisions(published.state);
      this.#grants = grantsAfterPublish(this.#grants);
    }
    return { waitMs: olderLeasesWaitMs(this.#grants, this.#now()) };
  }

  async resolve(revision: number): Promise<PublishReply> {
    if (isResolvable(this.revisions(), revision)) await this.#deps.database.insertVoid(revision);
    return this.publish(revision);
  }

  look(): void {
    this.#platform.current();
  }

  async alarm(): Promise<void> {
    this.#deadlines.replace(this.#now() + ALARM_AGAIN_MS);
    try {
      this.#expire(this.#now());
      this.holds.prune(this.#now());
      const overdue = overduePrepared(this.revisions(), this.#now());
      if (overdue) await this.resolve(overdue.revision);
      this.#deadlines.replace(this.#nextDeadlineMs());
    } catch {
      // The alarm set above repeats the work.
    }
  }

  revisions(): RevisionState {
    return (
      (this.#node.disk.get("scope", "revisions") as RevisionState | undefined) ?? {
        revision: 0,
        prepared: null,
      }
    );
  }

  #putRevisions(state: RevisionState): void {
    if (state.revision >= this.revisions().revision) this.#node.disk.put("scope", "revisions", state);
  }

  #grant(durationMs: number, revisions: Revisions): Omit<LeaseReply, "slices"> {
    this.#countLease(durationMs);
    return { durationMs, revisions };
  }

  #exchange(request: SliceRequest, durationMs: number, nowMs: number): SliceReply {
    this.#deps.exchanged(request.asks, this.holds, nowMs);
    const { reply, rows } = this.holds.exchange(request, durationMs, nowMs);
    this.#deps.exchanged(request.asks, this.holds, nowMs);
    const { holder, seq } = request;
    const granted = new Set(reply.slices.map(({ counter }) => counter));
    const stored = rows.filter(({ counter }) => !this.#deps.grantsUnstored || !granted.has(counter));
    for (const row of stored) this.#node.disk.put("holds", `${row.counter}#${row.bucket}#${holder}`, row);
    if (rows.length > 0) this.#node.disk.put("seqs", holder, [holder, seq]);
    if (rows.length > 0) this.#deadlines.arm(nowMs + HOLDS_PURGE_MS);
    return reply;
  }

  #countLease(durationMs: number): void {
    const next = grantLease(this.#grants, durationMs, this.#now());
    if (next.longestMs > this.#grants.longestMs) this.#node.disk.put("scope", "longest", next.longestMs);
    this.#grants = next;
  }

  #follow(highest: number): void {
    const followed = followRevision(this.revisions(), highest);
    if (followed === null) return;
    this.#putRevisions(followed);
    this.#countLease(this.#pace.longestMs);
  }

  #longestMs(): number {
    return (this.#node.disk.get("scope", "longest") as number | undefined) ?? 0;
  }

  #removePermit(reservationId: string): void {
    this.#node.disk.put("permits", reservationId, undefined);
  }

  #expireOverdue(nowMs: number): void {
    if (this.#deadlines.isOverdue(nowMs)) this.#expire(nowMs);
  }

  #expire(nowMs: number): void {
    for (const reservationId of this.permits.expire(nowMs)) this.#removePermit(reservationId);
  }

  #nextDeadlineMs(): number | null {
    return earliest(this.permits.nextExpiryMs(), this.revisions().prepared?.resolveAtMs ?? null);
  }

  #now(): number {
    return this.#node.clock.read();
  }

  #atomically<T>(step: () => T): T {
    return this.#node.disk.atomically(step);
  }
}
