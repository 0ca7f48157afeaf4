/** The end of a tenant-wide call as the agent's ledger keeps it until the tenant's ledger has acknowledged it. */
import * as z from "zod";
import { ReservationId, TenantId } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";

export const KeptSettlement = z.object({ home: Home, tenantId: TenantId, reservationId: ReservationId });
export type KeptSettlement = z.infer<typeof KeptSettlement>;

export const settlementKey = ({ reservationId }: KeptSettlement): string => `tenant_settle/${reservationId}`;
