/** What the operations of a tenant's approval webhook take and answer. */
import * as z from "zod";
import { ApprovalWebhook } from "../approval/approval-webhook.ts";
import { TenantId } from "../kernel/ids.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const path = "/tenants/:id/approval-webhook";
const params = { id: TenantId };
const WebhookInput = z.strictObject({ url: ApprovalWebhook.shape.url }).meta({ id: "ApprovalWebhookInput" });
const WrittenWebhook = ApprovalWebhook.extend({
  secret: z.string().meta({ description: "Signs what is sent. It is in this answer and stored nowhere." }),
}).meta({ id: "WrittenApprovalWebhook" });

export const approvalWebhookDescriptions = {
  put: described({
    method: "PUT",
    path,
    operationId: "putApprovalWebhook",
    summary:
      "Say whom to tell when a request of the tenant waits for approval. Each time makes a new secret.",
    scope: "approvals:write",
    params,
    query: NoQuery,
    body: WebhookInput,
    example: { url: "https://hooks.contoso.com/portcullis" },
    answer: { status: 200, schema: WrittenWebhook, hasEtag: true },
    refusals: ["webhook_secret_missing", "home_not_configured"],
  }),
  get: described({
    method: "GET",
    path,
    operationId: "getApprovalWebhook",
    summary: "Look up whom is told; the secret is not shown again.",
    scope: "approvals:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: ApprovalWebhook.meta({ id: "ApprovalWebhook" }), hasEtag: true },
    refusals: ["home_not_configured"],
  }),
  delete: described({
    method: "DELETE",
    path,
    operationId: "deleteApprovalWebhook",
    summary: "Tell nobody any more.",
    scope: "approvals:write",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null },
    refusals: ["home_not_configured"],
  }),
};
