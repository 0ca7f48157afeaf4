// All that rests anywhere, as text: every row, key, object and ledger, whoever it belongs to.
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { homeStoresOf } from "../../../src/bindings.ts";
import type { Home } from "../../../src/residency/home.ts";

export interface Resting {
  readonly where: string;
  readonly text: string;
}

type Row = Readonly<Record<string, unknown>>;

const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'";

export async function restingInHome(home: Home): Promise<readonly Resting[]> {
  const { db, kv, archive } = homeStoresOf(env, home);
  const { keys } = await kv.list();
  const { objects } = await archive.list();
  return [
    ...(await restingInDatabase(`${home} D1`, db)),
    ...(await Promise.all(
      keys.map(async ({ name, metadata }) => ({
        where: `${home} KV`,
        text: JSON.stringify([name, metadata, await kv.get(name)]),
      })),
    )),
    ...(await Promise.all(
      objects.map(async ({ key, customMetadata }) => ({
        where: `${home} R2`,
        text: JSON.stringify([key, customMetadata, await (await archive.get(key))?.text()]),
      })),
    )),
  ];
}

/** What may name a tenant of any home is left out, and nothing else: in which home it is, and whose an API key is. */
export const restingAtPlatform = (): Promise<readonly Resting[]> =>
  restingInDatabase("platform D1", env.PLATFORM_DB, (table, row) =>
    table === "directory" || table === "api_keys" ? { ...row, tenant_id: null } : row,
  );

async function restingInDatabase(
  where: string,
  db: D1Database,
  shown: (table: string, row: Row) => Row = (_, row) => row,
): Promise<readonly Resting[]> {
  const { results } = await db.prepare(TABLES).all<{ name: string }>();
  const tables = await Promise.all(
    results.map(async ({ name }) => {
      const rows = await db.prepare(`SELECT * FROM ${name}`).all();
      return rows.results.map((row) => ({
        where: `${where} ${name}`,
        text: JSON.stringify(shown(name, row)),
      }));
    }),
  );
  return tables.flat();
}

/** Every ledger that exists in any home, by its id. */
export async function ledgers(): Promise<ReadonlyMap<string, readonly Resting[]>> {
  const found = new Map<string, readonly Resting[]>();
  for (const namespace of [env.AGENT_LEDGER, env.TENANT_LEDGER] as DurableObjectNamespace[]) {
    for (const id of await listDurableObjectIds(namespace)) {
      found.set(
        id.toString(),
        await runInDurableObject(namespace.get(id), (_, { storage }) =>
          storage.sql
            .exec<{ name: string }>(TABLES)
            .toArray()
            .flatMap(({ name }) =>
              storage.sql
                .exec(`SELECT * FROM ${name}`)
                .toArray()
                .map((row) => ({ where: `ledger ${name}`, text: JSON.stringify(row) })),
            ),
        ),
      );
    }
  }
  return found;
}
