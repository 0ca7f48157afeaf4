/**
 * Meters a server-sent event stream without touching it: events pass byte for byte as soon as they are whole, usage
 * is read from the one event that carries it, and the usage chunk that only the gateway asked for is held back. An
 * event cut in the middle is never passed on, so an error event after it stays readable.
 */
import { utf8Text } from "../kernel/encoding.ts";
import { joinedBytes } from "../kernel/joined-bytes.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Usage } from "../quota/contracts.ts";
import { canMatter, DONE, terminalEvents } from "./event-that-matters.ts";
import type { Operation } from "./operation.ts";
import { storedIdOf } from "./stored-objects.ts";
import { addedUsage, usageOfEvent } from "./usage.ts";
import { createWholeEvents, eachEvent } from "./whole-events.ts";

export interface StreamMeter {
  /** Takes bytes as they came, returns the bytes of all events they complete, less those that stay here. */
  push(bytes: Uint8Array): Uint8Array;
  /** Takes bytes that have passed anyhow: read as one text, many events cost little more than one. */
  watch(bytes: Uint8Array): void;
  /** Of the event that is not whole yet. */
  readonly heldBytes: number;
  readonly usage: Usage | null;
  /** Of the answer, which its first events tell; null until then, and where nobody asked for it. */
  readonly storedId: string | null;
  /** Whether the stream said that it is over; SDKs take a silent end for success. */
  readonly finished: boolean;
  /** Whether pictures that were asked for are still to come: usage is that of those which came. */
  readonly isShort: boolean;
  /** That came whole. */
  readonly pictures: number;
}

/**
 * @param hideUsageChunk the gateway asked for usage, the caller did not.
 * @param foundId told the answer's id, once; null where nobody asks for it.
 * @param asked how many pictures were asked for, each of which ends with an event of its own.
 */
export function createStreamMeter(
  operation: Operation,
  hideUsageChunk: boolean,
  foundId: ((storedId: string) => void) | null = null,
  asked = 1,
): StreamMeter {
  let usage: Usage | null = null;
  let storedId: string | null = null;
  let finished = false;
  let ended = 0;
  let pictures = 0;

  /** False when the event is the gateway's own and stays here. */
  function see(text: string | undefined): boolean {
    const mayTellId = foundId !== null && storedId === null;
    if (text === undefined || !(mayTellId || canMatter(text))) return true;
    const data = dataOf(text);
    if (data === DONE) {
      finished = true;
      return true;
    }
    const value = parse(data);
    if (!isJsonObject(value)) return true;
    if (mayTellId) {
      storedId = storedIdOf(operation, value);
      if (storedId !== null) foundId(storedId);
    }
    const found = usageOfEvent(operation, value);
    // Each picture of a stream reports its own.
    if (found) usage = operation.action === "image" && usage ? addedUsage(usage, found) : found;
    const isError = value.type === "error" || isJsonObject(value.error);
    if (isError || (typeof value.type === "string" && terminalEvents.has(value.type))) {
      finished = true;
      ended += 1;
      if (!isError) pictures += 1;
    }
    return !(hideUsageChunk && found && Array.isArray(value.choices) && value.choices.length === 0);
  }

  const events = createWholeEvents();
  return {
    push(bytes) {
      const whole = events.push(bytes);
      const each = eachEvent(whole);
      const passed = each.filter((event) => see(utf8Text(event)));
      return passed.length === each.length ? whole : joinedBytes(passed);
    },
    watch(bytes) {
      const whole = events.push(bytes);
      for (const event of textsOf(whole)) see(event);
    },
    get heldBytes() {
      return events.heldBytes;
    },
    get usage() {
      return usage;
    },
    get storedId() {
      return storedId;
    },
    get finished() {
      return finished;
    },
    get isShort() {
      return operation.action === "image" && ended < asked;
    },
    get pictures() {
      return operation.action === "image" ? pictures : 0;
    },
  };
}

/** Of each event: one that is no text hides no other. */
function textsOf(events: Uint8Array): readonly (string | undefined)[] {
  const text = utf8Text(events);
  if (text === undefined) return eachEvent(events).map(utf8Text);
  // All line ends mean the same.
  return (text.includes("\r") ? text.replaceAll(/\r\n?/g, "\n") : text).split("\n\n");
}

/** The data lines of one event, joined as the event-stream format says. */
const dataOf = (event: string): string =>
  event
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(line.startsWith("data: ") ? 6 : 5))
    .join("\n");

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
