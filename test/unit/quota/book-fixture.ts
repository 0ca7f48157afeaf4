// An agent's ledger over no tables: what it stores of reservations, and what it says to others, is kept for a test to see.
import { createIdMint, TenantId } from "../../../src/kernel/ids.ts";
import { AgentBook } from "../../../src/quota/agent-book.ts";
import type { AgentReservation } from "../../../src/quota/agent-reservation.ts";
import type { AgentStore } from "../../../src/quota/agent-store.ts";
import type { KeptSettlement } from "../../../src/quota/kept-settlement.ts";
import { NOTHING_REVOKED } from "../../../src/quota/revoked-tokens.ts";

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
    putCounters() {},
    putReservation: (reservation) => void open.set(reservation.reservationId, reservation),
    removeReservation: (reservationId) => void open.delete(reservationId),
    findReservation: (reservationId) => open.get(reservationId) ?? null,
    putNumbers() {},
    putAgent() {},
    putRevocations() {},
    putRefreshed() {},
    putProofHorizon() {},
    knownAsk: () => null,
    putAsk() {},
    putApproval() {},
    findApproval: () => null,
    approvalsOf: () => [],
    pendingApprovals: () => 0,
    putStoredObject() {},
    findStoredObject: () => null,
    removeStoredObject() {},
    keepRecord: (record) => void records.push(record),
    keepSettlement: (kept) => void settlements.push(kept),
  };
  const agent = { ...who, version: 1, status: "active" } as const;
  const saved = {
    counters: [],
    open: [],
    numbers: { given: 0, until: 0 },
    agent,
    revocations: NOTHING_REVOKED,
    refreshed: [],
    proofHorizonSeconds: 0,
  };
  return { book: new AgentBook(saved, store, RELAY_MAX_MS, NOW), open, records, settlements };
}
