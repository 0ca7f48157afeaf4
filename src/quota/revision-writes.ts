/**
 * The ledger's side of tenant and platform writes (DESIGN section 7): one prepared revision at a time, published or
 * resolved, never going back. Pure: the object stores the state and talks to D1.
 */
import { PREPARE_MAX_MS } from "../kernel/limits.ts";

export interface RevisionState {
  /** The published revision; 0 before the first write. */
  readonly revision: number;
  readonly prepared: PreparedRevision | null;
}

export interface PreparedRevision {
  readonly revision: number;
  /** When the alarm gives the write up, unless it was published. */
  readonly resolveAtMs: number;
}

/** Most writes take tens of milliseconds; who is told `busy` tries again soon. */
const BUSY_RETRY_MS = 100;

export type Prepared =
  | { readonly outcome: "prepared"; readonly state: RevisionState; readonly revision: number }
  | { readonly outcome: "busy"; readonly retryAfterMs: number };

export function prepareRevision(state: RevisionState, nowMs: number): Prepared {
  if (state.prepared !== null) return { outcome: "busy", retryAfterMs: BUSY_RETRY_MS };
  const revision = state.revision + 1;
  const prepared = { revision, resolveAtMs: nowMs + PREPARE_MAX_MS };
  return { outcome: "prepared", state: { ...state, prepared }, revision };
}

/** Before its first write, and after the loss of its storage: only D1 can tell which. */
export const isUnwritten = (state: RevisionState): boolean => state.revision === 0 && state.prepared === null;

/**
 * Takes up the highest revision of D1: below it, a write could take an older write's row for its own.
 * @returns null where there is nothing to take up.
 */
export const followRevision = (state: RevisionState, highest: number): RevisionState | null =>
  isUnwritten(state) && highest > 0 ? { revision: highest, prepared: null } : null;

/**
 * Idempotent: a revision that is already published (by its writer before, or by the alarm) changes nothing.
 * @returns null for a revision that was never prepared: publishing it would claim a write that does not exist.
 */
export function publishRevision(
  state: RevisionState,
  revision: number,
): { readonly state: RevisionState; readonly changed: boolean } | null {
  if (revision <= state.revision) return { state, changed: false };
  if (state.prepared?.revision !== revision) return null;
  return { state: { revision, prepared: null }, changed: true };
}

export const isResolvable = (state: RevisionState, revision: number): boolean =>
  state.prepared?.revision === revision;

export const overduePrepared = (state: RevisionState, nowMs: number): PreparedRevision | null =>
  state.prepared !== null && state.prepared.resolveAtMs <= nowMs ? state.prepared : null;
