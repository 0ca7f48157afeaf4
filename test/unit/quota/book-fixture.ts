// An agent's ledger over no tables: what it stores of reservations, and what it says to others, is kept for a test to see.
import { newLedger, storesNothing } from "../../../dev/new-ledger.ts";
import { createIdMint, TenantId } from "../../../src/kernel/ids.ts";
import { AgentBook } from "../../../src/quota/agent-book.ts";
import type { AgentReservation } from "../../../src/quota/agent-reservation.ts";
import type { AgentStore } from "../../../src/quota/agent-store.ts";
import type { KeptSettlement } from "../../../src/quota/kept-settlement.ts";

export const NOW = Date.UTC(2028, 2, 1, 12);
export const RELAY_MAX_MS = 600_000;
export const ids = createIdMint(
  () => NOW,
  (length) => crypto.getRandomValues(new Uint8Array(length)),
);
export const who = { home: "global", tenantId: TenantId.parse("t"), agentId: ids.agent() } as const;
export const moment = (nowMs: number) => ({ nowMs, revisions: { tenant: 1, platform: 1 } });

export function newBook() {
  const open = new Map<string, AgentReservation>();
  const records: object[] = [];
  const settlements: KeptSettlement[] = [];
  const store: AgentStore = {
    ...storesNothing,
    putReservation: (reservation) => void open.set(reservation.reservationId, reservation),
    removeReservation: (reservationId) => void open.delete(reservationId),
    findReservation: (reservationId) => open.get(reservationId) ?? null,
    keepRecord: (record) => void records.push(record),
    keepSettlement: (kept) => void settlements.push(kept),
  };
  return { book: new AgentBook(newLedger(who), store, RELAY_MAX_MS, NOW), open, records, settlements };
}
