/** Loads a tenant's snapshot as an isolate does that has just started: from KV, and from D1 where KV has nothing. */
import { type Env, homeStoresOf } from "../../../src/bindings.ts";
import { PLATFORM } from "../../../src/kernel/ids.ts";
import { createSnapshots } from "../../../src/policy/snapshots.store.ts";
import { PLATFORM_HOME } from "../../../src/residency/home.ts";
import { type SnapshotLoad, SnapshotTimes } from "../policy-contract.ts";

const home = "global";

export async function loadSnapshots(env: Env, { tenantId, rounds }: SnapshotLoad): Promise<Response> {
  const newIsolate = (kvOf: () => KVNamespace) =>
    createSnapshots({
      platformDb: env.PLATFORM_DB,
      dbOf: (one) => homeStoresOf(env, one).db,
      kvOf,
      background: () => {},
      startTimer: () => () => {},
    });
  const kv = homeStoresOf(env, home).kv;
  const full = newIsolate(() => kv);
  await full.fill(PLATFORM, PLATFORM_HOME);
  await full.fill(tenantId, home);

  const timesOf = async (given: KVNamespace): Promise<number[]> => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const isolate = newIsolate(() => given);
      const startMs = performance.now();
      const loaded = await isolate.load({ tenantId, home });
      times.push(performance.now() - startMs);
      if (!loaded.ok) throw new Error("The snapshot cannot be loaded.");
    }
    return times;
  };
  const answer = { fromKv: await timesOf(kv), fromD1: await timesOf(emptyKv) };
  return Response.json(SnapshotTimes.parse(answer));
}

/** What is used of a KV, and holds nothing. */
const emptyKv = { get: async () => null, put: async () => {} } as unknown as KVNamespace;
