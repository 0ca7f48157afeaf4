/**
 * Sound back to the caller: bytes as they come, never held whole. Nothing in them says that they are over, so an answer
 * that breaks off, falls silent or is cut must break off for the caller as well: an end would pass for a good one. They
 * report no usage, so when the caller is gone Azure is not listened to any longer.
 */
import { settlementOfAnswer } from "../azure/billing.ts";
import { toldUnits } from "../azure/told-units.ts";
import { answerHeaders } from "./answer-headers.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { RelayedCall } from "./relayed-call.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export function relayBytes(
  { background }: Pick<GatewayPorts, "background">,
  call: RelayedCall,
  upstream: Response,
  bytes: ReadableStream<Uint8Array>,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
): Response {
  const { readable, ended } = passedOn(bytes.getReader(), cutoff);
  const { status } = upstream;
  background(
    ended.then((end) => {
      const units = end === "complete" ? toldUnits(call.operation, call.body, undefined) : null;
      return settle({ end, upstreamStatus: status, outcome: settlementOfAnswer(null, units) });
    }),
  );
  return new Response(readable, { status, headers: answerHeaders(upstream, call) });
}

function passedOn(reader: ReadableStreamDefaultReader<Uint8Array>, cutoff: UpstreamCutoff) {
  const ended = Promise.withResolvers<CallEnd["end"]>();
  const broken = (caller: ReadableStreamDefaultController<Uint8Array>) => {
    ended.resolve(cutoff.clientGone ? "client_gone" : (cutoff.reason ?? "upstream_broken"));
    caller.error(new Error("The answer broke off."));
  };
  const gone = () => {
    ended.resolve("client_gone");
    cutoff.cut();
  };
  const readable = new ReadableStream<Uint8Array>(
    {
      start(caller) {
        // A caller may neither read on nor cancel: that it left, or that the call was cut, is learned here as well.
        cutoff.callerLost.then(() => {
          broken(caller);
          cutoff.cut();
        });
      },
      async pull(caller) {
        try {
          cutoff.chunkAwaited();
          const chunk = await reader.read();
          cutoff.chunkArrived();
          if (!chunk.done) return caller.enqueue(chunk.value);
          ended.resolve("complete");
          caller.close();
        } catch {
          broken(caller);
        }
      },
      cancel: gone,
    },
    // Nothing is read ahead: what the caller does not take yet waits with Azure, not in the isolate's memory.
    { highWaterMark: 0 },
  );
  return { readable, ended: ended.promise };
}
