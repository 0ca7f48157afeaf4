/**
 * The tenant's ledger as an agent's sees it: the lease it holds, the slices of tenant-wide budgets that renewals carry up
 * and down, and the end of tenant-wide calls. What was used or granted is told again until it has been heard.
 */
import type { Env } from "../bindings.ts";
import { backOffMs } from "./back-off.ts";
import type { LeaseReply, ReserveRequest } from "./contracts.ts";
import type { Deadlines } from "./deadlines.object.ts";
import { earliest } from "./earliest.ts";
import type { KeptSettlement } from "./kept-settlement.ts";
import { LeaseHolder } from "./lease-holder.ts";
import type { SliceHolder } from "./slice-holder.ts";
import { createTenantHop, type TenantHop } from "./tenant-hop.store.ts";

export type Tenant = Pick<ReserveRequest["caller"], "home" | "tenantId" | "agentId">;

/** A grant whose answer was lost is given back after this time. */
const ASK_DOUBT_MS = 3_000;

export class TenantAbove {
  readonly #env: () => Env;
  readonly #slices: SliceHolder;
  readonly #deadlines: Deadlines;
  #upward: { readonly hop: TenantHop; readonly lease: LeaseHolder } | null = null;
  #sliceSeq = 0;
  #failedReports = 0;
  #reportAgainMs = 0;
  /** When a grant is given back whose answer has not come; null = none is missing. */
  #doubtMs: number | null = null;

  constructor(env: () => Env, slices: SliceHolder, deadlines: Deadlines) {
    this.#env = env;
    this.#slices = slices;
    this.#deadlines = deadlines;
  }

  /** One per object: an agent has one tenant for life. */
  of({ tenantId, home, agentId }: Tenant) {
    if (this.#upward === null) {
      const hop = createTenantHop(this.#env(), tenantId, home);
      const clock = () => Date.now();
      this.#upward = {
        hop,
        lease: new LeaseHolder(clock, (askedAtMs) => this.#askLease(hop, agentId, askedAtMs)),
      };
    }
    return this.#upward;
  }

  /** What is not spent goes back, though nobody calls any more. */
  async reportSlices(agent: Tenant | null, nowMs: number): Promise<void> {
    const dueMs = this.#slices.isUncertain ? nowMs : this.#slices.reportDueMs(nowMs);
    if (agent === null || dueMs === null || dueMs > nowMs) return;
    try {
      await this.of(agent).lease.renew();
      this.#failedReports = 0;
    } catch {
      this.#failedReports += 1;
      this.#reportAgainMs = nowMs + backOffMs(this.#failedReports);
      if (this.#slices.isUncertain) this.#doubtMs = this.#reportAgainMs;
    }
  }

  /** A tenant-wide call is not under way any more. */
  release({ home, tenantId, reservationId }: KeptSettlement): Promise<void> {
    const { hop } = this.#upward ?? { hop: createTenantHop(this.#env(), tenantId, home) };
    return hop.settle({ v: 1, reservationId });
  }

  nextDeadlineMs(nowMs: number): number | null {
    const reportDueMs = this.#slices.reportDueMs(nowMs);
    return earliest(reportDueMs === null ? null : Math.max(reportDueMs, this.#reportAgainMs), this.#doubtMs);
  }

  /** The renewal carries what is held and wanted of tenant-wide budgets, so these cost no hop of their own. */
  async #askLease(hop: TenantHop, holder: string, askedAtMs: number): Promise<LeaseReply> {
    const report = this.#slices.report(askedAtMs);
    if (report === null) return hop.lease(null);
    this.#sliceSeq = Math.max(this.#sliceSeq + 1, askedAtMs);
    // Stored before the question leaves: what is granted in an answer that never comes is given back.
    if (report.asks.length > 0) this.#doubtMs = askedAtMs + ASK_DOUBT_MS;
    this.#deadlines.arm(this.#doubtMs);
    const reply = await hop.lease({ holder, seq: this.#sliceSeq, ...report });
    if (reply.slices?.accepted) {
      this.#slices.apply(report, reply.slices, askedAtMs, reply.durationMs);
      this.#doubtMs = null;
    } else {
      // The clock stepped back over a restart: the next message must be above what the tenant has seen.
      this.#sliceSeq = Math.max(this.#sliceSeq, reply.slices?.seq ?? 0);
    }
    return reply;
  }
}
