/**
 * JSON with the keys of every object in alphabetical order, as Azure writes its stream chunks. A reader
 * that depends on OpenAI's key order must fail here too.
 */
export function alphabeticalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
