/**
 * A stream back to the caller: whole events, byte for byte, as they come. It ends with an explicit error event when
 * Azure breaks off or falls silent, or the deadline passes, because SDKs take a silent end for success. When the caller is gone the
 * upstream is drained for its usage.
 */
import { createStreamMeter, type StreamMeter } from "../azure/stream-meter.ts";
import { utf8Bytes } from "../kernel/encoding.ts";
import { refuse } from "../kernel/refusal.ts";
import { streamErrorEvent } from "../kernel/wire.ts";
import { answerHeaders } from "./answer-headers.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { RelayedCall } from "./relayed-call.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export function relayStream(
  { background }: Pick<GatewayPorts, "background">,
  call: RelayedCall,
  upstream: Response,
  events: ReadableStream<Uint8Array>,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
): Response {
  const meter = createStreamMeter(call.operation, !call.wantsUsage);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  background(
    pump(events, writable.getWriter(), meter, cutoff).then(async ({ closing, ...end }) => {
      await settle({ ...end, upstreamStatus: upstream.status });
      await closing;
    }),
  );
  return new Response(readable, {
    status: upstream.status,
    headers: answerHeaders(upstream, call),
  });
}

interface Pumped extends Omit<CallEnd, "upstreamStatus"> {
  /** A caller may never read to the end: settling does not wait for it. */
  readonly closing: Promise<void>;
}

async function pump(
  events: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  meter: StreamMeter,
  cutoff: UpstreamCutoff,
): Promise<Pumped> {
  // A write to a caller who left rejects or hangs, so leaving is learned from the signal as well.
  // One listener for the stream's whole life: a promise that outlives every chunk must not collect one for each.
  let callerReads = true;
  let release = () => {};
  cutoff.callerLost.then(() => {
    callerReads = false;
    release();
  });
  const write = (bytes: Uint8Array): Promise<void> | undefined => {
    if (!callerReads || bytes.length === 0) return undefined;
    return new Promise((resolve) => {
      release = resolve;
      writer.write(bytes).then(resolve, () => {
        callerReads = false;
        resolve();
      });
    });
  };

  const broken = await forward(events.getReader(), meter, cutoff, write);
  const end = endOf(cutoff, meter, broken);
  const closing = end === "client_gone" ? abandon(writer) : finish(writer, end);
  return {
    end,
    outcome: meter.usage ? { kind: "used", usage: meter.usage } : { kind: "as_reserved" },
    closing: closing.catch(() => {}),
  };
}

/** Not waited for: with a write that nobody reads, workerd never resolves it. */
async function abandon(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  writer.abort().catch(() => {});
}

async function finish(writer: WritableStreamDefaultWriter<Uint8Array>, end: CallEnd["end"]): Promise<void> {
  if (end === "upstream_broken" || end === "upstream_timeout" || end === "relay_deadline") {
    await writer.write(utf8Bytes(streamErrorEvent(refuse(end))));
  }
  await writer.close();
}

/** True when the upstream broke off rather than ended. */
async function forward(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  meter: StreamMeter,
  cutoff: UpstreamCutoff,
  write: (bytes: Uint8Array) => Promise<void> | undefined,
): Promise<boolean> {
  const next = async () => {
    cutoff.chunkAwaited();
    const chunk = await reader.read();
    cutoff.chunkArrived();
    return chunk;
  };
  try {
    for (let chunk = await next(); !chunk.done; chunk = await next()) await write(meter.push(chunk.value));
    return false;
  } catch {
    return true;
  }
}

function endOf(cutoff: UpstreamCutoff, meter: StreamMeter, broken: boolean): CallEnd["end"] {
  if (cutoff.reason === "relay_deadline") return "relay_deadline";
  if (cutoff.clientGone) return "client_gone";
  // An answer that said that it is over is whole, even if its connection then stays open.
  if (cutoff.reason === "upstream_timeout") return meter.finished ? "complete" : "upstream_timeout";
  return broken || !meter.finished ? "upstream_broken" : "complete";
}
