/**
 * JSON in and out without losing digits: an integer beyond 2^53 would come out as another number, so it is kept as
 * the text it came in (`JSON.rawJSON`). Everything else is plain `JSON.parse`.
 */

interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
}

/** ECMAScript's source text access, which TypeScript's library does not describe yet. */
const sourceTextJson = JSON as unknown as SourceTextJson;

/** The walk over every member that a reviver costs is only taken where a run of digits is long enough to matter. */
const LONG_NUMBER = /\d{16}/;

/** Throws a SyntaxError on what is not JSON. */
export function parseExactJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return sourceTextJson.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && /^-?\d+$/.test(source) && String(value) !== source
      ? sourceTextJson.rawJSON(source)
      : value,
  );
}
