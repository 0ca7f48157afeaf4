/**
 * Whether an event can matter to metering: reading JSON is what metering would cost, so only few events are read. Told by
 * native searches and a look at what follows a find, because a regular expression over all of a large event takes longer
 * than everything else that is done with it.
 */

/** The data of a chat stream's last event. */
export const DONE = "[DONE]";

/** Types of events that end an answer, or one of its pictures: a stream that ends without any has broken off. */
export const terminalEvents: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
  "image_generation.completed",
  "image_edit.completed",
  "transcript.text.done",
  "speech.audio.done",
  "error",
]);

/** What may stand between two tokens of JSON, where the data goes on in a further line. */
const gap = String.raw`(?:\s|data:)*`;
const object = `${gap}:${gap}\\{`;
const terminalType = `${gap}:${gap}"(?:${[...terminalEvents].join("|").replaceAll(".", String.raw`\.`)})"`;

/**
 * What JSON holds where an event matters, up to the rest that a pattern must find there; a quote inside a text is escaped.
 * No more than six characters: longer ones V8 searches for in another way, and takes thirty times as long in large events.
 */
const marks: readonly (readonly [start: string, rest: RegExp])[] = [
  [DONE, /(?:)/y],
  ['"usage', new RegExp(`"${object}`, "y")],
  ['"error', new RegExp(`"${object}`, "y")],
  ['"type"', new RegExp(terminalType, "y")],
];

/** @param event the whole of it, with the names of its fields. */
export const canMatter = (event: string): boolean =>
  marks.some(([start, rest]) => hasMark(event, start, rest));

function hasMark(event: string, start: string, rest: RegExp): boolean {
  for (let at = event.indexOf(start); at !== -1; at = event.indexOf(start, at + start.length)) {
    rest.lastIndex = at + start.length;
    if (rest.test(event)) return true;
  }
  return false;
}
