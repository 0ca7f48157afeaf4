/** The tenant's ledger in virtual time: its lease and slices as src/quota/tenant-ledger.object.ts puts them together, without storage. */
import type { LeaseReply } from "../../src/quota/contracts.ts";
import { type HeldLease, holdLease, isPastHalfLife, leaseAt, leaseLeftMs } from "../../src/quota/lease.ts";
import { LeasePace } from "../../src/quota/lease-pace.ts";
import type { SliceRequest } from "../../src/quota/slice-contracts.ts";
import { TenantHolds } from "../../src/quota/tenant-holds.ts";

export const LEASE_MS = 3_000;
const revisions = { tenant: 1, platform: 1 };

export class ScaleTenant {
  readonly holds = new TenantHolds([], []);
  readonly #pace = new LeasePace(LEASE_MS);
  readonly #platformPace = new LeasePace(LEASE_MS);
  #above: HeldLease | null = null;
  renewals = 0;
  rowsWritten = 0;
  /** Of every renewal: what the number of renewals asked for, and what was left of the platform's lease. */
  wantedMs: number[] = [];
  grantedMs: number[] = [];

  lease(slices: SliceRequest | null, nowMs: number): LeaseReply {
    const wantedMs = this.#pace.next(nowMs);
    const durationMs = Math.min(wantedMs, leaseLeftMs(this.#freshAbove(nowMs), nowMs));
    this.renewals += 1;
    this.wantedMs.push(wantedMs);
    this.grantedMs.push(durationMs);
    return { durationMs, revisions, slices: slices && this.#exchange(slices, durationMs, nowMs) };
  }

  /** The one tenant is the platform's only holder, and its hop takes no time. */
  #freshAbove(nowMs: number): HeldLease {
    const live = leaseAt(this.#above, nowMs);
    if (live !== null && !isPastHalfLife(live, nowMs)) return live;
    const reply = {
      durationMs: this.#platformPace.next(nowMs, this.#pace.neededAboveMs),
      revisions,
      slices: null,
    };
    const renewed = holdLease(reply, nowMs, nowMs);
    if (renewed === null) throw new Error("Virtual time does not step back.");
    this.#above = renewed;
    return renewed;
  }

  #exchange(request: SliceRequest, durationMs: number, nowMs: number) {
    const { reply, rows } = this.holds.exchange(request, durationMs, nowMs);
    if (rows.length > 0) this.rowsWritten += rows.length + 1;
    return reply;
  }
}
