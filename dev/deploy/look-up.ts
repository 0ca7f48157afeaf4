/** What exists in the account. Only "there is no such Worker" counts as empty; any other failure ends the run. */
import { PlainFailure } from "../local/plain-failure.ts";
import { countAdminKeys } from "./first-admin-key.ts";
import type { Existing } from "./plan.ts";
import {
  readBuckets,
  readCount,
  readDatabases,
  readIdentity,
  readNamespaces,
  readQueues,
  readSecretNames,
} from "./read-listing.ts";
import type { ExistingStore } from "./store.ts";
import type { Target } from "./target.ts";
import { failureOf, type RunWrangler, runOrFail } from "./wrangler.ts";
import * as command from "./wrangler-command.ts";

const MAX_QUEUE_PAGES = 100;

/** @param accountId from the environment or wrangler.toml, if it says. */
export async function requireLogin(run: RunWrangler, accountId: string | undefined): Promise<void> {
  const answer = await run(command.whoAmI);
  // Without a login it fails too, and says so in its answer.
  if (answer.code !== 0 && !answer.stdout.includes('"loggedIn"')) throw failureOf(command.whoAmI, answer);
  const { loggedIn, accounts } = readIdentity(answer.stdout);
  if (!loggedIn) {
    throw new PlainFailure(
      "wrangler is not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.",
    );
  }
  if (accountId === undefined && accounts.length > 1) {
    const names = accounts.map(({ id, name }) => `  ${id}  ${name}`).join("\n");
    throw new PlainFailure(
      `This login has several accounts; choose one with CLOUDFLARE_ACCOUNT_ID:\n${names}`,
    );
  }
}

export async function listIdentifiedStores(run: RunWrangler): Promise<readonly ExistingStore[]> {
  return [
    ...readDatabases(await runOrFail(run, command.listDatabases)),
    ...readNamespaces(await runOrFail(run, command.listNamespaces)),
  ];
}

export async function lookUp(
  run: RunWrangler,
  target: Target,
  hasUnshownAdminKey: boolean,
): Promise<Existing> {
  const identified = await listIdentifiedStores(run);
  const stores = [...identified, ...(await listQueues(run)), ...(await listBuckets(run, target))];
  const secrets = await listSecrets(run, target);
  return { stores, secrets, hasAdminKey: await findAdminKey(run, target, identified), hasUnshownAdminKey };
}

async function listQueues(run: RunWrangler): Promise<readonly ExistingStore[]> {
  const queues = new Map<string, ExistingStore>();
  for (let page = 1; page <= MAX_QUEUE_PAGES; page++) {
    const before = queues.size;
    for (const queue of readQueues(await runOrFail(run, command.listQueues(page))))
      queues.set(queue.name, queue);
    if (queues.size === before) break;
  }
  return [...queues.values()];
}

async function listBuckets(run: RunWrangler, { stores }: Target): Promise<readonly ExistingStore[]> {
  const jurisdictions = new Set(
    stores.filter(({ kind }) => kind === "bucket").map((store) => store.jurisdiction),
  );
  const buckets: ExistingStore[] = [];
  for (const jurisdiction of jurisdictions) {
    buckets.push(...readBuckets(await runOrFail(run, command.listBuckets(jurisdiction)), jurisdiction));
  }
  return buckets;
}

async function listSecrets(run: RunWrangler, target: Target): Promise<ReadonlySet<string>> {
  const args = command.listSecrets(target);
  const answer = await run(args);
  if (answer.code === 0) return readSecretNames(answer.stdout);
  const isNew =
    answer.stderr.includes(`Worker "${target.worker}"`) && /If this is a new Worker/.test(answer.stderr);
  if (isNew) return new Set();
  throw failureOf(args, answer);
}

async function findAdminKey(
  run: RunWrangler,
  { stores, ...target }: Target,
  identified: readonly ExistingStore[],
): Promise<boolean> {
  const platform = stores.find(({ binding }) => binding === "PLATFORM_DB");
  const exists = identified.some(
    ({ kind, id, name }) =>
      kind === "database" && (platform?.id === undefined ? name === platform?.name : id === platform.id),
  );
  if (!exists) return false;
  const args = command.executeSql({ ...target, stores }, countAdminKeys);
  const answer = await run(args);
  if (answer.code === 0) return readCount(answer.stdout) > 0;
  // Made, but not migrated yet.
  if (/no such table/.test(answer.stderr + answer.stdout)) return false;
  throw failureOf(args, answer);
}
