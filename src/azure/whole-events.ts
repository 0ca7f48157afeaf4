/**
 * Takes an event stream as it was cut on its way and gives it back in whole server-sent events, byte for byte. Bytes are
 * searched natively, and not again with each piece, so that an event of megabytes costs what its bytes cost.
 */
import { joinedBytes } from "../kernel/joined-bytes.ts";

export interface WholeEvents {
  /** Takes bytes as they came, returns those of all events that they complete. */
  push(chunk: Uint8Array): Uint8Array;
  /** Of the event that has begun. */
  readonly heldBytes: number;
}

const LF = 10;
const CR = 13;
const NONE = -1;

export function createWholeEvents(): WholeEvents {
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
    const events = joinedBytes([...held, end]);
    held = [];
    heldBytes = 0;
    before = noBytes;
    return events;
  }

  return {
    push(chunk) {
      const end = lastEventEnd(chunk, before);
      // A chunk of whole events is given back as the very bytes that it came in.
      const complete = end === chunk.length ? chunk : chunk.subarray(0, end);
      const events = end === 0 || heldBytes === 0 ? complete : takeHeldWith(complete);
      if (end < chunk.length) hold(chunk, end);
      return events;
    },
    get heldBytes() {
      return heldBytes;
    },
  };
}

/** @param bytes of whole events. */
export function eachEvent(bytes: Uint8Array): readonly Uint8Array[] {
  const lineEndFrom = lineEndsOf(bytes);
  const events: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = eventEnd(bytes, start, lineEndFrom);
    events.push(bytes.subarray(start, end));
    start = end;
  }
  return events;
}

/** The last two bytes of what is held of an event. */
type Before = readonly [secondLast: number, last: number];
const noBytes: Before = [NONE, NONE];

type Byte = number | undefined;

/**
 * Whether a line end ends an event: it ends a blank line, or is one between events. Lines end in LF, CR LF or CR.
 * Nothing before the event's own start counts, so that where chunks were cut makes no difference.
 */
const isEventEnd = (byte: Byte, last: Byte, secondLast: Byte): boolean =>
  last === NONE || last === byte || (byte === LF && last === CR && secondLast === LF);

/** How many bytes it is to the end of the last whole event. Found backwards: most chunks end with one. */
function lastEventEnd(chunk: Uint8Array, before: Before): number {
  const byteAt = (index: number) => (index < 0 ? before[index + 2] : chunk[index]);
  const lineEndUpTo = lineEndsBackOf(chunk);
  let index = lineEndUpTo(chunk.length - 1);
  while (index !== NONE && !isEventEnd(chunk[index], byteAt(index - 1), byteAt(index - 2)))
    index = lineEndUpTo(index - 1);
  if (index === NONE) return 0;
  // Further line ends are blank lines of their own.
  let end = index + 1;
  while (chunk[end] === LF || chunk[end] === CR) end += 1;
  return end;
}

/** The index after the first event from `from` on, which is whole. */
function eventEnd(bytes: Uint8Array, from: number, lineEndFrom: LineEndFrom): number {
  const byteAt = (index: number) => (index < from ? NONE : bytes[index]);
  let index = lineEndFrom(from);
  while (index !== NONE && !isEventEnd(bytes[index], byteAt(index - 1), byteAt(index - 2)))
    index = lineEndFrom(index + 1);
  return index === NONE ? bytes.length : index + 1;
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

/** The last line end up to an index that never grows, or NONE. */
function lineEndsBackOf(chunk: Uint8Array): (upTo: number) => number {
  // Searching backwards for what is not there takes longer.
  let lf = chunk.includes(LF) ? chunk.length : NONE;
  let cr = chunk.includes(CR) ? chunk.length : NONE;
  return (upTo) => {
    if (upTo < 0) return NONE;
    if (lf > upTo) lf = chunk.lastIndexOf(LF, upTo);
    if (cr > upTo) cr = chunk.lastIndexOf(CR, upTo);
    return Math.max(lf, cr);
  };
}
