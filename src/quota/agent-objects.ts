/**
 * The answers that Azure keeps for one agent. A call that is over says what it left there; only this agent's ledger is ever
 * asked for it, so an id of another agent is as unknown as one that nobody has. Pure.
 */
import type { MadeObject, StoredObject, StoredObjectKey, UsedObject } from "./stored-object-contracts.ts";

/** An answer that Azure keeps for this agent. */
export interface KeptObject {
  readonly key: StoredObjectKey;
  readonly object: StoredObject;
  readonly expiresAtMs: number;
}

export interface ObjectRows {
  putStoredObject(kept: KeptObject): void;
  /** Unless it has expired at this moment. */
  findStoredObject(key: StoredObjectKey, nowMs: number): StoredObject | null;
  removeStoredObject(key: StoredObjectKey): void;
}

export class AgentObjects {
  readonly #rows: ObjectRows;

  constructor(rows: ObjectRows) {
    this.#rows = rows;
  }

  find(key: StoredObjectKey, nowMs: number): StoredObject | null {
    return this.#rows.findStoredObject(key, nowMs);
  }

  /** Only with the deployment that made it: another one may be at another resource of Azure's. */
  used({ key, deployment }: UsedObject, nowMs: number): StoredObject | null {
    const object = this.find(key, nowMs);
    return object?.deployment === deployment ? object : null;
  }

  /** @returns when it expires. */
  keep({ key, object, lifeMs }: MadeObject, nowMs: number): number {
    const expiresAtMs = nowMs + lifeMs;
    this.#rows.putStoredObject({ key, object, expiresAtMs });
    return expiresAtMs;
  }

  forget(key: StoredObjectKey): void {
    this.#rows.removeStoredObject(key);
  }
}
