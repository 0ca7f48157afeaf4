/** Sets of keys from Worker secrets, parsed strictly. Errors name the set and the place of the mistake, never its content. */
import * as z from "zod";

export type KeySetName = "signing keys" | "receipt keys" | "Entra keys";

const kinds: Readonly<Record<KeySetName, string>> = {
  "signing keys": "private Ed25519 keys",
  "receipt keys": "private Ed25519 keys",
  "Entra keys": "private RSA keys of 2048 bits or more",
};

/** @param keys at most 20. */
export function parseKeySet<K>(
  secret: string,
  setName: KeySetName,
  keys: z.ZodType<readonly K[]>,
): readonly K[] {
  let json: unknown;
  try {
    json = JSON.parse(secret);
  } catch {
    throw new Error(`The ${setName} are not JSON.`);
  }
  const result = z.strictObject({ keys }).safeParse(json);
  if (result.success) return result.data.keys;
  const places = [
    ...new Set(result.error.issues.map(({ path, code }) => `${path.join(".") || "set"} (${code})`)),
  ];
  throw new Error(`The ${setName} are not a JWK set of ${kinds[setName]}: ${places.join(", ")}.`);
}
