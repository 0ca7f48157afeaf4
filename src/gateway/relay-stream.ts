/**
 * A stream back to the caller: whole events, byte for byte, as they come. It ends with an explicit error event when
 * Azure breaks off or the deadline passes, because SDKs take a silent end for success. When the caller is gone the
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
    pump(events, writable.getWriter(), meter, cutoff).then((end) =>
      settle({ ...end, upstreamStatus: upstream.status }),
    ),
  );
  return new Response(readable, {
    status: upstream.status,
    headers: answerHeaders(upstream, call),
  });
}

async function pump(
  events: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  meter: StreamMeter,
  cutoff: UpstreamCutoff,
): Promise<Omit<CallEnd, "upstreamStatus">> {
  // A write to a caller who left rejects or hangs, so leaving is learned from the signal as well.
  let callerReads = true;
  const write = async (bytes: Uint8Array) => {
    if (!callerReads || bytes.length === 0) return;
    const written = writer.write(bytes).then(
      () => true,
      () => false,
    );
    callerReads = await Promise.race([written, cutoff.clientLeft.then(() => false)]);
  };

  const broken = await forward(events.getReader(), meter, write);
  const end = endOf(cutoff, meter, broken);
  if (end === "upstream_broken" || end === "relay_deadline")
    await write(utf8Bytes(streamErrorEvent(refuse(end))));
  if (callerReads) await writer.close().catch(() => {});
  else await writer.abort().catch(() => {});
  return { end, outcome: meter.usage ? { kind: "used", usage: meter.usage } : { kind: "as_reserved" } };
}

/** True when the upstream broke off rather than ended. */
async function forward(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  meter: StreamMeter,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<boolean> {
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read())
      await write(meter.push(chunk.value));
    return false;
  } catch {
    return true;
  }
}

function endOf(cutoff: UpstreamCutoff, meter: StreamMeter, broken: boolean): CallEnd["end"] {
  if (cutoff.reason === "relay_deadline") return "relay_deadline";
  if (cutoff.clientGone) return "client_gone";
  return broken || !meter.finished ? "upstream_broken" : "complete";
}
