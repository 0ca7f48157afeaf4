/**
 * What is to exist for one environment of wrangler.toml: the stores with the jurisdictions of their homes, and the
 * databases to migrate. A configuration that would break a residency promise is refused here, before anything is made.
 */
import * as z from "zod";
import { homeNames, homes } from "../../src/residency/home.ts";
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
  const home = homeNames.find((name) => binding.startsWith(`${homes[name].bindingPrefix}_`));
  if (home === undefined) throw new PlainFailure(`wrangler.toml: the binding ${binding} belongs to no home.`);
  return homes[home].jurisdiction;
}

/** wrangler.toml has no names for KV namespaces; this is the one that wrangler itself would give. */
const titleOf = (worker: string, binding: string): string =>
  `${worker}-${binding.toLowerCase().replaceAll("_", "-")}`;

const homeBindings = homeNames.flatMap((home) =>
  ["DB", "KV", "AUDIT", "ARCHIVE"].map((suffix) => `${homes[home].bindingPrefix}_${suffix}`),
);
const neededBindings = ["PLATFORM_DB", ...homeBindings];

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
  const missing = neededBindings.filter((binding) => !stores.some((each) => each.binding === binding));
  if (missing.length > 0) throw new PlainFailure(`wrangler.toml binds no ${missing.join(", ")}.`);
  return { worker: config.name, environment, issuer: new URL(config.vars.ISSUER), stores };
}
