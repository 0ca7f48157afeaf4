/**
 * The holder's side of slices: what this agent may spend of tenant-wide budgets without asking. A slice is spent only
 * under its lease; what is used stays counted here and at the tenant, what is not goes back. Pure.
 */
import { limitState, type PlannedCharge } from "./admission.ts";
import type { LimitState } from "./contracts.ts";
import type { CounterBook } from "./counter-book.ts";
import { counterName, type LimitClaim } from "./limit-claim.ts";
import type { Hold, SliceAsk, SliceReply } from "./slice-contracts.ts";
import { counts, ENDED_REMEMBERED_MS } from "./windows.ts";

export type SlicePlan =
  | { readonly kind: "charges"; readonly charges: readonly PlannedCharge[]; readonly limits: LimitState[] }
  | { readonly kind: "refused"; readonly binding: LimitState }
  /** The tenant's ledger must be asked; the need is noted. */
  | { readonly kind: "ask" };

export interface SliceReport {
  readonly holds: Hold[];
  /** All that is held is listed. */
  readonly complete: boolean;
  readonly asks: SliceAsk[];
}

interface HeldBucket {
  readonly window: Hold["window"];
  held: number;
  /** What the tenant is known to count; null = it was told something else, or nothing is known. */
  acknowledged: number | null;
}

interface Budget {
  readonly buckets: Map<number, HeldBucket>;
  /** As last asked. */
  claim: Pick<LimitClaim, "meter" | "window" | "limit" | "amount"> | null;
  spendable: { readonly bucket: number; readonly untilMs: number } | null;
  /** Calls that wait for a larger slice, by reservation: whoever asks again is not counted twice. */
  readonly waiting: Map<string, number>;
  /** A call waits for more of another budget, and will spend of this one as well: what is here must not go back. */
  isAwaited: boolean;
  spentSinceReport: number;
  told: { readonly left: number; readonly resetsAtMs: number | null } | null;
  /** Asks of at least this much are refused until the next lease. */
  refusedFrom: { readonly amount: number; readonly untilMs: number } | null;
}

/** A slice lasts a little longer than what the last lease saw. */
const FORECAST = 1.5;

export class SliceHolder {
  readonly #book: CounterBook;
  readonly #budgets = new Map<string, Budget>();
  /** Whether the tenant has answered the last message since the start. */
  #isAnswered = false;
  #seenAtMs = 0;

  /** @param book after a restart it holds what was used of slices; whatever else was held is given up. */
  constructor(book: CounterBook, nowMs: number) {
    this.#book = book;
    for (const counter of book.names()) {
      if (!isTenantCounter(counter)) continue;
      for (const { bucket, window, used } of book.buckets(counter, nowMs - ENDED_REMEMBERED_MS)) {
        this.#budget(counter).buckets.set(bucket, { window, held: used, acknowledged: null });
      }
    }
  }

  /** All of these claims or none. */
  plan(claims: readonly LimitClaim[], reservationId: string, nowMs: number): SlicePlan {
    this.#see(nowMs);
    const charges: PlannedCharge[] = [];
    const limits: LimitState[] = [];
    let missing = false;
    for (const claim of claims) {
      const counter = counterName(claim);
      const budget = this.#budget(counter);
      budget.claim = claim;
      const room = this.#room(counter, budget, nowMs);
      const { spendable } = budget;
      if (spendable === null || room < claim.amount) {
        const refusal = refusalAt(budget, claim, nowMs);
        if (refusal) return { kind: "refused", binding: refusal };
        budget.waiting.set(reservationId, claim.amount);
        missing = true;
        continue;
      }
      const { window, meter, amount } = claim;
      charges.push({
        charge: { counter, window, bucket: spendable.bucket, meter, amount },
        left: room,
      });
      limits.push(
        limitState(claim, (budget.told?.left ?? 0) + room - amount, budget.told?.resetsAtMs ?? null),
      );
    }
    if (!missing) return { kind: "charges", charges, limits };
    for (const claim of claims) this.#budget(counterName(claim)).isAwaited = true;
    return { kind: "ask" };
  }

  /** Notes what was spent, so that the next slice is large enough. */
  spent(charges: readonly PlannedCharge[]): void {
    for (const { charge } of charges) {
      const budget = this.#budgets.get(charge.counter);
      if (budget) budget.spentSinceReport += charge.amount;
    }
  }

  /** What to tell the tenant now; null = nothing. From here on this ledger holds no more than it says. */
  report(nowMs: number): SliceReport | null {
    this.#see(nowMs);
    const complete = !this.#isAnswered;
    const holds: Hold[] = [];
    const asks: SliceAsk[] = [];
    for (const [counter, budget] of this.#budgets) {
      for (const [bucket, kept] of budget.buckets) {
        if (!counts(kept.window, bucket, nowMs - ENDED_REMEMBERED_MS)) {
          budget.buckets.delete(bucket);
          continue;
        }
        const used = this.#book.usedIn(counter, bucket);
        const isKept =
          isSpendable(budget, bucket, nowMs) && (budget.spentSinceReport > 0 || budget.isAwaited);
        kept.held = isKept ? Math.max(used, kept.held) : used;
        if (kept.held === kept.acknowledged && !complete) continue;
        // Whether this arrives is not known before the answer.
        kept.acknowledged = null;
        holds.push({ counter, window: kept.window, bucket, held: kept.held });
      }
      const ask = this.#ask(counter, budget, nowMs);
      if (ask) asks.push(ask);
      else if (budget.buckets.size === 0) this.#budgets.delete(counter);
      budget.waiting.clear();
      budget.isAwaited = false;
      budget.spentSinceReport = 0;
    }
    if (holds.length + asks.length === 0 && !complete) return null;
    this.#isAnswered = false;
    return { holds, complete, asks };
  }

  /** @param askedAtMs from which on every duration of the reply counts. */
  apply({ holds, asks }: SliceReport, reply: SliceReply, askedAtMs: number, leaseMs: number): void {
    this.#isAnswered = true;
    for (const { counter, bucket, held } of holds) {
      const kept = this.#budgets.get(counter)?.buckets.get(bucket);
      if (kept) kept.acknowledged = held;
    }
    for (const { counter, window, bucket, held, durationMs } of reply.slices) {
      const budget = this.#budget(counter);
      budget.buckets.set(bucket, { window, held, acknowledged: held });
      budget.spendable = { bucket, untilMs: askedAtMs + durationMs };
      budget.refusedFrom = null;
    }
    for (const { counter, left, resetsInMs, refused } of reply.limits) {
      const budget = this.#budget(counter);
      budget.told = { left, resetsAtMs: resetsInMs === null ? null : askedAtMs + resetsInMs };
      const least = asks.find((ask) => ask.counter === counter)?.least ?? 0;
      // Not beyond the moment at which it says that there is room.
      const refusedMs = Math.min(leaseMs, resetsInMs ?? leaseMs);
      if (refused) budget.refusedFrom = { amount: least, untilMs: askedAtMs + refusedMs };
    }
  }

  /** What the tenant counts may be more than what is held here: a restart, or an answer that is lost or on its way. */
  get isUncertain(): boolean {
    return !this.#isAnswered;
  }

  /** When something should be told to the tenant without being asked; null = all is told. */
  reportDueMs(nowMs: number): number | null {
    this.#see(nowMs);
    let dueMs: number | null = null;
    for (const [counter, budget] of this.#budgets) {
      for (const [bucket, { held, acknowledged, window }] of budget.buckets) {
        if (!counts(window, bucket, nowMs)) continue;
        const used = this.#book.usedIn(counter, bucket);
        if (used === held && held === acknowledged) continue;
        const untilMs = isSpendable(budget, bucket, nowMs) ? (budget.spendable?.untilMs ?? nowMs) : nowMs;
        if (dueMs === null || untilMs < dueMs) dueMs = untilMs;
      }
    }
    return dueMs;
  }

  names(): IterableIterator<string> {
    return this.#budgets.keys();
  }

  /** Used or not, in all windows that count now. */
  held(counter: string, nowMs: number): number {
    let sum = 0;
    for (const [bucket, { window, held }] of this.#budgets.get(counter)?.buckets ?? []) {
      if (counts(window, bucket, nowMs)) sum += held;
    }
    return sum;
  }

  #ask(counter: string, budget: Budget, nowMs: number): SliceAsk | null {
    const { claim, waiting, spentSinceReport } = budget;
    if (claim === null || (waiting.size === 0 && spentSinceReport === 0)) return null;
    const amounts = [...waiting.values()];
    const need = amounts.reduce((sum, amount) => sum + amount, 0);
    const least = amounts.length === 0 ? claim.amount : Math.min(...amounts);
    const { meter, window, limit } = claim;
    const forecast = Math.ceil(spentSinceReport * FORECAST);
    // A slice of a minute lies in the second in which its lease ends, so each lease has its own.
    const rest = window === "minute" ? 0 : this.#room(counter, budget, nowMs);
    return { counter, meter, window, limit, need, least, want: Math.max(0, forecast - rest) };
  }

  /** A clock that stepped back does not tell how old a slice is: it is dropped, as its lease is. */
  #see(nowMs: number): void {
    if (nowMs < this.#seenAtMs) {
      for (const budget of this.#budgets.values()) {
        budget.spendable = null;
        budget.refusedFrom = null;
      }
    }
    this.#seenAtMs = nowMs;
  }

  #room(counter: string, { spendable, buckets }: Budget, nowMs: number): number {
    if (spendable === null || nowMs >= spendable.untilMs) return 0;
    const held = buckets.get(spendable.bucket)?.held ?? 0;
    return Math.max(0, held - this.#book.usedIn(counter, spendable.bucket));
  }

  #budget(counter: string): Budget {
    const known = this.#budgets.get(counter);
    if (known) return known;
    const made: Budget = {
      buckets: new Map(),
      claim: null,
      spendable: null,
      waiting: new Map(),
      isAwaited: false,
      spentSinceReport: 0,
      told: null,
      refusedFrom: null,
    };
    this.#budgets.set(counter, made);
    return made;
  }
}

/** The counter's name says its scope (limit-claim.ts). */
export const isTenantCounter = (counter: string): boolean => counter.split("/")[1] === "tenant";

const isSpendable = ({ spendable }: Budget, bucket: number, nowMs: number): boolean =>
  spendable !== null && spendable.bucket === bucket && nowMs < spendable.untilMs;

function refusalAt(budget: Budget, claim: LimitClaim, nowMs: number): LimitState | null {
  const { refusedFrom, told } = budget;
  if (refusedFrom === null || nowMs >= refusedFrom.untilMs || claim.amount < refusedFrom.amount) return null;
  return limitState(claim, told?.left ?? 0, told?.resetsAtMs ?? null);
}
