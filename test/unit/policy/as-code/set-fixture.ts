// Sets of policies as files would describe them, and what is told of them, short.
import { PLATFORM } from "../../../../src/kernel/ids.ts";
import { type PolicySet, standingPolicies } from "../../../../src/policy/as-code/policy-set.ts";
import { type PolicyDiff, policyDiff } from "../../../../src/policy/diff/policy-diff.ts";
import { PolicyInput } from "../../../../src/policy/policy.ts";
import { Tenant } from "../../../../src/policy/tenant.ts";

const tenant = Tenant.parse({ id: "tenant-a", name: "Tenant A" });
export const GPT = "api://azure-openai/models/gpt-4";

export const rule = (name: string, changes: object = {}): PolicyInput =>
  PolicyInput.parse({ name, effect: "allow", actions: ["chat"], resources: [GPT], ...changes });
export const deny = (name: string, changes: object = {}): PolicyInput =>
  rule(name, { effect: "deny", ...changes });
export const boundary = (name: string, changes: object = {}): PolicyInput =>
  rule(name, { kind: "boundary", actions: ["*"], resources: ["*"], ...changes });

export const setOf = (inputs: readonly PolicyInput[], changes: Partial<PolicySet> = {}): PolicySet => ({
  scope: tenant.id,
  tenant,
  policies: standingPolicies(inputs, tenant.id),
  platformPolicies: [],
  deployments: null,
  ...changes,
});
export const platformSetOf = (inputs: readonly PolicyInput[]): PolicySet =>
  setOf([], { scope: PLATFORM, platformPolicies: standingPolicies(inputs, PLATFORM) });

export const anyTime = () => ({ fromMs: null, budget: { left: 10_000_000 } });

export const diffOf = (before: readonly PolicyInput[], after: readonly PolicyInput[]): PolicyDiff =>
  policyDiff(setOf(before), setOf(after), anyTime());

/** `from→to before/after: actions resources`. */
export const told = ({ classes }: PolicyDiff): readonly string[] =>
  classes.map(({ from, to, before, after, areas }) => {
    const cause = ({ kind, policy }: typeof before) => (policy === null ? kind : `${kind} ${policy}`);
    const where = areas.map(({ actions, resources }) => `${actions.join()} ${resources.join()}`).join("; ");
    return `${from}→${to} ${cause(before)}/${cause(after)}: ${where}`;
  });
