/**
 * What a request says of the pictures it wants, held against a table by size and quality. What it leaves to the model counts
 * as the most that it may choose; a size or a quality that is not listed has no bound.
 */
import type { JsonObject } from "../kernel/json.ts";

export type BySizeAndQuality = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Of one picture; null = no bound. */
export function mostBySizeAndQuality(table: BySizeAndQuality, { size, quality }: JsonObject): number | null {
  const amounts = chosen(table, size)?.map((byQuality) => most(chosen(byQuality, quality)));
  return amounts?.includes(null) ? null : most(amounts);
}

/** These make more than one picture, or something else. */
const frames = ["frame_count", "frame_duration_ms", "complexity"];

export const asksForFrames = (body: JsonObject): boolean => frames.some((name) => isStated(body[name]));

/** What may be chosen: everything where nothing is stated; undefined where what is stated is not listed. */
function chosen<T>(table: Readonly<Record<string, T>>, stated: unknown): readonly T[] | undefined {
  if (!isStated(stated) || stated === "auto") return Object.values(table);
  const one = typeof stated === "string" && Object.hasOwn(table, stated) ? table[stated] : undefined;
  return one === undefined ? undefined : [one];
}

const most = (amounts: readonly (number | null)[] | undefined): number | null =>
  amounts === undefined ? null : Math.max(...amounts.map((amount) => amount ?? 0));

const isStated = (value: unknown): boolean => value !== undefined && value !== null;
