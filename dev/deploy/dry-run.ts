/**
 * The commands of a deployment as text, in order, without running any: those that look up, then those that change,
 * as on an account where only what wrangler.toml gives an id exists.
 */
import { insertKeyRow } from "./first-admin-key.ts";
import { planDeployment, type Step } from "./plan.ts";
import type { Target } from "./target.ts";
import { printable } from "./wrangler.ts";
import * as command from "./wrangler-command.ts";

export function describeDeployment(target: Target): readonly string[] {
  const plan = planDeployment(target, {
    stores: target.stores.flatMap(({ kind, name, jurisdiction, id }) =>
      id === undefined ? [] : [{ kind, name, id, jurisdiction: jurisdiction ?? null }],
    ),
    secrets: new Set(),
    hasAdminKey: false,
    hasUnshownAdminKey: false,
  });
  const jurisdictions = new Set(target.stores.map(({ jurisdiction }) => jurisdiction));
  return [
    "# Look up what exists",
    ...[
      command.whoAmI,
      command.listDatabases,
      command.listNamespaces,
      command.listQueues(1),
      ...[...jurisdictions].map(command.listBuckets),
      command.listSecrets(target),
    ].map(printable),
    "# Do what is missing (on a new account: everything)",
    ...plan.steps.map((step) => describe(step, target)),
    `# Ask ${target.issuer.origin} whether it is well`,
  ];
}

function describe(step: Step, target: Target): string {
  switch (step.kind) {
    case "create-store":
      return printable(command.createStore(step.store));
    case "write-ids":
      return `# ${command.describeStep(step)}`;
    case "put-secret":
      return `${printable(command.putSecret(target, step.name))} # a new value, through stdin`;
    case "migrate":
      return printable(command.migrate(target, step.store));
    case "deploy":
      return printable(command.deployWorker(target));
    case "admin-key":
      return printable(command.executeSql(target, insertKeyRow("<SHA-256 of the key>", "<id>")));
  }
}
