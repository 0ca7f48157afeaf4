/** What can be asked of usage: whose, of which hours, and summed by what. Pure. */
import * as z from "zod";
import type { AgentId, TenantId } from "../kernel/ids.ts";

export const UsageInterval = z.enum(["hour", "day", "total"]);
export type UsageInterval = z.infer<typeof UsageInterval>;
/** The time of a row that sums all hours that were asked for; like every other, it comes after the start of a cursor. */
export const WHOLE_RANGE = "0";
export const UsageGroup = z.enum(["agent", "deployment", "endUser"]);
export type UsageGroup = z.infer<typeof UsageGroup>;

export interface UsageQuestion {
  readonly tenantId: TenantId;
  readonly agentId?: AgentId | undefined;
  readonly deployment?: string | undefined;
  /** The salted hash. */
  readonly endUser?: string | undefined;
  readonly interval: UsageInterval;
  readonly groupBy: readonly UsageGroup[];
  /** Hours as in the table; `from` is inclusive, `to` is not. */
  readonly from: string;
  readonly to: string;
  readonly cursor?: string | undefined;
  readonly limit: number;
}
