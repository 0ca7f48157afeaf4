/**
 * The storage of one simulated object: tables of immutable values. Reads see every write at once; a crash keeps what
 * was committed and loses the rest. A step that throws is undone whole.
 */
type Table = Map<string, unknown>;

interface Change {
  readonly table: string;
  readonly key: string;
  readonly value: unknown;
  readonly before: unknown;
}

export class Disk {
  #working = new Map<string, Table>();
  readonly #durable = new Map<string, Table>();
  #changes: Change[] = [];

  get(table: string, key: string): unknown {
    return this.#working.get(table)?.get(key);
  }

  values(table: string): unknown[] {
    return [...(this.#working.get(table)?.values() ?? [])];
  }

  durable(table: string, key: string): unknown {
    return this.#durable.get(table)?.get(key);
  }

  /** @param value undefined deletes. */
  put(table: string, key: string, value: unknown): void {
    const before = this.get(table, key);
    if (value === undefined && before === undefined) return;
    this.#changes.push({ table, key, value, before });
    write(this.#working, table, key, value);
  }

  atomically<T>(step: () => T): T {
    const mark = this.#changes.length;
    try {
      return step();
    } catch (error) {
      for (const { table, key, before } of this.#changes.splice(mark).reverse()) {
        write(this.#working, table, key, before);
      }
      throw error;
    }
  }

  /** What is to be committed next, as one. */
  takeChanges(): readonly Change[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  commit(changes: readonly Change[]): void {
    for (const { table, key, value } of changes) write(this.#durable, table, key, value);
  }

  crash(): void {
    this.#changes = [];
    this.#working = new Map([...this.#durable].map(([name, table]) => [name, new Map(table)]));
  }
}

function write(tables: Map<string, Table>, table: string, key: string, value: unknown): void {
  let rows = tables.get(table);
  if (rows === undefined) {
    rows = new Map();
    tables.set(table, rows);
  }
  if (value === undefined) rows.delete(key);
  else rows.set(key, value);
}
