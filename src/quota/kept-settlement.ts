/** A tenant-wide settlement as the agent's ledger keeps it until the tenant's ledger has acknowledged it. */
import * as z from "zod";
import { TenantId } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";
import { TenantSettle } from "./contracts.ts";

export const KeptSettlement = z.object({ home: Home, tenantId: TenantId, settle: TenantSettle });
export type KeptSettlement = z.infer<typeof KeptSettlement>;
