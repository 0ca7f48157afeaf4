/**
 * True time of a simulated world, which no object in it can read: events in order of time, then of their making. After
 * each event every promise that it resolved is run to its next wait, so a run depends on its seed alone.
 */
interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export class Scheduler {
  nowMs: number;
  /** Events that did something. */
  steps = 0;
  readonly #heap: Event[] = [];
  readonly #afterStep: () => void;
  #order = 0;

  constructor(startMs: number, afterStep: () => void) {
    this.nowMs = startMs;
    this.#afterStep = afterStep;
  }

  /** @returns a function that cancels. */
  after(ms: number, run: () => void): () => void {
    this.#order += 1;
    const event: Event = {
      atMs: this.nowMs + Math.max(0, ms),
      order: this.#order,
      run,
      isCancelled: false,
    };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  async runUntil(endMs: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      if (next.isCancelled) continue;
      this.nowMs = next.atMs;
      this.steps += 1;
      next.run();
      await drain();
      this.#afterStep();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    heap.push(event);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const child = isEarlier(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!this.#swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  #swapIfEarlier(lower: number, upper: number): boolean {
    const [below, above] = [this.#heap[lower], this.#heap[upper]];
    if (below === undefined || above === undefined || !isEarlier(below, above)) return false;
    this.#heap[lower] = above;
    this.#heap[upper] = below;
    return true;
  }
}

const isEarlier = (one: Event | undefined, other: Event | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  (one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order));

const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
