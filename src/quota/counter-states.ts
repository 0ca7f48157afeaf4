/** The live counters of an agent's ledger as a page, for whoever wants to look: it changes nothing. Pure. */
import type { CounterBook } from "./counter-book.ts";
import { counterName } from "./limit-claim.ts";
import type { OpenReservation } from "./open-reservations.ts";
import { isTenantCounter, type SliceHolder } from "./slice-holder.ts";
import type { CounterState, StateRequest } from "./state-contracts.ts";
import { bucketEndMs } from "./windows.ts";

interface Look {
  readonly book: CounterBook;
  readonly slices: SliceHolder;
  readonly open: Iterable<OpenReservation>;
  readonly nowMs: number;
}

export function counterStates(
  { book, slices, open, nowMs }: Look,
  { after, limit }: Pick<StateRequest, "after" | "limit">,
): { readonly counters: CounterState[]; readonly more: boolean } {
  const underWay = tenantWideUnderWay(open);
  const stateOf = (counter: string) => underWay.get(counter) ?? countedState(counter, book, slices, nowMs);
  // Sliced budgets of which nothing is used yet have no counter, and tenant-wide concurrency never has one here.
  const names = new Set([...book.names(), ...slices.names(), ...underWay.keys()]);
  const counters: CounterState[] = [];
  for (const counter of [...names].filter((name) => name > after).sort()) {
    const state = stateOf(counter);
    if (state === null) continue;
    if (counters.length === limit) return { counters, more: true };
    counters.push(state);
  }
  return { counters, more: false };
}

/** What this agent has under way of limits on the calls of all agents: the tenant's ledger counts these, call by call. */
function tenantWideUnderWay(open: Iterable<OpenReservation>): Map<string, CounterState> {
  const states = new Map<string, CounterState>();
  for (const { reservation } of open) {
    if (!reservation.tenantWide) continue;
    for (const { owner, scope, meter, window } of reservation.limits) {
      if (scope !== "tenant" || meter !== "concurrent") continue;
      const counter = counterName({ owner, scope, meter, window, subject: null });
      const used = (states.get(counter)?.used ?? 0) + 1;
      states.set(counter, { counter, used, reserved: used, endsAtMs: null, held: used });
    }
  }
  return states;
}

/** Null where nothing of it counts now. */
function countedState(
  counter: string,
  book: CounterBook,
  slices: SliceHolder,
  nowMs: number,
): CounterState | null {
  const held = isTenantCounter(counter) ? slices.held(counter, nowMs) : null;
  const buckets = book.buckets(counter, nowMs);
  const used = buckets.reduce((sum, bucket) => sum + bucket.used, 0);
  if (used === 0 && (held ?? 0) === 0) return null;
  const reserved = buckets.reduce((sum, bucket) => sum + bucket.reserved, 0);
  const last = buckets.at(-1);
  return { counter, used, reserved, endsAtMs: last ? bucketEndMs(last.window, last.bucket) : null, held };
}
