/**
 * What an answer tells of the units that it is billed by. What is not well told is not told, never zero: it then costs
 * what was reserved, or nobody knows what.
 */
import { isJsonObject, type JsonObject } from "../kernel/json.ts";
import { billedCharacters } from "./billed-characters.ts";
import type { Operation } from "./operation.ts";
import type { Unit } from "./unit.ts";

/** @param sent the request that was answered well. @param answer undefined where it is no JSON. */
export const toldUnits = ({ unit }: Operation, sent: JsonObject, answer: unknown): number | null =>
  unit && told[unit](sent, answer);

const told: Readonly<Record<Unit, (sent: JsonObject, answer: unknown) => number | null>> = {
  picture: (_, answer) =>
    isJsonObject(answer) && Array.isArray(answer.data) ? answer.data.length || null : null,
  // Azure does not repeat them: what was sent is what was spoken.
  character: billedCharacters,
  audio_second: (_, answer) => (isJsonObject(answer) ? secondsOf(answer) : null),
};

/** Told in one or both of two places; the longer counts, and a second that has begun. */
function secondsOf({ usage, duration }: JsonObject): number | null {
  const reported = isJsonObject(usage) && usage.type === "duration" ? usage.seconds : undefined;
  const seconds = Math.ceil(Math.max(...[reported, duration].map((value) => (isLength(value) ? value : 0))));
  return seconds === 0 ? null : seconds;
}

/** Longer than any sound of which Azure takes the bytes; beyond it a number is no length. */
const MAX_SECONDS = 1e9;

const isLength = (value: unknown): value is number =>
  typeof value === "number" && value > 0 && value <= MAX_SECONDS;
