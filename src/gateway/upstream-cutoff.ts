/**
 * What may end a call to Azure early, as one abort signal with one reason: no headers in time, silence in an answer,
 * the reservation's deadline, an agent that may not go on, or a caller who has been gone for as long as draining is
 * worth it. Headers that come too late end one attempt, and another may follow; everything else ends the call.
 */
import type { Clock, StartTimer } from "../kernel/clock.ts";
import { DRAIN_MAX_MS, UPSTREAM_HEADERS_MAX_MS, UPSTREAM_IDLE_MAX_MS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { CutByLedger, Renewals } from "./renewals.ts";

export type CutoffReason = "upstream_timeout" | "relay_deadline" | "revoked" | "client_gone";

export interface UpstreamCutoff {
  /** Of the attempt under way. */
  readonly signal: AbortSignal;
  readonly reason: CutoffReason | null;
  /** What a caller who is still there is told of it; null before it, and where it is the caller who has gone. */
  readonly refusal: Refusal | null;
  readonly clientGone: boolean;
  /** No further attempt may follow: time is up, the agent may not go on, or the caller has been gone for too long. */
  readonly isOver: boolean;
  /** Resolves when nothing more is worth waiting to write: the caller left, or the call was cut. */
  readonly callerLost: Promise<void>;
  /** Resolves when the call was cut, whatever for; Azure's answer then ends as a broken one, but not at once. */
  readonly wasCut: Promise<void>;
  /** Another backend is called: its headers are waited for anew, at most this long. */
  anotherAttempt(headersMaxMs: number): void;
  headersArrived(): void;
  /** Silence counts only while a chunk is waited for: a caller who reads slowly is not Azure's silence. */
  chunkAwaited(): void;
  chunkArrived(): void;
  /** Cuts for a reason of the gateway's own. */
  cut(): void;
  /** No timer outlives the call. */
  close(): void;
}

export function createUpstreamCutoff(
  { startTimer, clock }: { readonly startTimer: StartTimer; readonly clock: Clock },
  client: AbortSignal,
  relayMaxMs: number,
  renewalsWith: (cut: CutByLedger) => Renewals,
  firstHeadersMaxMs = UPSTREAM_HEADERS_MAX_MS,
): UpstreamCutoff {
  let controller = new AbortController();
  const lost = Promise.withResolvers<void>();
  const wasCut = Promise.withResolvers<void>();
  let cause: { readonly reason: CutoffReason; readonly refusal: Refusal | null } | null = null;
  const cutFor = (reason: CutoffReason, refusal: Refusal | null) => {
    cause ??= { reason, refusal };
    renewals.stop();
    lost.resolve();
    cut();
  };
  const cut = () => {
    wasCut.resolve();
    controller.abort();
  };
  const cutLate = (reason: "upstream_timeout" | "relay_deadline") => cutFor(reason, refuse(reason));
  const renewals = renewalsWith(cutFor);

  let leftMs = relayMaxMs;
  let headersMaxMs = firstHeadersMaxMs;
  let headersCame = false;
  let headersAreLate = false;
  let silentSinceMs: number | null = clock();

  // One timer for every limit that time alone reaches, never stopped before the call ends: starting and stopping one
  // for each chunk costs more than the chunk. When it fires it asks what has happened since, and waits for the rest.
  let stopTimer = wait(Math.min(UPSTREAM_IDLE_MAX_MS, headersMaxMs));
  function wait(ms: number): () => void {
    const waitMs = Math.min(ms, leftMs, renewals.dueInMs);
    return startTimer(waitMs, () => waited(waitMs));
  }
  function waited(ms: number): void {
    // Counted by timers instead of the clock: a clock that steps back must not move the reservation's deadline.
    leftMs -= ms;
    const silentMaxMs = headersCame ? UPSTREAM_IDLE_MAX_MS : headersMaxMs;
    const silentMs = silentSinceMs === null ? 0 : Math.max(0, clock() - silentSinceMs);
    const isSilent = silentMs >= silentMaxMs;
    if (leftMs <= 0) cutLate(headersCame ? "relay_deadline" : "upstream_timeout");
    else if (isSilent && headersCame) cutLate("upstream_timeout");
    else {
      if (isSilent) giveUpAttempt();
      renewals.passed(ms);
    }
    if (cause === null) stopTimer = wait(isSilent ? silentMaxMs : silentMaxMs - silentMs);
  }
  function giveUpAttempt(): void {
    headersAreLate = true;
    silentSinceMs = null;
    controller.abort();
  }

  let stopDrain = () => {};
  const onClientGone = () => {
    // Draining is over before the reservation is, and nobody is left to be told.
    renewals.stop();
    stopDrain = startTimer(DRAIN_MAX_MS, () => cutFor("client_gone", null));
    lost.resolve();
  };
  if (client.aborted) onClientGone();
  else client.addEventListener("abort", onClientGone, { once: true });

  return {
    get signal() {
      return controller.signal;
    },
    get reason() {
      return headersAreLate ? "upstream_timeout" : (cause?.reason ?? null);
    },
    get refusal() {
      return headersAreLate ? refuse("upstream_timeout") : (cause?.refusal ?? null);
    },
    get isOver() {
      return cause !== null;
    },
    get clientGone() {
      return client.aborted;
    },
    callerLost: lost.promise,
    wasCut: wasCut.promise,
    anotherAttempt(maxMs) {
      controller = new AbortController();
      // What came between two attempts was for both.
      if (cause !== null) controller.abort();
      headersMaxMs = maxMs;
      headersCame = false;
      headersAreLate = false;
      silentSinceMs = clock();
    },
    headersArrived() {
      headersCame = true;
      silentSinceMs = null;
    },
    chunkAwaited() {
      silentSinceMs = clock();
    },
    chunkArrived() {
      silentSinceMs = null;
    },
    cut,
    close() {
      renewals.stop();
      stopTimer();
      stopDrain();
      client.removeEventListener("abort", onClientGone);
    },
  };
}
