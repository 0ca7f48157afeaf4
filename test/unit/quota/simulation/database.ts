/**
 * D1 and KV of one scope: the list of committed writes and the rows (scope, revision), void ones among them. A batch
 * commits whole or, where its row is taken, not at all.
 */
export interface Content {
  /** The revision that was read. */
  readonly revision: number;
  /** How many writes it contains: they are never undone. */
  readonly writes: number;
}

/** The database as a ledger reaches it. */
export interface DatabaseWay {
  highest(): Promise<number>;
  insertVoid(revision: number): Promise<void>;
}

export class Database {
  readonly #rows = new Map<number, "write" | "void">();
  readonly #kept = new Map<number, Content>();
  readonly #isUnique: boolean;
  #content: Content = { revision: 0, writes: 0 };

  /** @param isUnique false is a planted bug: void rows neither stop a late batch nor tell that none came. */
  constructor(isUnique: boolean) {
    this.#isUnique = isUnique;
  }

  highest(): number {
    return this.#content.revision;
  }

  /** @returns the write's place in the order of all writes. */
  commit(revision: number): number {
    if (this.#isUnique && this.#rows.has(revision)) throw new Error("UNIQUE constraint failed");
    this.#rows.set(revision, "write");
    const writes = this.#content.writes + 1;
    this.#content = { revision: Math.max(this.#content.revision, revision), writes };
    return writes;
  }

  isCommitted(revision: number): boolean {
    return this.#isUnique ? this.#rows.get(revision) === "write" : this.#rows.has(revision);
  }

  insertVoid(revision: number): void {
    if (this.#rows.has(revision)) return;
    this.#rows.set(revision, "void");
    this.#content = { ...this.#content, revision: Math.max(this.#content.revision, revision) };
  }

  /** Rows and revision together; KV keeps it under the revision that was read. */
  read(): Content {
    this.#kept.set(this.#content.revision, this.#content);
    return this.#content;
  }

  /** What KV has under exactly this revision, else what the database has. */
  readAt(revision: number): Content {
    return this.#kept.get(revision) ?? this.read();
  }

  /** What a cold isolate may find first: any content that was ever kept. */
  hint(index: number): Content {
    const kept = [...this.#kept.values()];
    return kept[index % Math.max(1, kept.length)] ?? this.read();
  }
}
