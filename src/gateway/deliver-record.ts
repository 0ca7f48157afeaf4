/** Records leave by the queue of their home; where that fails, the agent's ledger keeps them. False = recorded nowhere. */
import type { AuditRecord } from "../audit/audit-record.ts";
import type { AgentAddress } from "../quota/ledgers.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

export async function deliverRecord(
  { records, ledgers }: Pick<GatewayPorts, "records" | "ledgers">,
  record: AuditRecord,
  ledger: AgentAddress | null,
): Promise<boolean> {
  if (await records.send(record.home, record)) return true;
  if (ledger === null) return false;
  const kept = await ledgers.keepRecord(ledger, record);
  return kept.ok;
}
