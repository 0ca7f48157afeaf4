/**
 * A method and a path as a record tells them. A path is whatever its caller wrote: what is no short word of an API's may
 * be a key, or somebody's name, so only such words are told.
 */
import { MAX_TOLD_SEGMENTS } from "../kernel/limits.ts";

const WORD = /^[a-z][a-z0-9_.-]{0,23}$/i;
const METHOD = /^[A-Z]{1,10}$/;

/** @param pattern the row of the path table that matched; null = none did. */
export function toldRoute(method: string, path: string, pattern: string | null): string {
  const told = METHOD.test(method) ? method : "?";
  return `${told} ${pattern ?? toldPath(path)}`;
}

function toldPath(path: string): string {
  const segments = path.split("/").slice(1);
  const words = segments
    .slice(0, MAX_TOLD_SEGMENTS)
    .map((segment) => (segment === "" || WORD.test(segment) ? segment : "?"));
  return `/${words.join("/")}${segments.length > MAX_TOLD_SEGMENTS ? "/…" : ""}`;
}
