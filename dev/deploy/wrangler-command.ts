/**
 * The arguments of every wrangler command that a deployment uses (wrangler 4.155). No secret is ever among them: those
 * go through stdin.
 */
import type { Step } from "./plan.ts";
import { type Store, type StoreKind, storeWords } from "./store.ts";
import type { Target } from "./target.ts";

export type Arguments = readonly string[];

/** Without it wrangler warns, and in CLOUDFLARE_ENV's presence chooses that environment. */
export const environmentFlag = ({ environment }: Pick<Target, "environment">): string =>
  `--env=${environment ?? ""}`;

// Stores belong to the account. Given an environment, `kv namespace create` would put it in front of the name.
const ACCOUNT = "--env=";

const createCommands: Readonly<Record<StoreKind, Arguments>> = {
  database: ["d1", "create"],
  namespace: ["kv", "namespace", "create"],
  queue: ["queues", "create"],
  bucket: ["r2", "bucket", "create"],
};

export const createStore = ({ kind, name, jurisdiction }: Store): Arguments => [
  ...createCommands[kind],
  name,
  ...(jurisdiction === undefined ? [] : ["--jurisdiction", jurisdiction]),
  ACCOUNT,
];

export const whoAmI: Arguments = ["whoami", "--json"];
export const listDatabases: Arguments = ["d1", "list", "--json", ACCOUNT];
export const listNamespaces: Arguments = ["kv", "namespace", "list", ACCOUNT];
export const listQueues = (page: number): Arguments => ["queues", "list", "--page", String(page), ACCOUNT];
export const listBuckets = (jurisdiction: string | undefined): Arguments => [
  ...["r2", "bucket", "list"],
  ...(jurisdiction === undefined ? [] : ["--jurisdiction", jurisdiction]),
  ACCOUNT,
];
export const listSecrets = (target: Target): Arguments => [
  "secret",
  "list",
  "--format=json",
  environmentFlag(target),
];

/** On the platform database. */
export const executeSql = (target: Target, sql: string): Arguments => [
  ...["d1", "execute", "PLATFORM_DB", "--remote", "--json", "--yes"],
  `--command=${sql}`,
  environmentFlag(target),
];

export const putSecret = (target: Target, name: string): Arguments => [
  "secret",
  "put",
  name,
  environmentFlag(target),
];
export const migrate = (target: Target, { binding }: Store): Arguments => [
  ...["d1", "migrations", "apply", binding, "--remote"],
  environmentFlag(target),
];
export const deployWorker = (target: Target): Arguments => ["deploy", environmentFlag(target)];

/** What is said when a step begins. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "create-store":
      return `Create the ${storeWords[step.store.kind]} ${step.store.name}${step.store.jurisdiction ? ` (${step.store.jurisdiction})` : ""}`;
    case "write-ids":
      return "Write the ids of databases and namespaces into wrangler.toml";
    case "put-secret":
      return `Make and set the secret ${step.name}`;
    case "migrate":
      return `Migrate ${step.store.name}`;
    case "deploy":
      return "Deploy the Worker";
    case "admin-key":
      return "Make the first admin key";
  }
}
