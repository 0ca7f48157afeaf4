/**
 * Passes a stream on natively: the runtime carries the bytes from Azure to the caller, and the gateway looks, now and then
 * and at the end, at a copy of what has passed. A turn of JavaScript for each event is most of what a stream costs.
 *
 * The bytes go through a channel whose end is the gateway's, so that an error event can follow them; the channel is split,
 * not Azure's body, because only so the caller's slowness holds Azure back. What has passed may end inside an event, and
 * no event can follow that: then the caller's connection breaks off, as Azure's did. A caller who takes nothing holds the
 * copy up as well: silence is counted from when the last bytes passed, whoever was waited for.
 */
import type { StreamMeter } from "../azure/stream-meter.ts";
import { MAX_STREAMED_EVENT_BYTES } from "../kernel/limits.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { endOfStream, errorEventBytes, type PassedStream } from "./passed-stream.ts";
import type { CallEnd } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export interface ByteChannel {
  /** Of bytes: what is read of it may be as large as the reader's buffer. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Between two looks, where nothing else wakes the gateway; what passes meanwhile is kept by the runtime. */
export const LOOK_MS = 1_000;
/** Longer than the copy can be behind what was passed, once nothing more is passed. */
export const COPY_LAG_MS = 20;
const LOOK_BYTES = 8_192;
/** For what comes faster than that. */
const LARGE_LOOK_BYTES = 131_072;

export function passSplit(
  { newByteChannel, startTimer }: Pick<GatewayPorts, "newByteChannel" | "startTimer">,
  events: ReadableStream<Uint8Array>,
  meter: StreamMeter,
  cutoff: UpstreamCutoff,
): PassedStream {
  const { readable, writable } = newByteChannel();
  const upstream = carried(events, writable);
  const [toCaller, copy] = readable.tee();
  const passed = createCopyReader(copy, meter);

  // Set before anything is waited for: what happens meanwhile must wake it.
  let isStopped = false;
  let isWatched = true;
  let wake = () => {};
  const stopped = Promise.race([upstream.over, cutoff.wasCut]).then(() => {
    isStopped = true;
    wake();
  });
  cutoff.callerLost.then(() => {
    isWatched = false;
    wake();
  });

  async function followed(): Promise<CallEnd["end"]> {
    cutoff.chunkAwaited();
    await rest();
    while (!isStopped) {
      const came = await Promise.race([passed.read(), stopped]);
      if (came === undefined) break;
      cutoff.chunkArrived();
      cutoff.chunkAwaited();
      if (meter.heldBytes > MAX_STREAMED_EVENT_BYTES) cutoff.cut();
      if (came === "some") await rest();
    }
    // The copy or the meter failed, which neither does by itself: nothing passes that is not metered.
    if (!isStopped) cutoff.cut();
    const isBroken = upstream.state !== "ended";
    // A stream that said that it is over has no more to show.
    if (isBroken || !meter.finished) await lookAtRest();
    const end = endOfStream(cutoff, meter, isBroken);
    // Not awaited: bytes that the caller does not take hold up the end behind them, and nothing else.
    finish(end).catch(() => {});
    return end;
  }

  /** Until it is worth looking: with nobody to pass anything to, that is always. */
  function rest(): Promise<void> {
    if (isStopped || !isWatched) return Promise.resolve();
    return new Promise((resolve) => {
      const stopTimer = startTimer(LOOK_MS, resolve);
      wake = () => {
        stopTimer();
        resolve();
      };
    });
  }

  /** Once nothing more is passed. */
  async function lookAtRest(): Promise<void> {
    const lagged = () =>
      new Promise<undefined>((resolve) => startTimer(COPY_LAG_MS, () => resolve(undefined)));
    while ((await Promise.race([passed.read(), lagged()])) !== undefined) if (meter.finished) return;
  }

  /** A caller who has gone gets no end that could pass for a good one, nor does one who has half an event. */
  async function finish(end: CallEnd["end"]): Promise<void> {
    if (upstream.state === "running") {
      await upstream.over;
      await lookAtRest();
    }
    const writer = writable.getWriter();
    if (end === "complete") return writer.close();
    if (end === "client_gone" || meter.heldBytes > 0) return writer.abort(new Error("The stream broke off."));
    // Both at once: the caller may never take the first.
    await Promise.all([writer.write(errorEventBytes(cutoff.refusal)), writer.close()]);
  }

  return { readable: toCaller, ended: followed() };
}

interface Carried {
  readonly state: "running" | "ended" | "broken";
  /** Resolves when nothing more will be passed. */
  readonly over: Promise<void>;
}

function carried(events: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): Carried {
  let state: Carried["state"] = "running";
  const over = events.pipeTo(writable, { preventClose: true, preventAbort: true }).then(
    () => {
      state = "ended";
    },
    () => {
      state = "broken";
    },
  );
  return {
    over,
    get state() {
      return state;
    },
  };
}

/** Hands the meter what has passed. A read that is waiting is asked again, never twice: its bytes are counted once. */
function createCopyReader(copy: ReadableStream<Uint8Array>, meter: StreamMeter) {
  const reader = copy.getReader({ mode: "byob" });
  let roomBytes = LOOK_BYTES;
  let reading: Promise<"some" | "full" | undefined> | null = null;

  async function next(): Promise<"some" | "full" | undefined> {
    try {
      const { done, value } = await reader.read(new Uint8Array(roomBytes));
      if (done) return undefined;
      meter.watch(value);
      reading = null;
      const isFull = value.length === roomBytes;
      roomBytes = isFull ? LARGE_LOOK_BYTES : LOOK_BYTES;
      return isFull ? "full" : "some";
    } catch {
      return undefined;
    }
  }
  return {
    /** Undefined: nothing more can be read, or metered. */
    read(): Promise<"some" | "full" | undefined> {
      reading ??= next();
      return reading;
    },
  };
}
