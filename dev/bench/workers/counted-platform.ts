/** Counts what the gateway asks of the platform, on the platform's own objects, so that nothing of the gateway is changed. */
import { configuredHomes, type Env, homeStoresOf } from "../../../src/bindings.ts";
import type { Counts } from "../count-contract.ts";

const BILLED_BYTES = 64_000;

const noCalls = () => ({ calls: 0, rowsRead: 0, rowsWritten: 0 });

/** Of the isolate: locally all ledgers live in the Worker's own. */
export const counts: Counts = {
  requests: 0,
  agent: noCalls(),
  tenant: noCalls(),
  platform: noCalls(),
  queue: { messages: 0, units64KB: 0 },
  d1: { rowsRead: 0, rowsWritten: 0 },
  kvReads: 0,
};

type LedgerCounts = Counts["agent"];

/** A cursor knows its rows when it has been read, which ledgers do before their next statement. */
let lastRead: { readonly cursor: SqlStorageCursor<never>; readonly ledger: LedgerCounts } | null = null;

export function takeLastRead(): void {
  if (lastRead === null) return;
  lastRead.ledger.rowsRead += lastRead.cursor.rowsRead;
  lastRead.ledger.rowsWritten += lastRead.cursor.rowsWritten;
  lastRead = null;
}

/** To be called before the object uses its storage. */
export function countStorage(storage: DurableObjectStorage, ledgerOf: () => LedgerCounts): void {
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...values: unknown[]) => {
    takeLastRead();
    const cursor = exec<T>(query, ...values);
    lastRead = { cursor: cursor as unknown as SqlStorageCursor<never>, ledger: ledgerOf() };
    return cursor;
  };
  const { setAlarm, deleteAlarm } = storage;
  // An alarm is a row: set or deleted, it is written.
  storage.setAlarm = (...args) => {
    ledgerOf().rowsWritten += 1;
    return setAlarm.apply(storage, args);
  };
  storage.deleteAlarm = (...args) => {
    ledgerOf().rowsWritten += 1;
    return deleteAlarm.apply(storage, args);
  };
}

const counted = new WeakSet<object>();

export function countBindings(env: Env): void {
  if (counted.has(env)) return;
  counted.add(env);
  const stores = configuredHomes(env).map((home) => homeStoresOf(env, home));
  for (const { audit: queue } of stores) {
    const send = queue.send.bind(queue);
    queue.send = (body, options) => {
      counts.queue.messages += 1;
      counts.queue.units64KB += Math.ceil(JSON.stringify(body).length / BILLED_BYTES);
      return send(body, options);
    };
  }
  for (const database of [env.PLATFORM_DB, ...stores.map(({ db }) => db)]) {
    const batch = database.batch.bind(database);
    database.batch = async <T>(statements: D1PreparedStatement[]) => {
      const results = await batch<T>(statements);
      for (const { meta } of results) {
        counts.d1.rowsRead += meta.rows_read;
        counts.d1.rowsWritten += meta.rows_written;
      }
      return results;
    };
  }
  for (const { kv } of stores) {
    const get = kv.get.bind(kv) as (...args: unknown[]) => unknown;
    kv.get = ((...args: unknown[]) => {
      counts.kvReads += 1;
      return get(...args);
    }) as typeof kv.get;
  }
}
