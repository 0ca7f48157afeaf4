/**
 * Telling webhooks of what waits: once right after the answer, then by the minute's schedule, twice as late each time,
 * until somebody takes it, it is decided or lapses, or the attempts are used up. Nothing else depends on it.
 */
import { type Clock, DAY_MS, MINUTE_MS, type StartTimer } from "../kernel/clock.ts";
import type { ApprovalId } from "../kernel/ids.ts";
import { WEBHOOK_MAX_ATTEMPTS, WEBHOOK_MAX_MS } from "../kernel/limits.ts";
import type { Home } from "../residency/home.ts";
import type { WebhookCalls } from "./webhook-calls.ts";
import { webhookMessage, webhookSecret } from "./webhook-message.ts";
import type { Delivery, WebhookOutbox } from "./webhook-outbox.ts";
import { webhookUrlComplaint } from "./webhook-url.ts";

export interface WebhookPorts {
  readonly webhooks: WebhookOutbox;
  readonly calls: WebhookCalls;
  /** Null where the deployment has none: then nothing is sent. */
  readonly secret: string | null;
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
}

/** Bounds one run: what is left is due at the next. */
const DELIVER_AT_ONCE = 50;
/** Longer than any delivery waits for its next attempt. */
const PURGE_AFTER_MS = 2 * DAY_MS;

export async function announceApproval(ports: WebhookPorts, home: Home, id: ApprovalId): Promise<void> {
  const due = await ports.webhooks.dueOne(home, id, ports.clock());
  if (due.ok) await deliverAll(ports, home, due.value);
}

/** For the scheduled handler. */
export async function deliverDueWebhooks(ports: WebhookPorts, home: Home): Promise<void> {
  const nowMs = ports.clock();
  const due = await ports.webhooks.due(home, nowMs, DELIVER_AT_ONCE);
  if (due.ok) await deliverAll(ports, home, due.value);
  await ports.webhooks.purge(home, nowMs - PURGE_AFTER_MS);
}

const deliverAll = (ports: WebhookPorts, home: Home, due: readonly Delivery[]) =>
  Promise.all(due.map((delivery) => deliver(ports, home, delivery)));

async function deliver(ports: WebhookPorts, home: Home, delivery: Delivery): Promise<void> {
  const { webhooks, secret, isLocal, clock } = ports;
  const { approval, attempts, url, nonce, isPending } = delivery;
  if (!isPending || attempts >= WEBHOOK_MAX_ATTEMPTS || webhookUrlComplaint(url, isLocal) !== null) {
    await webhooks.done(home, approval.id);
    return;
  }
  if (secret === null) return;
  const claimed = await webhooks.claim(home, delivery, clock() + MINUTE_MS * 2 ** attempts);
  if (!claimed.ok || !claimed.value) return;
  const message = await webhookMessage(
    approval,
    await webhookSecret(secret, approval.tenantId, nonce),
    clock(),
  );
  if (await isTaken(ports, url, message)) await webhooks.done(home, approval.id);
}

async function isTaken(
  { calls, startTimer }: Pick<WebhookPorts, "calls" | "startTimer">,
  url: string,
  message: Parameters<WebhookCalls["send"]>[1],
): Promise<boolean> {
  const cutoff = new AbortController();
  const stop = startTimer(WEBHOOK_MAX_MS, () => cutoff.abort());
  try {
    const status = await calls.send(url, message, cutoff.signal);
    return status >= 200 && status < 300;
  } catch {
    return false;
  } finally {
    stop();
  }
}
