/**
 * Entity tags (RFC 9110 section 8.8.3) of the control plane's objects: strong, a digest of the object as a GET shows
 * it, whatever the order of its members. So whoever holds a tag has seen what it names, and no counter must be kept.
 */
import { sha256Hex } from "../kernel/digest.ts";
import { isJsonObject } from "../kernel/json.ts";

export async function entityTagOf(object: object): Promise<string> {
  const digest = await sha256Hex(sortedJson(object));
  return `"${digest}"`;
}

function sortedJson(value: object): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
