/** `/v1/tenants/{id}/approval-webhook`: whom to tell when a request of the tenant waits for approval. */
import type { ApprovalWebhook, StoredWebhook } from "../approval/approval-webhook.ts";
import { webhookSecret } from "../approval/webhook-message.ts";
import { webhookUrlComplaint } from "../approval/webhook-url.ts";
import { asked } from "../kernel/asked.ts";
import { toHex } from "../kernel/encoding.ts";
import { TenantId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampAfter, timestampOf } from "../kernel/timestamp.ts";
import type { Home } from "../residency/home.ts";
import { approvalWebhookDescriptions } from "./approval-webhook-descriptions.ts";
import type { ChangeFacts } from "./change-record.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { checkIfMatch } from "./if-match.ts";
import { type Caller, type Operation, operation } from "./operation.ts";
import { canSee, notFound } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { objectAnswer } from "./written-answer.ts";

const NONCE_BYTES = 16;

export const approvalWebhookOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(approvalWebhookDescriptions.put, async ({ param, body: { url }, ifMatch, ...caller }) => {
    const complaint = webhookUrlComplaint(url, deps.isLocal);
    if (complaint !== null) return fail(refuse("body_invalid", { field: "url", message: complaint }));
    const found = await findWebhook(deps, caller, param("id"));
    if (!found.ok) return found;
    const { tenantId, home, stored } = found.value;
    const unmet = await checkIfMatch(ifMatch, stored?.webhook ?? null);
    if (unmet !== null) return fail(unmet);
    if (deps.webhookSecret === null) return fail(refuse("webhook_secret_missing"));
    const nowMs = deps.clock();
    const updatedAt = stored ? timestampAfter(stored.webhook.updatedAt, nowMs) : timestampOf(nowMs);
    const webhook: ApprovalWebhook = { tenantId, url, updatedAt };
    const nonce = toHex(deps.random(NONCE_BYTES));
    const seen = ifMatch === null ? null : (stored?.webhook.updatedAt ?? null);
    const companion = deps.changes.statement(changeOf(caller, found.value, "put", nowMs));
    const written = await deps.webhooks.put(home, { webhook, nonce }, seen, companion);
    if (!written.ok) return written;
    if (written.value === "outdated") return fail(refuse("precondition_failed", { field: "if-match" }));
    deps.background(asked(() => deps.deliverOutbox(tenantId, home)));
    const secret = await webhookSecret(deps.webhookSecret, tenantId, nonce);
    return objectAnswer(200, ok(webhook), { secret });
  }),
  operation(approvalWebhookDescriptions.get, async ({ param, ...caller }) => {
    const found = await findWebhook(deps, caller, param("id"));
    if (!found.ok) return found;
    const { stored } = found.value;
    return stored === null ? fail(notFound("webhook")) : objectAnswer(200, ok(stored.webhook));
  }),
  operation(approvalWebhookDescriptions.delete, async ({ param, ifMatch, ...caller }) => {
    const found = await findWebhook(deps, caller, param("id"));
    if (!found.ok) return found;
    const { tenantId, home, stored } = found.value;
    if (stored === null) return fail(notFound("webhook"));
    const unmet = await checkIfMatch(ifMatch, stored.webhook);
    if (unmet !== null) return fail(unmet);
    const companion = deps.changes.statement(changeOf(caller, found.value, "delete", deps.clock()));
    const removed = await deps.webhooks.remove(home, stored.webhook, companion);
    if (!removed.ok) return removed;
    if (removed.value === "outdated") return fail(refuse("write_in_progress"));
    deps.background(asked(() => deps.deliverOutbox(tenantId, home)));
    return ok({ status: 204 });
  }),
];

interface FoundWebhook {
  readonly tenantId: TenantId;
  readonly home: Home;
  /** Null where the tenant has none. */
  readonly stored: StoredWebhook | null;
}

async function findWebhook(
  { tenants, webhooks }: Pick<ControlPlaneDeps, "tenants" | "webhooks">,
  { apiKey }: Pick<Caller, "apiKey">,
  text: string,
): Promise<Result<FoundWebhook>> {
  const id = TenantId.safeParse(text);
  if (!id.success || !canSee(apiKey, id.data)) return fail(notFound("tenant"));
  const address = await addressOf(tenants, id.data, "tenant");
  if (!address.ok) return address;
  const { home } = address.value;
  const stored = await webhooks.find(home, id.data);
  return stored.ok ? ok({ tenantId: id.data, home, stored: stored.value }) : stored;
}

const changeOf = (
  caller: Caller,
  { tenantId, home }: FoundWebhook,
  operation: "put" | "delete",
  nowMs: number,
): ChangeFacts => ({
  caller,
  scope: tenantId,
  home,
  operation: `approval_webhook.${operation}`,
  objectId: tenantId,
  revision: null,
  nowMs,
});
