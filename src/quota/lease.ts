/**
 * Leases, from both sides (DESIGN section 7). A lease is a duration, so clocks need not agree: the holder counts from
 * before it asked, the grantor from its answer plus a margin. So the holder's end always comes first. Pure.
 */
import { LEASE_GRANTOR_MARGIN_MS } from "../kernel/limits.ts";
import type { Revisions } from "../policy/snapshot.ts";
import type { LeaseReply } from "./contracts.ts";

export interface HeldLease {
  readonly askedAtMs: number;
  readonly durationMs: number;
  readonly revisions: Revisions;
  /** The latest clock reading under this lease. */
  readonly seenAtMs: number;
}

/** Null when the answer came from before the question: the clock stepped back meanwhile, and tells nothing. */
export function holdLease(reply: LeaseReply, askedAtMs: number, nowMs: number): HeldLease | null {
  const { durationMs, revisions } = reply;
  return nowMs < askedAtMs ? null : { askedAtMs, durationMs, revisions, seenAtMs: nowMs };
}

export const leaseLeftMs = (lease: HeldLease, nowMs: number): number =>
  Math.max(0, lease.askedAtMs + lease.durationMs - nowMs);

/** The lease as seen now, or null: run out, or the clock stepped back and its age is unknown. */
export function leaseAt(lease: HeldLease | null, nowMs: number): HeldLease | null {
  if (lease === null || nowMs < lease.seenAtMs || leaseLeftMs(lease, nowMs) === 0) return null;
  return { ...lease, seenAtMs: nowMs };
}

export const isPastHalfLife = (lease: HeldLease, nowMs: number): boolean =>
  leaseLeftMs(lease, nowMs) * 2 < lease.durationMs;

export interface LeaseGrants {
  /** The longest duration ever granted; stored before it is granted, since a restart forgets the rest. */
  readonly longestMs: number;
  /** Until when any granted lease may be live. */
  readonly outstandingUntilMs: number;
  /** Until when a lease may be live that carries a revision older than the published one. */
  readonly olderUntilMs: number;
}

/** A restarted grantor has forgotten what it granted: anything up to the longest may be out since just before. */
export function grantsAfterStart(longestMs: number, startedAtMs: number): LeaseGrants {
  const untilMs = longestMs === 0 ? 0 : startedAtMs + longestMs + LEASE_GRANTOR_MARGIN_MS;
  return { longestMs, outstandingUntilMs: untilMs, olderUntilMs: untilMs };
}

export const grantLease = (grants: LeaseGrants, durationMs: number, nowMs: number): LeaseGrants => ({
  ...grants,
  longestMs: Math.max(grants.longestMs, durationMs),
  outstandingUntilMs: Math.max(
    grants.outstandingUntilMs,
    durationMs === 0 ? 0 : nowMs + durationMs + LEASE_GRANTOR_MARGIN_MS,
  ),
});

/** From here on every lease that is out carries an older revision. */
export const grantsAfterPublish = (grants: LeaseGrants): LeaseGrants => ({
  ...grants,
  olderUntilMs: grants.outstandingUntilMs,
});

export const olderLeasesWaitMs = (grants: LeaseGrants, nowMs: number): number =>
  Math.max(0, grants.olderUntilMs - nowMs);
