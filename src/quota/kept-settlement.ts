/** The end of a tenant-wide call as the agent's ledger keeps it until the tenant's ledger has acknowledged it. */
import * as z from "zod";
import { ReservationId, TenantId } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";
import type { AgentReservation } from "./agent-reservation.ts";

export const KeptSettlement = z.object({ home: Home, tenantId: TenantId, reservationId: ReservationId });
export type KeptSettlement = z.infer<typeof KeptSettlement>;

export const settlementKey = ({ reservationId }: KeptSettlement): string => `tenant_settle/${reservationId}`;

/** In documents of before, the tenant's ledger knows the call under the reservation's own id. */
export const tenantPartOf = ({
  home,
  tenantId,
  reservationId,
  permitId,
}: Pick<AgentReservation, "home" | "tenantId" | "reservationId" | "permitId">): KeptSettlement => ({
  home,
  tenantId,
  reservationId: permitId ?? reservationId,
});
