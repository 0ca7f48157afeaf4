/** What the tenant's ledger counted of each budget, over time: to tell a right refusal from one that lasts too long. */
import type { SliceAsk } from "../../../../src/quota/slice-contracts.ts";
import type { TenantHolds } from "../../../../src/quota/tenant-holds.ts";

interface Sample {
  readonly atMs: number;
  readonly used: number;
}

const REMEMBERED_MS = 10_000;

export class BudgetHistory {
  readonly #nowMs: () => number;
  readonly #samples = new Map<string, Sample[]>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  exchanged = (asks: readonly SliceAsk[], holds: TenantHolds, ledgerNowMs: number): void => {
    const atMs = this.#nowMs();
    for (const { counter } of asks) {
      const samples = this.#samples.get(counter) ?? [];
      this.#samples.set(counter, samples);
      samples.push({ atMs, used: holds.used(counter, ledgerNowMs) });
      while ((samples[0]?.atMs ?? atMs) < atMs - REMEMBERED_MS) samples.shift();
    }
  };

  /** The least that was free in that time, as far as anybody asked. */
  leastFree(counter: string, limit: number, withinMs: number): number {
    const samples = this.#samples.get(counter) ?? [];
    const recent = samples.filter(({ atMs }) => atMs >= this.#nowMs() - withinMs);
    return limit - Math.max(0, ...recent.map(({ used }) => used));
  }
}
