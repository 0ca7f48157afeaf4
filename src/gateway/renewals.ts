/**
 * A relay's hold on its reservation: renewed while the call is under way, so that one whose Worker died is free again
 * soon, and one whose agent may not go on is cut. It has no timer of its own as long as ledgers answer: the call's one
 * timer tells it what has passed.
 */
import type { StartTimer } from "../kernel/clock.ts";
import {
  RELAY_RESERVATION_MS,
  RENEW_AGAIN_MS,
  RENEW_EVERY_MS,
  RESERVATION_GRACE_MS,
} from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import type { RenewReply } from "../quota/contracts.ts";
import { refusalOfLedger } from "./refused-as.ts";

export interface Renewals {
  /** How long until it must be told of time again. */
  readonly dueInMs: number;
  passed(ms: number): void;
  stop(): void;
}

/** Why a call cannot go on. */
export type CutByLedger = (reason: "revoked" | "relay_deadline", refusal: Refusal) => void;

/** From the last renewal on: a call that cannot be renewed ends before its reservation does. */
const GIVE_UP_AFTER_MS = RELAY_RESERVATION_MS - RESERVATION_GRACE_MS;

export function createRenewals(
  { startTimer }: { readonly startTimer: StartTimer },
  renew: () => Promise<Result<RenewReply, Refusal>>,
  cut: CutByLedger,
): Renewals {
  let passedMs = 0;
  let dueAtMs = RENEW_EVERY_MS;
  /** When it was asked for, or before: of a repeated renewal, the first try counts. */
  let renewedAtMs = 0;
  let stopped = false;
  let stopAgain = () => {};

  // No invitation to try again: Azure was called, and the call is charged.
  const giveUp = () => cut("relay_deadline", refuse("relay_deadline"));

  async function ask(): Promise<void> {
    const askedAtMs = passedMs;
    const reply = await renew();
    if (stopped) return;
    if (!reply.ok) stopAgain = startTimer(RENEW_AGAIN_MS, ask);
    else if (reply.value.outcome === "renewed") renewedAtMs = askedAtMs;
    else if (reply.value.outcome === "refused") cut("revoked", refusalOfLedger(reply.value.refusal));
    else giveUp();
  }

  return {
    get dueInMs() {
      return stopped ? Number.POSITIVE_INFINITY : dueAtMs - passedMs;
    },
    passed(ms) {
      passedMs += ms;
      if (stopped || passedMs < dueAtMs) return;
      dueAtMs = passedMs + RENEW_EVERY_MS;
      if (passedMs - renewedAtMs >= GIVE_UP_AFTER_MS) giveUp();
      else void ask();
    },
    stop() {
      stopped = true;
      stopAgain();
    },
  };
}
