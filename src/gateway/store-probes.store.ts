/** One cheap question to each store that a decision needs, per home. None of them changes anything. */
import { ReservationId } from "../kernel/ids.ts";
import { ledgerStub } from "../quota/ledger-namespace.store.ts";
import type { TenantLedger } from "../quota/tenant-ledger.object.ts";
import type { Home } from "../residency/home.ts";
import type { Probe } from "./readiness.ts";

interface ProbedStores {
  readonly platformDb: D1Database;
  readonly homes: readonly Home[];
  readonly storesOf: (home: Home) => {
    readonly db: D1Database;
    readonly kv: KVNamespace;
    readonly audit: Queue;
  };
  readonly tenantLedgers: DurableObjectNamespace<TenantLedger>;
}

/** Ledgers are named by 64 hex digits: this one is no tenant's. */
const PROBED_LEDGER = "readiness";
const noReservation = ReservationId.parse(`reservation_${"0".repeat(32)}`);

export function createStoreProbes(stores: ProbedStores): Readonly<Record<string, Probe>> {
  const probes: Record<string, Probe> = { "platform.db": () => askDatabase(stores.platformDb) };
  for (const home of stores.homes) {
    const { db, kv, audit } = stores.storesOf(home);
    probes[`${home}.db`] = () => askDatabase(db);
    probes[`${home}.kv`] = () => kv.get("readiness");
    // A message would become a record: that the binding is there is all that can be asked of a queue.
    probes[`${home}.queue`] = async () => {
      if (typeof audit?.send !== "function") throw new Error("The queue is not bound.");
    };
    // Settling what was never reserved changes no counter, takes no number and no lease.
    probes[`${home}.ledger`] = () =>
      ledgerStub(stores.tenantLedgers, home, PROBED_LEDGER).settle({
        v: 1,
        reservationId: noReservation,
      });
  }
  return probes;
}

/** A table of its own migrations, so that a database without them is ill as well. */
const askDatabase = (db: D1Database): Promise<unknown> => db.prepare("SELECT 1 FROM outbox LIMIT 1").first();
