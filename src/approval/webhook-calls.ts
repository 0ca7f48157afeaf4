/** The way out to a tenant's webhook. webhook-calls.client.ts implements it. */
import type { WebhookMessage } from "./webhook-message.ts";

export interface WebhookCalls {
  /** @returns the status of the answer, of which nothing else is read. Rejects where there is none. */
  send(url: string, message: WebhookMessage, signal: AbortSignal): Promise<number>;
}
