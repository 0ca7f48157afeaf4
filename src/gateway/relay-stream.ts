/**
 * A stream back to the caller: byte for byte, as it comes. It ends with an explicit error event when Azure breaks off or
 * falls silent, or the deadline passes, or the ledger says so, because SDKs take a silent end for success. There are two
 * ways: the runtime carries the bytes and the gateway looks at what has passed, or, where an event must be kept back or
 * seen as it comes, the gateway passes each event itself, for several times the CPU time.
 */
import { settlementOfAnswer } from "../azure/billing.ts";
import { createStreamMeter, type StreamMeter } from "../azure/stream-meter.ts";
import { toldUnits } from "../azure/told-units.ts";
import { type AnsweredCall, answerHeaders } from "./answer-headers.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { passEvents } from "./pass-events.ts";
import { passSplit } from "./pass-split.ts";
import { createPieceReader } from "./piece-reader.ts";
import { isKeptAtAzure, type KeptCall, type RelayedCall } from "./relayed-call.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export const isEventStream = (response: Response): boolean =>
  response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;

/** All that a stream needs to know of the call that it answers. */
export type StreamedCall = KeptCall & AnsweredCall & Pick<RelayedCall, "wantsUsage">;

/** @param bind told the id of an answer that Azure keeps, once, before any byte of the event that tells it is passed. */
export function relayStream(
  ports: Pick<GatewayPorts, "background" | "startTimer" | "newByteChannel">,
  call: StreamedCall,
  upstream: Response,
  events: ReadableStream<Uint8Array>,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
  bind: (storedId: string) => void = () => {},
): Response {
  const { operation, body, wantsUsage } = call;
  const pictures = typeof body.n === "number" ? body.n : 1;
  // The caller may ask for a kept answer while it streams, so its id must be found in the very event that tells it.
  const foundId = isKeptAtAzure(call) ? bind : null;
  const meter = createStreamMeter(operation, !wantsUsage, foundId, pictures);
  const { readable, ended } =
    wantsUsage && foundId === null
      ? passSplit(ports, events, meter, cutoff)
      : passEvents(createPieceReader(events), meter, cutoff);
  ports.background(
    ended.then((end) =>
      settle({
        end,
        upstreamStatus: upstream.status,
        outcome: outcomeOf(end, meter, call),
        ...(meter.storedId === null ? {} : { storedId: meter.storedId }),
      }),
    ),
  );
  return new Response(readable, {
    status: upstream.status,
    headers: answerHeaders(upstream, call),
  });
}

/** Where a stream breaks off between pictures, the ones that did not come may be billed as well. */
function outcomeOf(
  end: CallEnd["end"],
  { usage, isShort, pictures }: StreamMeter,
  { operation, body }: Pick<StreamedCall, "operation" | "body">,
): CallEnd["outcome"] {
  if (isShort && end !== "complete") return { kind: "as_reserved" };
  const units = operation.unit === "picture" ? pictures || null : toldUnits(operation, body, undefined);
  return settlementOfAnswer(usage, end === "complete" ? units : null);
}
