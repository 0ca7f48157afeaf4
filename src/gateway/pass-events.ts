/**
 * Passes a stream on event by event, each as soon as it is whole: for streams of which the gateway keeps an event back,
 * or whose events it must see as they come. Azure is read as fast as the caller reads; when the caller is gone it is
 * drained for its usage.
 */
import type { StreamMeter } from "../azure/stream-meter.ts";
import { MAX_STREAMED_EVENT_BYTES } from "../kernel/limits.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { endOfStream, errorEventBytes, type PassedStream } from "./passed-stream.ts";
import type { PieceReader } from "./piece-reader.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

/** The caller's own reading drives Azure's: fewer promises for each event than a pump between two streams. */
export function passEvents(pieces: PieceReader, meter: StreamMeter, cutoff: UpstreamCutoff): PassedStream {
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
    const end = endOfStream(cutoff, meter, broken);
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
  if (end !== "complete") caller.enqueue(errorEventBytes(refusal));
  caller.close();
}
