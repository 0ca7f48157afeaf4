/**
 * The one alarm of a Durable Object, for all its deadlines: set only if earlier than the current one, since each set
 * is a row written. Its time is kept in memory, so that a call knows without a read whether work is overdue.
 */
export class Deadlines {
  readonly #storage: DurableObjectStorage;
  #atMs: number | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  async load(): Promise<void> {
    this.#atMs = await this.#storage.getAlarm();
  }

  /** @param atMs null = there is none. */
  arm(atMs: number | null): void {
    if (atMs === null || (this.#atMs !== null && this.#atMs <= atMs)) return;
    this.replace(atMs);
  }

  /** For the alarm handler, which knows all deadlines. */
  replace(atMs: number | null): void {
    this.#atMs = atMs;
    // A failed write breaks the object, so nothing is lost by not awaiting it; the output gate waits for it.
    void (atMs === null ? this.#storage.deleteAlarm() : this.#storage.setAlarm(atMs));
  }

  isOverdue(nowMs: number): boolean {
    return this.#atMs !== null && this.#atMs <= nowMs;
  }
}
