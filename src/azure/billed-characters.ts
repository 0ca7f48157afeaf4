/**
 * The characters that speech is billed by. Azure says neither what a character is to it nor whether instructions count;
 * so each is as many as the dearest reading makes it, and both texts count.
 */
import type { JsonObject } from "../kernel/json.ts";

/** What no reading makes more of than one code point of. */
export const MAX_BILLED_PER_CODE_POINT = 2;

/** Null where there is no text to speak. */
export function billedCharacters({ input, instructions }: JsonObject): number | null {
  if (typeof input !== "string") return null;
  return countedIn(input) + (typeof instructions === "string" ? countedIn(instructions) : 0);
}

/** Units of UTF-16, which are two beyond the first plane; Azure's speech service counts a Chinese character twice. */
const countedIn = (text: string): number => text.length + text.replace(notCountedAgain, "").length;

const notCountedAgain = /[^\p{Script=Han}]|[\u{10000}-\u{10FFFF}]/gu;
