/** A file, or all files of a folder in the order of their names: one scope's policies, tests and context. */
import type { Deployment } from "../azure/deployment.ts";
import { BackendId, PLATFORM, Scope } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type PolicySet, standingPolicies } from "../policy/as-code/policy-set.ts";
import type { Proposal } from "../policy/as-code/validate-policies.ts";
import { problemsOf } from "../policy/as-code/validate-policies.ts";
import { builtInDefaultTenant } from "../policy/default-tenant.ts";
import { Tenant } from "../policy/tenant.ts";
import type { CommandIo } from "./command.ts";
import type { Context, ContextDeployment } from "./policy-file.ts";
import { type ReadFile, readPolicyFile } from "./read-policy-file.ts";

export interface PolicySuite extends Proposal {
  readonly path: string;
  readonly scope: Scope;
  /** As in force by themselves. */
  readonly set: PolicySet;
  /** The moment that the files name for their tests; null = none. */
  readonly at: string | null;
}

export type SuiteIo = Pick<CommandIo, "readFile" | "listFolder">;

/** Fails with lines for whoever wrote the files. */
export async function readPolicySuite(
  path: string,
  io: SuiteIo,
): Promise<Result<PolicySuite, readonly string[]>> {
  const paths = await filesAt(path, io);
  if (paths.length === 0) return fail([`${path} has no file that ends in .yaml, .yml or .json.`]);
  const read = await Promise.all(paths.map((one) => readPolicyFile(one, io)));
  const faults = read.flatMap((one) => (one.ok ? [] : one.error));
  if (faults.length > 0) return fail(faults);
  return together(
    path,
    read.flatMap((one) => (one.ok ? [one.value] : [])),
    io,
  );
}

async function filesAt(path: string, { listFolder }: SuiteIo): Promise<readonly string[]> {
  let names: readonly string[] | null = null;
  try {
    names = await listFolder(path);
  } catch {
    // What is not there is told where it is read.
  }
  if (names === null) return [path];
  const folder = path.replace(/\/+$/, "");
  return names
    .filter((name) => /\.(?:ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => `${folder}/${name}`);
}

async function together(
  path: string,
  files: readonly ReadFile[],
  io: SuiteIo,
): Promise<Result<PolicySuite, readonly string[]>> {
  const scopes = [...new Set(files.flatMap(({ scope }) => scope ?? []))];
  const [named] = scopes;
  if (named === undefined || scopes.length > 1) {
    const told = scopes.length > 1 ? `says ${scopes.join(" and ")}` : "does not say";
    return fail([`${path} ${told} whose policies these are: write \`tenant: <id>\` or \`platform: true\`.`]);
  }
  const scope = Scope.parse(named);
  const inputs = files.flatMap((file) => file.inputs);
  // Within a file this was told with its line.
  const twice = problemsOf(inputs).find(({ path: at }) => at.endsWith(".name"));
  if (twice !== undefined) return fail([`${path}: ${twice.path}, of all files in order: ${twice.message}`]);
  const contexts = files.filter(({ context }) => context !== null);
  if (contexts.length > 1)
    return fail([
      `${path} has a \`context\` in ${contexts.map((file) => file.path).join(" and ")}; one is enough.`,
    ]);
  const platform = await platformOf(contexts[0], io);
  if (!platform.ok) return platform;
  const context = contexts[0]?.context ?? {};
  return ok({
    path,
    scope,
    inputs,
    tests: files.flatMap(({ tests }) => tests),
    at: files.find(({ at }) => at !== null)?.at ?? null,
    set: {
      scope,
      tenant: tenantOf(scope, context),
      policies: scope === PLATFORM ? [] : standingPolicies(inputs, scope),
      platformPolicies: standingPolicies(scope === PLATFORM ? inputs : platform.value, PLATFORM),
      deployments: context.deployments?.map(deploymentOf) ?? null,
    },
  });
}

async function platformOf(
  file: ReadFile | undefined,
  io: SuiteIo,
): Promise<Result<Proposal["inputs"], readonly string[]>> {
  const named = file?.context?.platform;
  if (file === undefined || named === undefined) return ok([]);
  if (file.scope === PLATFORM) return fail([`${file.path}: the platform's own files include no other.`]);
  const folder = file.path.includes("/") ? file.path.slice(0, file.path.lastIndexOf("/") + 1) : "";
  const suite = await readPolicySuite(named.startsWith("/") ? named : `${folder}${named}`, io);
  if (!suite.ok) return suite;
  return suite.value.scope === PLATFORM
    ? ok(suite.value.inputs)
    : fail([`${file.path}: \`context.platform\` names policies that are not the platform's.`]);
}

const tenantOf = (scope: Scope, { residency, limits }: Context): Tenant =>
  Tenant.parse({
    id: scope === PLATFORM ? builtInDefaultTenant.id : scope,
    name: scope,
    ...(residency === undefined ? {} : { residency }),
    ...(limits === undefined ? {} : { limits }),
  });

const deploymentOf = ({ backends, prices, ...rest }: ContextDeployment): Deployment => ({
  ...rest,
  outputParameter: "max_tokens",
  prices: prices ?? { inputPerMillion: null, cachedInputPerMillion: null, outputPerMillion: null },
  backends: backends.map((backend, index) => ({
    ...backend,
    id: BackendId.parse(`backend_${index.toString(16).padStart(32, "0")}`),
    endpoint: "https://context.invalid",
    azureDeployment: "context",
    apiVersion: "v1",
    credential: { kind: "api_key", secret: "AZURE_CONTEXT" },
    priority: 0,
    weight: 1,
  })),
});
