/** Calls to webhooks by fetch. A redirect is an answer, never followed: it could lead to where no webhook may be. */
import type { WebhookCalls } from "./webhook-calls.ts";

export function createWebhookCalls(): WebhookCalls {
  return {
    async send(url, { headers, body }, signal) {
      const answer = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await answer.body?.cancel();
      return answer.status;
    },
  };
}
