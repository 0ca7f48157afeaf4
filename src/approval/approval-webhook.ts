/** Whom a tenant wants told when a request waits for approval. */
import * as z from "zod";
import { TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";

export const ApprovalWebhook = z.strictObject({
  tenantId: TenantId,
  url: z.url().max(2_000),
  updatedAt: Timestamp,
});
export type ApprovalWebhook = z.infer<typeof ApprovalWebhook>;

export interface StoredWebhook {
  readonly webhook: ApprovalWebhook;
  /** Random; with the Worker's secret it makes the webhook's. */
  readonly nonce: string;
}
