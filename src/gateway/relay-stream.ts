/**
 * A stream back to the caller: whole events, byte for byte, as they come. It ends with an explicit error event when
 * Azure breaks off or falls silent, or the deadline passes, or the ledger says so, because SDKs take a silent end for success. Azure is read
 * as fast as the caller reads; when the caller is gone it is drained for its usage.
 */
import { settlementOfAnswer } from "../azure/billing.ts";
import { createStreamMeter, type StreamMeter } from "../azure/stream-meter.ts";
import { toldUnits } from "../azure/told-units.ts";
import { utf8Bytes } from "../kernel/encoding.ts";
import { MAX_STREAMED_EVENT_BYTES } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { streamErrorEvent } from "../kernel/wire.ts";
import { type AnsweredCall, answerHeaders } from "./answer-headers.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { createPieceReader, type PieceReader } from "./piece-reader.ts";
import { isKeptAtAzure, type KeptCall, type RelayedCall } from "./relayed-call.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export const isEventStream = (response: Response): boolean =>
  response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;

/** All that a stream needs to know of the call that it answers. */
export type StreamedCall = KeptCall & AnsweredCall & Pick<RelayedCall, "wantsUsage">;

export function relayStream(
  { background }: Pick<GatewayPorts, "background">,
  call: StreamedCall,
  upstream: Response,
  events: ReadableStream<Uint8Array>,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
): Response {
  const { operation, body } = call;
  const pictures = typeof body.n === "number" ? body.n : 1;
  const meter = createStreamMeter(operation, !call.wantsUsage, isKeptAtAzure(call), pictures);
  const { readable, ended } = passedOn(createPieceReader(events), meter, cutoff);
  background(
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

interface PassedOn {
  readonly readable: ReadableStream<Uint8Array>;
  /** Resolves when the upstream is over; a caller may never read to the end, so nothing here waits for that. */
  readonly ended: Promise<CallEnd["end"]>;
}

/** The caller's own reading drives Azure's: fewer promises for each event than a pump between two streams. */
function passedOn(pieces: PieceReader, meter: StreamMeter, cutoff: UpstreamCutoff): PassedOn {
  const ended = Promise.withResolvers<CallEnd["end"]>();
  let callerReads = true;
  let busy = false;

  /** Reads until there is something to pass; with nobody to pass it to, until the end. */
  async function advance(caller: Caller): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      for (;;) {
        if (meter.heldBytes > MAX_STREAMED_EVENT_BYTES) {
          cutoff.cut();
          return over(caller, true);
        }
        cutoff.chunkAwaited();
        const piece = await pieces.read();
        cutoff.chunkArrived();
        if (piece.done) return over(caller, false);
        pieces.came(piece.value.length);
        const events = meter.push(piece.value);
        if (!callerReads || events.length === 0) continue;
        caller.enqueue(events);
        busy = false;
        return;
      }
    } catch {
      over(caller, true);
    }
  }

  /** At most once: `advance` stays busy. */
  function over(caller: Caller, broken: boolean): void {
    const end = endOf(cutoff, meter, broken);
    ended.resolve(end);
    try {
      finish(caller, end, cutoff.refusal);
    } catch {
      // A caller who cancelled has no stream left to end.
    }
  }

  const lost = (caller: Caller): void => {
    callerReads = false;
    advance(caller);
  };
  let drain = () => {};
  const readable = new ReadableStream<Uint8Array>(
    {
      start(caller) {
        drain = () => lost(caller);
        // A caller who left may neither read on nor cancel, so leaving is learned from the signal as well.
        cutoff.callerLost.then(drain);
      },
      pull: advance,
      cancel: () => drain(),
    },
    // Nothing is read ahead: what the caller does not take yet waits with Azure, not in the isolate's memory.
    { highWaterMark: 0 },
  );
  return { readable, ended: ended.promise };
}

type Caller = ReadableStreamDefaultController<Uint8Array>;

/** A caller who has gone gets no end that could pass for a good one. */
function finish(caller: Caller, end: CallEnd["end"], refusal: Refusal | null): void {
  if (end === "client_gone") {
    caller.error(new Error("The caller has gone."));
    return;
  }
  if (end !== "complete") caller.enqueue(utf8Bytes(streamErrorEvent(refusal ?? refuse("upstream_broken"))));
  caller.close();
}

function endOf(cutoff: UpstreamCutoff, meter: StreamMeter, broken: boolean): CallEnd["end"] {
  if (cutoff.reason === "relay_deadline") return "relay_deadline";
  if (cutoff.clientGone) return "client_gone";
  // An answer that said that it is over is whole, even if its connection then stays open.
  if (cutoff.reason === "upstream_timeout" || cutoff.reason === "revoked")
    return meter.finished && !meter.isShort ? "complete" : cutoff.reason;
  return broken || !meter.finished ? "upstream_broken" : "complete";
}
