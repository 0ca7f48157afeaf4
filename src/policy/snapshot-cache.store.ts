/**
 * Snapshots in KV, each under the revision that was read, so that an entry can be missing but never wrong; `current`
 * is only a hint for cold isolates. A cache that is ill, slow or full of nonsense is only a slower one.
 */
import * as z from "zod";
import type { StartTimer } from "../kernel/clock.ts";
import type { Scope } from "../kernel/ids.ts";
import { KV_MAX_MS, SNAPSHOT_KV_SECONDS } from "../kernel/limits.ts";
import { withinLimit } from "../kernel/within-limit.ts";

const kvKey = (scope: Scope, revision: number | "current"): string => `snapshot/v1/${scope}/${revision}`;
const KeptRevision = z.coerce.number().int();

interface Revised {
  readonly revision: number;
}

/** Null when KV has none in time, or nothing that can be read: D1 answers then. */
export async function fromKv<S extends Revised>(
  kv: KVNamespace,
  { scope, schema }: { readonly scope: Scope; readonly schema: z.ZodType<S> },
  revision: number | undefined,
  startTimer: StartTimer,
): Promise<S | null> {
  const read = async () => {
    const wanted = revision ?? KeptRevision.parse(await kv.get(kvKey(scope, "current")));
    const snapshot = schema.parse(await kv.get(kvKey(scope, wanted), "json"));
    return snapshot.revision === wanted ? snapshot : null;
  };
  return withinLimit(startTimer, KV_MAX_MS, read()).catch(() => null);
}

/** Best effort: isolates read D1 where this failed. */
export async function toKv(
  kv: KVNamespace,
  { scope }: { readonly scope: Scope },
  snapshot: Revised,
  startTimer: StartTimer,
): Promise<void> {
  const options = { expirationTtl: SNAPSHOT_KV_SECONDS };
  const write = async () => {
    await kv.put(kvKey(scope, snapshot.revision), JSON.stringify(snapshot), options);
    await kv.put(kvKey(scope, "current"), String(snapshot.revision), options);
  };
  await withinLimit(startTimer, KV_MAX_MS, write()).catch(() => {});
}
