/**
 * What is to exist for one environment of wrangler.toml: the stores with the jurisdictions of their homes, and the
 * databases to migrate. A configuration that would break a residency promise is refused here, before anything is made.
 */
import * as z from "zod";
import { homeBindings, homeNames, homes, PLATFORM_HOME } from "../../src/residency/home.ts";
import { PlainFailure } from "../local/plain-failure.ts";
import type { Store } from "./store.ts";

export const WranglerConfig = z.looseObject({
  name: z.string().min(1),
  account_id: z.string().optional(),
  vars: z.looseObject({ ISSUER: z.url() }),
  d1_databases: z.array(
    z.looseObject({
      binding: z.string(),
      database_name: z.string(),
      database_id: z.string().optional(),
    }),
  ),
  kv_namespaces: z.array(z.looseObject({ binding: z.string(), id: z.string().optional() })),
  queues: z.looseObject({
    producers: z.array(z.looseObject({ binding: z.string(), queue: z.string() })),
    consumers: z.array(z.looseObject({ queue: z.string(), dead_letter_queue: z.string().optional() })),
  }),
  r2_buckets: z.array(
    z.looseObject({ binding: z.string(), bucket_name: z.string(), jurisdiction: z.string().optional() }),
  ),
});
export type WranglerConfig = z.infer<typeof WranglerConfig>;

export interface Target {
  readonly worker: string;
  /** Undefined = the top level of wrangler.toml. */
  readonly environment: string | undefined;
  readonly issuer: URL;
  readonly stores: readonly Store[];
}

const PLATFORM_PREFIX = "PLATFORM_";

function jurisdictionOf(binding: string): Store["jurisdiction"] {
  if (binding.startsWith(PLATFORM_PREFIX)) return undefined;
  const home = homeNames.find((name) => homeBindings(name).some((each) => each === binding));
  if (home === undefined) throw new PlainFailure(`wrangler.toml: the binding ${binding} belongs to no home.`);
  return homes[home].jurisdiction;
}

/** wrangler.toml has no names for KV namespaces; this is the one that wrangler itself would give. */
const titleOf = (worker: string, binding: string): string =>
  `${worker}-${binding.toLowerCase().replaceAll("_", "-")}`;

export function targetOf(config: WranglerConfig, environment: string | undefined): Target {
  const store = (kind: Store["kind"], binding: string, name: string, id?: string): Store => ({
    kind,
    name,
    jurisdiction: jurisdictionOf(binding),
    binding,
    id,
  });
  const stores = [
    ...config.d1_databases.map((row) => store("database", row.binding, row.database_name, row.database_id)),
    ...config.kv_namespaces.map((row) =>
      store("namespace", row.binding, titleOf(config.name, row.binding), row.id),
    ),
    ...config.queues.producers.flatMap(({ binding, queue }) => [
      store("queue", binding, queue),
      ...config.queues.consumers
        .filter((consumer) => consumer.queue === queue)
        .flatMap(({ dead_letter_queue }) => dead_letter_queue ?? [])
        .map((name) => store("queue", binding, name)),
    ]),
    ...config.r2_buckets.map((row) => {
      const bucket = store("bucket", row.binding, row.bucket_name);
      if (row.jurisdiction === bucket.jurisdiction) return bucket;
      const wanted = bucket.jurisdiction ? `jurisdiction = "${bucket.jurisdiction}"` : "no jurisdiction";
      throw new PlainFailure(`wrangler.toml: ${row.binding} must have ${wanted}, like its home.`);
    }),
  ];
  const flaws = [...missingBindings(stores), ...looseQueues(config.queues)];
  if (flaws.length > 0) throw new PlainFailure(flaws.join("\n"));
  return { worker: config.name, environment, issuer: new URL(config.vars.ISSUER), stores };
}

/** A home may be left out, but as a whole. The Worker says the same of its bindings, when it is too late. */
function missingBindings(stores: readonly Store[]): readonly string[] {
  const bound = new Set(stores.map(({ binding }) => binding));
  const lacked = (bindings: readonly string[]) => bindings.filter((binding) => !bound.has(binding));
  const needed = lacked(["PLATFORM_DB", ...homeBindings(PLATFORM_HOME)]);
  const halves = homeNames
    .filter((home) => home !== PLATFORM_HOME && homeBindings(home).some((binding) => bound.has(binding)))
    .map((home) => ({ home, missing: lacked(homeBindings(home)) }));
  return [
    ...(needed.length > 0 ? [`wrangler.toml binds no ${needed.join(", ")}.`] : []),
    ...halves
      .filter(({ missing }) => missing.length > 0)
      .map(
        ({ home, missing }) =>
          `wrangler.toml binds no ${missing.join(", ")}: bind all stores of the home ${home}, or none of them.`,
      ),
  ];
}

/** What a deleted block may leave behind: records that nobody fetches, or a consumer of a queue that nobody makes. */
function looseQueues({ producers, consumers }: WranglerConfig["queues"]): readonly string[] {
  const produced = new Set(producers.map(({ queue }) => queue));
  const consumed = new Set(consumers.map(({ queue }) => queue));
  return [
    ...[...produced]
      .filter((queue) => !consumed.has(queue))
      .map((queue) => `wrangler.toml has no consumer of the queue ${queue}: its records would stay there.`),
    ...[...consumed]
      .filter((queue) => !produced.has(queue))
      .map((queue) => `wrangler.toml has a consumer of the queue ${queue}, which no home binds: delete it.`),
  ];
}
