/** wrangler.toml on disk: read as wrangler reads it, and replaced as a whole or not at all. */
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlainFailure } from "../local/plain-failure.ts";
import { hasId } from "./plan.ts";
import { readConfig } from "./read-config.ts";
import type { ExistingStore } from "./store.ts";
import { isNamed } from "./store.ts";
import { type Target, targetOf } from "./target.ts";
import { type BindingId, withIds } from "./write-ids.ts";

const tables = { database: "d1_databases", namespace: "kv_namespaces" } as const;

/** Writes the ids of those stores that have none yet. */
export async function writeIds(
  path: string,
  target: Target,
  existing: readonly ExistingStore[],
): Promise<void> {
  const ids = target.stores.flatMap((store): readonly BindingId[] => {
    if (store.id !== undefined || (store.kind !== "database" && store.kind !== "namespace")) return [];
    const id = existing.find((each) => isNamed(store, each))?.id;
    if (id === undefined) {
      throw new PlainFailure(
        `${store.name} is not listed yet although it was created; run this again in a minute.`,
      );
    }
    return [{ table: tables[store.kind], binding: store.binding, id }];
  });
  const text = withIds(await readFile(path, "utf8"), target.environment, ids);
  await checkParses(text, target, ids);
  const next = `${path}.new`;
  await writeFile(next, text);
  await rename(next, path);
}

async function checkParses(text: string, target: Target, ids: readonly BindingId[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-deploy-"));
  try {
    const copy = join(folder, "wrangler.toml");
    await writeFile(copy, text);
    const { stores } = targetOf(readConfig(copy, target.environment), target.environment);
    const lost = ids.filter(
      ({ binding, id }) => !stores.some((store) => store.binding === binding && store.id === id),
    );
    const unread = stores.filter((store) => hasId(store) && store.id === undefined);
    if (lost.length + unread.length === 0) return;
    const wanted = ids.map(({ binding, id }) => `  ${binding}: ${id}`).join("\n");
    throw new PlainFailure(`wrangler.toml could not be edited; write these ids into it:\n${wanted}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
