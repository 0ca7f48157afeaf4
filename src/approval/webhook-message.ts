/**
 * What a webhook is told, signed by the Standard Webhooks scheme (symmetric, `v1`). The secret of each webhook is made of
 * the Worker's own and the webhook's nonce, so it is stored nowhere, and a new nonce is a new secret. No content is told.
 */
import { hmacSha256 } from "../kernel/digest.ts";
import { fromBase64Url, toBase64Url, utf8Bytes } from "../kernel/encoding.ts";
import type { TenantId } from "../kernel/ids.ts";
import type { Approval } from "./approval.ts";

/** As receivers configure it: the bytes of the key in base64 behind a prefix. */
export async function webhookSecret(secret: string, tenantId: TenantId, nonce: string): Promise<string> {
  const key = await hmacSha256(utf8Bytes(secret), `approval-webhook/${tenantId}/${nonce}`);
  return `whsec_${toBase64(key)}`;
}

export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The id is the approval's: attempts that are repeated carry it again, and receivers take them for one. */
export async function webhookMessage(
  approval: Pick<
    Approval,
    "id" | "tenantId" | "agentId" | "action" | "resource" | "classification" | "requestedAt" | "expiresAt"
  >,
  secret: string,
  nowMs: number,
): Promise<WebhookMessage> {
  const { id, tenantId, agentId, action, resource, classification, requestedAt, expiresAt } = approval;
  const data = { approvalId: id, tenantId, agentId, action, resource, classification, expiresAt };
  const body = JSON.stringify({ type: "approval.pending", timestamp: requestedAt, data });
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = await hmacSha256(keyOf(secret), `${id}.${timestamp}.${body}`);
  return {
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${toBase64(signature)}`,
    },
    body,
  };
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const text = secret.slice("whsec_".length).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const key = fromBase64Url(text);
  if (key === undefined) throw new Error("This is no secret of a webhook.");
  return key;
}

function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
