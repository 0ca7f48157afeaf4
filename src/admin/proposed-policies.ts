/** The policies that a tenant would have, checked as if they were written. */
import { PolicyId, type TenantId } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import { checkPolicy } from "../policy/check-policy.ts";
import type { Policy, PolicyInput } from "../policy/policy.ts";
import type { Simulation } from "./simulation-descriptions.ts";
import { notFound } from "./tenant-access.ts";

interface Proposal extends Pick<Simulation, "policies" | "changes"> {
  readonly tenantId: TenantId;
  readonly at: Timestamp;
}

export function proposedPolicies(current: readonly Policy[], proposal: Proposal): Result<Policy[]> {
  const policyOf = (index: number, input: PolicyInput): Policy => ({
    // Unlike any that was minted: those begin with a time.
    id: PolicyId.parse(`policy_${index.toString(16).padStart(32, "0")}`),
    scope: proposal.tenantId,
    ...input,
    createdAt: proposal.at,
    updatedAt: proposal.at,
  });
  const proposed: Policy[] = proposal.policies === undefined ? [...current] : [];
  for (const [index, input] of (proposal.policies ?? []).entries()) {
    const refusal = checkedAt(`policies[${index}]`, input);
    if (refusal) return refusal;
    proposed.push(policyOf(index, input));
  }
  for (const [index, { id, policy: input }] of (proposal.changes ?? []).entries()) {
    const path = `changes[${index}]`;
    const refusal = input && checkedAt(`${path}.policy`, input);
    if (refusal) return refusal;
    const at = id === undefined ? -1 : proposed.findIndex((policy) => policy.id === id);
    const known = proposed[at];
    if (id !== undefined && known === undefined) return fail(notFound("policy", `${path}.id`));
    if (known === undefined) {
      if (input) proposed.push(policyOf(index, input));
    } else if (input === null) proposed.splice(at, 1);
    else proposed[at] = { ...known, ...input };
  }
  return ok(proposed);
}

function checkedAt(path: string, input: PolicyInput): Result<never> | null {
  const refusal = checkPolicy(input);
  return refusal && fail({ ...refusal, field: `${path}.${refusal.field ?? ""}` });
}
