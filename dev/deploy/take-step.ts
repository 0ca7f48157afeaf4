/** Takes one step of the plan. Each is one change at Cloudflare (or of wrangler.toml), so that between two nothing is torn. */

import { freshSecret } from "../local/fresh-secret.ts";
import { writeIds } from "./config-file.ts";
import { insertAdminKey, type UnshownKey } from "./first-admin-key.ts";
import { listIdentifiedStores } from "./look-up.ts";
import type { Step } from "./plan.ts";
import type { Store } from "./store.ts";
import type { Target } from "./target.ts";
import { failureOf, type RunWrangler, runOrFail } from "./wrangler.ts";
import * as command from "./wrangler-command.ts";

export interface StepContext {
  readonly run: RunWrangler;
  readonly target: Target;
  readonly configPath: string;
  readonly unshownKey: UnshownKey;
  readonly say: (line: string) => void;
  /** An admin key that this run made. */
  readonly onAdminKey: (text: string) => void;
}

export async function takeStep(step: Step, context: StepContext): Promise<void> {
  const { run, target, configPath, say } = context;
  say(`${command.describeStep(step)} …`);
  switch (step.kind) {
    case "create-store":
      return createStore(run, step.store);
    case "write-ids":
      return writeIds(configPath, target, await listIdentifiedStores(run));
    case "put-secret": {
      const value = freshSecret(step.name);
      await runOrFail(run, command.putSecret(target, step.name), value);
      return;
    }
    case "migrate":
      await runOrFail(run, command.migrate(target, step.store));
      return;
    case "deploy":
      say((await runOrFail(run, command.deployWorker(target))).trim());
      return;
    case "admin-key":
      return makeAdminKey(context);
  }
}

async function createStore(run: RunWrangler, store: Store): Promise<void> {
  const args = command.createStore(store);
  const answer = await run(args);
  // The listing of buckets ends after a page; in this jurisdiction and this account, it is the one that is wanted.
  const isOurs = store.kind === "bucket" && /already exists, and you own it/.test(answer.stderr);
  if (answer.code !== 0 && !isOurs) throw failureOf(args, answer);
}

async function makeAdminKey({ run, target, unshownKey, say, onAdminKey }: StepContext): Promise<void> {
  const text = await unshownKey.open();
  await runOrFail(run, command.executeSql(target, await insertAdminKey(text)));
  say(`Admin key (X-Api-Key), shown this once: ${text}`);
  await unshownKey.forget();
  onAdminKey(text);
}
