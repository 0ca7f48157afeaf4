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

/** Between two looks; what passes meanwhile is kept by the runtime. */
export const LOOK_MS = 250;
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
  const upstream = carried(events, writable, cutoff);
  const [toCaller, copy] = readable.tee();
  const passed = createCopyReader(copy, meter);

  async function followed(): Promise<CallEnd["end"]> {
    const isBroken = await watched().then(
      () => upstream.isBroken,
      () => true,
    );
    // Also where the copy failed, which it does not by itself.
    cutoff.cut();
    await upstream.over;
    const end = endOfStream(cutoff, meter, isBroken);
    finish(writable, end, cutoff, meter);
    return end;
  }

  async function watched(): Promise<void> {
    cutoff.chunkAwaited();
    await rest();
    while (!upstream.isOver) {
      const came = await Promise.race([passed.read(), upstream.over]);
      if (came === undefined) break;
      cutoff.chunkArrived();
      cutoff.chunkAwaited();
      if (meter.heldBytes > MAX_STREAMED_EVENT_BYTES) cutoff.cut();
      if (came === "some") await rest();
    }
    // A stream that said that it is over has no more to show.
    while (upstream.isBroken || !meter.finished) {
      if ((await Promise.race([passed.read(), lagged()])) === undefined) return;
    }
  }

  /** Until it is worth looking: with nobody to pass anything to, that is always. */
  let isWatched = true;
  let wake = () => {};
  function rest(): Promise<void> {
    if (upstream.isOver || !isWatched) return Promise.resolve();
    return new Promise((resolve) => {
      const stopTimer = startTimer(LOOK_MS, resolve);
      wake = () => {
        stopTimer();
        resolve();
      };
    });
  }
  upstream.over.then(() => wake());
  cutoff.callerLost.then(() => {
    isWatched = false;
    wake();
  });
  const lagged = () => new Promise<undefined>((resolve) => startTimer(COPY_LAG_MS, () => resolve(undefined)));

  return { readable: toCaller, ended: followed() };
}

interface Carried {
  /** Resolves when nothing more will be passed. */
  readonly over: Promise<undefined>;
  readonly isOver: boolean;
  readonly isBroken: boolean;
}

function carried(
  events: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  { signal }: UpstreamCutoff,
): Carried {
  let state: "running" | "ended" | "broken" = "running";
  // The signal as well: bytes that a caller does not take would hold up a call that was cut.
  const over = events.pipeTo(writable, { preventClose: true, preventAbort: true, signal }).then(
    () => {
      state = "ended";
      return undefined;
    },
    () => {
      state = "broken";
      return undefined;
    },
  );
  return {
    over,
    get isOver() {
      return state !== "running";
    },
    get isBroken() {
      return state === "broken";
    },
  };
}

/** Hands the meter what has passed. A read that is waiting is asked again, never twice: its bytes are counted once. */
function createCopyReader(copy: ReadableStream<Uint8Array>, meter: StreamMeter) {
  const reader = copy.getReader({ mode: "byob" });
  let roomBytes = LOOK_BYTES;
  let reading: Promise<"some" | "full"> | null = null;

  async function next(): Promise<"some" | "full"> {
    const { value } = await reader.read(new Uint8Array(roomBytes));
    reading = null;
    if (value) meter.push(value);
    const isFull = value?.length === roomBytes;
    roomBytes = isFull ? LARGE_LOOK_BYTES : LOOK_BYTES;
    return isFull ? "full" : "some";
  }
  return {
    read(): Promise<"some" | "full"> {
      reading ??= next();
      return reading;
    },
  };
}

/** A caller who has gone gets no end that could pass for a good one, nor does one who has half an event. */
function finish(
  writable: WritableStream<Uint8Array>,
  end: CallEnd["end"],
  { refusal }: UpstreamCutoff,
  { heldBytes }: StreamMeter,
): void {
  const writer = writable.getWriter();
  // Nobody may be there to read it: nothing waits for that, and it may fail.
  const isTried = (work: Promise<void>) => work.catch(() => {});
  if (end === "complete") isTried(writer.close());
  else if (end === "client_gone" || heldBytes > 0) isTried(writer.abort(new Error("The stream broke off.")));
  else {
    isTried(writer.write(errorEventBytes(refusal)));
    isTried(writer.close());
  }
}
