/**
 * What may end a call to Azure early, as one abort signal with one reason: no headers in time, silence in a stream,
 * the reservation's deadline, or a caller who has been gone for as long as draining is worth it.
 */
import type { StartTimer } from "../kernel/clock.ts";
import { DRAIN_MAX_MS, UPSTREAM_HEADERS_MAX_MS, UPSTREAM_IDLE_MAX_MS } from "../kernel/limits.ts";

export type CutoffReason = "upstream_timeout" | "relay_deadline" | "client_gone";

export interface UpstreamCutoff {
  readonly signal: AbortSignal;
  readonly reason: CutoffReason | null;
  readonly clientGone: boolean;
  /** Resolves when nothing more is worth waiting to write: the caller left, or the call was cut. */
  readonly callerLost: Promise<void>;
  headersArrived(): void;
  /** Runs only while a chunk is waited for: a caller who reads slowly is not Azure's silence. */
  chunkAwaited(): void;
  chunkArrived(): void;
  /** Cuts for a reason of the gateway's own. */
  cut(): void;
  /** No timer outlives the call. */
  close(): void;
}

export function createUpstreamCutoff(
  startTimer: StartTimer,
  client: AbortSignal,
  relayMaxMs: number,
): UpstreamCutoff {
  const controller = new AbortController();
  const lost = Promise.withResolvers<void>();
  let reason: CutoffReason | null = null;
  const cutFor = (why: CutoffReason) => () => {
    reason ??= why;
    lost.resolve();
    controller.abort();
  };
  const stopHeaders = startTimer(Math.min(UPSTREAM_HEADERS_MAX_MS, relayMaxMs), cutFor("upstream_timeout"));
  const stopDeadline = startTimer(relayMaxMs, cutFor("relay_deadline"));
  let stopDrain = () => {};
  let stopIdle = () => {};
  const onClientGone = () => {
    stopDrain = startTimer(DRAIN_MAX_MS, cutFor("client_gone"));
    lost.resolve();
  };
  if (client.aborted) onClientGone();
  else client.addEventListener("abort", onClientGone, { once: true });

  return {
    signal: controller.signal,
    get reason() {
      return reason;
    },
    get clientGone() {
      return client.aborted;
    },
    callerLost: lost.promise,
    headersArrived: stopHeaders,
    chunkAwaited() {
      stopIdle = startTimer(UPSTREAM_IDLE_MAX_MS, cutFor("upstream_timeout"));
    },
    chunkArrived: () => stopIdle(),
    cut: () => controller.abort(),
    close() {
      stopHeaders();
      stopDeadline();
      stopDrain();
      stopIdle();
      client.removeEventListener("abort", onClientGone);
    },
  };
}
