/** What the two ways of passing a stream on have in common: how its end is named, and what the caller is told of it. */
import type { StreamMeter } from "../azure/stream-meter.ts";
import { utf8Bytes } from "../kernel/encoding.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { streamErrorEvent } from "../kernel/wire.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export interface PassedStream {
  readonly readable: ReadableStream<Uint8Array>;
  /** Resolves when the upstream is over; a caller may never read to the end, so nothing here waits for that. */
  readonly ended: Promise<CallEnd["end"]>;
}

/** @param broken the upstream's connection broke, or was cut. */
export function endOfStream(cutoff: UpstreamCutoff, meter: StreamMeter, broken: boolean): CallEnd["end"] {
  if (cutoff.reason === "relay_deadline") return "relay_deadline";
  if (cutoff.clientGone) return "client_gone";
  // An answer that said that it is over is whole, even if its connection then stays open.
  if (cutoff.reason === "upstream_timeout" || cutoff.reason === "revoked")
    return meter.finished && !meter.isShort ? "complete" : cutoff.reason;
  return broken || !meter.finished ? "upstream_broken" : "complete";
}

/** The last event of a stream that is not whole: SDKs take a silent end for success. */
export const errorEventBytes = (refusal: Refusal | null): Uint8Array =>
  utf8Bytes(streamErrorEvent(refusal ?? refuse("upstream_broken")));
