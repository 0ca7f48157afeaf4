/**
 * Ledger names: HMACs, because object ids are logged outside a home's jurisdiction and must not tell who the tenant
 * is. The secret is never remade: under another one every ledger would start again at zero.
 */
import { hmacSha256Hex } from "../kernel/digest.ts";
import type { AgentId, Scope, TenantId } from "../kernel/ids.ts";

export const agentLedgerName = (secret: string, tenantId: TenantId, agentId: AgentId): Promise<string> =>
  hmacSha256Hex(secret, `agent/${tenantId}/${agentId}`);

export const scopeLedgerName = (secret: string, scope: Scope): Promise<string> =>
  hmacSha256Hex(secret, `scope/${scope}`);
