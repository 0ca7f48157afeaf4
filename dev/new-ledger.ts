/** An agent's ledger as it starts, over tables that keep nothing: for tests and simulations, which replace what they look at. */
import type { AgentIdentity } from "../src/quota/agent-standing.ts";
import type { AgentStore, SavedLedger } from "../src/quota/agent-store.ts";
import { NOTHING_REVOKED } from "../src/quota/revoked-tokens.ts";

/** Nothing is ever read back. */
export const storesNothing: AgentStore = {
  putCounters() {},
  putReservation() {},
  removeReservation() {},
  findReservation: () => null,
  putNumbers() {},
  putAgent() {},
  putRevocations() {},
  putRefreshed() {},
  putProofHorizon() {},
  knownAsk: () => null,
  putAsk() {},
  keepRecord() {},
  keepSettlement() {},
  putApproval() {},
  findApproval: () => null,
  approvalsOf: () => [],
  pendingApprovals: () => 0,
  putStoredObject() {},
  findStoredObject: () => null,
  removeStoredObject() {},
};

/** Of an active agent that has done nothing yet. */
export const newLedger = ({ home, tenantId, agentId }: AgentIdentity, version = 1): SavedLedger => ({
  counters: [],
  open: [],
  numbers: { given: 0, until: 0 },
  agent: { home, tenantId, agentId, version, status: "active" },
  revocations: NOTHING_REVOKED,
  refreshed: [],
  proofHorizonSeconds: 0,
});
