/**
 * The policies that hold together for one scope, and what decisions under them depend on: the unit that is tested,
 * linted and compared, whether it comes from files or from a gateway.
 */
import type { Deployment } from "../../azure/deployment.ts";
import { BackendId, PLATFORM, PolicyId, type Scope } from "../../kernel/ids.ts";
import type { Policy, PolicyInput } from "../policy.ts";
import { deploymentOfResource, type Resource } from "../resource.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Tenant } from "../tenant.ts";

export interface PolicySet {
  /** Whose policies are judged: the tenant's below, or the platform's, which hold for every tenant. */
  readonly scope: Scope;
  readonly tenant: Tenant;
  readonly policies: readonly Policy[];
  readonly platformPolicies: readonly Policy[];
  /** Null = not known: every model is then taken for one that is registered, priced, and processed where asked. */
  readonly deployments: readonly Deployment[] | null;
}

/** The policies of the scope itself. */
export const ownPolicies = ({ scope, policies, platformPolicies }: PolicySet): readonly Policy[] =>
  scope === PLATFORM ? platformPolicies : policies;

export const withOwnPolicies = (set: PolicySet, own: readonly Policy[]): PolicySet =>
  set.scope === PLATFORM ? { ...set, platformPolicies: own } : { ...set, policies: own };

/** @param resources that will be asked about: where deployments are not known, theirs are assumed. */
export function snapshotOfSet(set: PolicySet, resources: readonly Resource[]): Snapshot {
  const names = new Set(resources.flatMap((resource) => deploymentOfResource(resource) ?? []));
  const deployments = set.deployments ?? [...names].map(assumedDeployment);
  return {
    platform: {
      revision: 0,
      policies: [...set.platformPolicies],
      deployments: [...deployments],
      withdrawnKeys: [],
    },
    tenant: { revision: 0, tenant: set.tenant, policies: [...set.policies] },
  };
}

/** Ids and ages belong to the server; what was never written has neither. Age follows the order given. */
export const standingPolicies = (
  inputs: readonly PolicyInput[],
  scope: Scope,
  /** A hex digit: sets that are put together need ids of their own. */
  series = scope === PLATFORM ? "f" : "0",
): readonly Policy[] =>
  inputs.map(({ tests: _tests, ...input }, index) => ({
    ...input,
    id: PolicyId.parse(`policy_${series}${index.toString(16).padStart(31, "0")}`),
    scope,
    createdAt: BEFORE_ALL,
    updatedAt: BEFORE_ALL,
  }));

const BEFORE_ALL = "2000-01-01T00:00:00.000Z";

const assumedBackend = (index: number, region: string): Deployment["backends"][number] => ({
  id: BackendId.parse(`backend_${index.toString(16).padStart(32, "0")}`),
  endpoint: "https://assumed.invalid",
  azureDeployment: "assumed",
  apiVersion: "v1",
  region,
  sku: "Standard",
  credential: { kind: "api_key", secret: "AZURE_ASSUMED" },
  priority: 0,
  weight: 1,
  classification: "restricted",
});
/** One region in each zone that can be promised or demanded. */
const assumedBackends = [assumedBackend(1, "swedencentral"), assumedBackend(2, "eastus2")];

const assumedDeployment = (name: string): Deployment => ({
  name,
  model: "assumed",
  maxOutputTokens: 1_000_000,
  outputParameter: "max_tokens",
  prices: { inputPerMillion: 1, cachedInputPerMillion: 1, outputPerMillion: 1 },
  classification: "restricted",
  backends: assumedBackends,
});
