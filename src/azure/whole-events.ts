/**
 * Takes an event stream as it was cut on its way and gives it back in whole server-sent events, byte for byte. Bytes are
 * searched natively, and not again with each piece, so that an event of megabytes costs what its bytes cost.
 */
import { joinedBytes } from "../kernel/joined-bytes.ts";

export interface WholeEvents {
  /** Takes bytes as they came, returns the bytes of all events they complete, less those that are not to be passed. */
  push(chunk: Uint8Array): Uint8Array;
  /** Of the event that has begun. */
  readonly heldBytes: number;
}

const LF = 10;
const CR = 13;
const NONE = -1;
const nothing = new Uint8Array(0);

/** @param isPassed is told of every event, in order. */
export function createWholeEvents(isPassed: (event: Uint8Array) => boolean): WholeEvents {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let before = noBytes;

  function hold(chunk: Uint8Array, start: number): void {
    // A view would keep the whole of its buffer in memory, of which it may be a few bytes.
    const part = chunk.length - start === chunk.buffer.byteLength ? chunk : chunk.slice(start);
    before = [part.at(-2) ?? before[1], part.at(-1) ?? NONE];
    held.push(part);
    heldBytes += part.length;
  }

  function takeHeldWith(end: Uint8Array): Uint8Array {
    const event = joinedBytes([...held, end]);
    held = [];
    heldBytes = 0;
    before = noBytes;
    return event;
  }

  return {
    push(chunk) {
      const lineEndFrom = lineEndsOf(chunk);
      // Events side by side are passed as one piece, so a chunk of whole events is passed as the very bytes it came in.
      const passed: Uint8Array[] = [];
      let passedTo = 0;
      let start = 0;
      for (;;) {
        const end = eventEnd(chunk, start, before, lineEndFrom);
        if (end === NONE) break;
        const hasBegunBefore = heldBytes > 0;
        const event = hasBegunBefore ? takeHeldWith(chunk.subarray(0, end)) : chunk.subarray(start, end);
        const passes = isPassed(event);
        if (hasBegunBefore || !passes) {
          if (passedTo < start) passed.push(chunk.subarray(passedTo, start));
          if (passes) passed.push(event);
          passedTo = end;
        }
        start = end;
      }
      if (passedTo < start) passed.push(chunk.subarray(passedTo, start));
      if (start < chunk.length) hold(chunk, start);
      return passed.length === 0 ? nothing : joinedBytes(passed);
    },
    get heldBytes() {
      return heldBytes;
    },
  };
}

/** The last two bytes of what is held of an event. */
type Before = readonly [secondLast: number, last: number];
const noBytes: Before = [NONE, NONE];

/**
 * The index after the first blank line of the event that goes on at `from`, or NONE. Lines end in LF, CR LF or CR.
 * Nothing before the event's own start counts, so that where chunks were cut makes no difference.
 */
function eventEnd(chunk: Uint8Array, from: number, before: Before, lineEndFrom: LineEndFrom): number {
  const byteAt = (index: number) => (index < from ? before[index - from + 2] : chunk[index]);
  for (let index = lineEndFrom(from); index !== NONE; index = lineEndFrom(index + 1)) {
    const byte = chunk[index];
    const last = byteAt(index - 1);
    // A blank line between events, or the second of two line ends.
    if (last === NONE || last === byte) return index + 1;
    if (byte === LF && last === CR && byteAt(index - 2) === LF) return index + 1;
  }
  return NONE;
}

/** The first line end at or after an index that never goes back, or NONE. */
type LineEndFrom = (from: number) => number;

function lineEndsOf(chunk: Uint8Array): LineEndFrom {
  let lf = chunk.indexOf(LF);
  let cr = chunk.indexOf(CR);
  return (from) => {
    if (lf !== NONE && lf < from) lf = chunk.indexOf(LF, from);
    if (cr !== NONE && cr < from) cr = chunk.indexOf(CR, from);
    return lf === NONE || cr === NONE ? Math.max(lf, cr) : Math.min(lf, cr);
  };
}
