/**
 * Meters a server-sent event stream without touching it: events pass byte for byte as soon as they are whole, usage
 * is read from the one event that carries it, and the usage chunk that only the gateway asked for is held back. An
 * event cut in the middle is never passed on, so an error event after it stays readable.
 */
import { utf8Text } from "../kernel/encoding.ts";
import { joinedBytes } from "../kernel/joined-bytes.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";
import type { Operation } from "./operation.ts";
import { addedUsage, usageOfEvent } from "./usage.ts";

export interface StreamMeter {
  /** Takes bytes as they came, returns the bytes of all events they complete. */
  push(bytes: Uint8Array): Uint8Array;
  readonly usage: Usage | null;
  /** Whether the stream said that it is over; SDKs take a silent end for success. */
  readonly finished: boolean;
}

const LF = 10;
const CR = 13;
const terminalEvents = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "image_generation.completed",
  "image_edit.completed",
  "transcript.text.done",
  "speech.audio.done",
  "error",
]);
/** Reading JSON is what metering would cost; only events that can matter are read. */
const mayMatter =
  /"usage"\s*:\s*\{|"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|image_(?:generation|edit)\.completed|transcript\.text\.done|speech\.audio\.done|error)"|"error"\s*:\s*\{/;

/** @param hideUsageChunk the gateway asked for usage, the caller did not. */
export function createStreamMeter(operation: Operation, hideUsageChunk: boolean): StreamMeter {
  let pending = nothing;
  let usage: Usage | null = null;
  let finished = false;

  /** False when the event is the gateway's own and stays here. */
  function see(event: Uint8Array): boolean {
    const text = utf8Text(event);
    if (text === undefined) return true;
    const data = dataOf(text);
    if (data === "[DONE]") {
      finished = true;
      return true;
    }
    if (!mayMatter.test(data)) return true;
    const value = parse(data);
    if (!isJsonObject(value)) return true;
    const found = usageOfEvent(operation, value);
    // Each picture of a stream reports its own.
    if (found) usage = operation.action === "image" && usage ? addedUsage(usage, found) : found;
    if ((typeof value.type === "string" && terminalEvents.has(value.type)) || isJsonObject(value.error))
      finished = true;
    return !(hideUsageChunk && found && Array.isArray(value.choices) && value.choices.length === 0);
  }

  return {
    push(bytes) {
      const buffer = pending.length === 0 ? bytes : joinedBytes([pending, bytes]);
      // Events side by side are passed as one piece, so a chunk of whole events is passed as the very bytes it came in.
      const passed: Uint8Array[] = [];
      let passedTo = 0;
      let start = 0;
      // An event's end may straddle two chunks, so the search starts a little before the new bytes.
      let from = Math.max(0, pending.length - 3);
      for (let end = eventEnd(buffer, start, from); end !== -1; end = eventEnd(buffer, start, from)) {
        if (!see(buffer.subarray(start, end))) {
          if (passedTo < start) passed.push(buffer.subarray(passedTo, start));
          passedTo = end;
        }
        start = end;
        from = end;
      }
      pending = start === buffer.length ? nothing : buffer.slice(start);
      if (passedTo === 0 && start === buffer.length) return buffer;
      if (passedTo < start) passed.push(buffer.subarray(passedTo, start));
      return joinedBytes(passed);
    },
    get usage() {
      return usage;
    },
    get finished() {
      return finished;
    },
  };
}

const nothing = new Uint8Array(0);

/**
 * The index after the first blank line at or after `from`, or -1. Lines end in LF, CR LF or CR. Nothing before the
 * event's own start is looked at, so that where chunks were cut makes no difference.
 */
function eventEnd(buffer: Uint8Array, start: number, from: number): number {
  for (let index = from; index < buffer.length; index += 1) {
    const byte = buffer[index];
    if (byte !== LF && byte !== CR) continue;
    // A blank line between events.
    if (index === start) return index + 1;
    const before = buffer[index - 1];
    if (byte === before) return index + 1;
    if (byte === LF && before === CR && index - 2 >= start && buffer[index - 2] === LF) return index + 1;
  }
  return -1;
}

/** The data lines of one event, joined as the event-stream format says. */
function dataOf(event: string): string {
  const alone = onlyDataLine.exec(event)?.[1];
  if (alone !== undefined) return alone;
  return event
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5))
    .join("\n");
}

/** What nearly every event is: cutting it into lines would cost more than all else that is done with it. */
const onlyDataLine = /^data: ?([^\r\n]*)[\r\n]+$/;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
