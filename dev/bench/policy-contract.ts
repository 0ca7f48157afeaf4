/** What the counting gateway is asked about snapshots. */
import * as z from "zod";
import { TenantId } from "../../src/kernel/ids.ts";

export const SnapshotLoad = z.strictObject({ tenantId: TenantId, rounds: z.int().min(1).max(1_000) });
export type SnapshotLoad = z.infer<typeof SnapshotLoad>;

const milliseconds = z.array(z.number()).min(1);
/** Of each load, by an isolate that remembers nothing. */
export const SnapshotTimes = z.strictObject({ fromKv: milliseconds, fromD1: milliseconds });
