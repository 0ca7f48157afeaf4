/**
 * Tenant-wide concurrency: which calls of all the tenant's agents are under way. Each asks before it starts and says
 * when it is over; one that never says so runs out. Pure.
 */
import * as z from "zod";
import { admit } from "./admission.ts";
import type { LimitState, TenantReserve } from "./contracts.ts";
import { CounterBook } from "./counter-book.ts";

export const Permit = z.object({
  reservationId: z.string(),
  expiresAtMs: z.int(),
  /** Counters of calls under way: they have one bucket, that never ends. */
  counters: z.array(z.string()),
});
export type Permit = z.infer<typeof Permit>;

export type PermitAnswer =
  | { readonly permitted: true; readonly permit: Permit; readonly limits: LimitState[] }
  | { readonly permitted: false; readonly binding: LimitState };

/** Releases that overtook their own requests are remembered for as many others. */
const RELEASES_REMEMBERED = 1_000;

export class Permits {
  readonly #permits = new Map<string, Permit>();
  readonly #released = new Set<string>();
  readonly #book = new CounterBook([]);

  constructor(stored: readonly Permit[]) {
    for (const permit of stored) this.#add(permit);
  }

  /** The same id again is the same call again: its first answer was lost. */
  ask({ reservationId, claims, expiresInMs }: TenantReserve, nowMs: number): PermitAnswer {
    if (this.#released.has(reservationId)) throw new Error("This call is over already.");
    this.#take(reservationId);
    const admission = admit(this.#book, claims, nowMs);
    if (!admission.admitted) return { permitted: false, binding: admission.binding };
    const counters = admission.charges.map(({ charge }) => charge.counter);
    const permit = { reservationId, expiresAtMs: nowMs + expiresInMs, counters };
    this.#add(permit);
    return { permitted: true, permit, limits: admission.limits };
  }

  release(reservationId: string): void {
    this.#take(reservationId);
    this.#released.add(reservationId);
    if (this.#released.size <= RELEASES_REMEMBERED) return;
    const [oldest] = this.#released;
    if (oldest !== undefined) this.#released.delete(oldest);
  }

  /** @returns the ids of what ran out: their agents' ledgers charge and record them. */
  expire(nowMs: number): string[] {
    const overdue = [...this.#permits.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    for (const { reservationId } of overdue) this.#take(reservationId);
    return overdue.map(({ reservationId }) => reservationId);
  }

  nextExpiryMs(): number | null {
    let next: number | null = null;
    for (const { expiresAtMs } of this.#permits.values()) {
      if (next === null || expiresAtMs < next) next = expiresAtMs;
    }
    return next;
  }

  underWay(counter: string): number {
    return this.#book.usedIn(counter, 0);
  }

  #add(permit: Permit): void {
    this.#permits.set(permit.reservationId, permit);
    for (const counter of permit.counters) {
      this.#book.state(counter, "open", 0, this.#book.usedIn(counter, 0) + 1);
    }
  }

  #take(reservationId: string): void {
    const permit = this.#permits.get(reservationId);
    if (permit === undefined) return;
    this.#permits.delete(reservationId);
    for (const counter of permit.counters) {
      this.#book.state(counter, "open", 0, this.#book.usedIn(counter, 0) - 1);
    }
  }
}
