/** What keeps an ask out at this moment, and what would remedy it: one step of the way to being allowed. */
import type { Refusal } from "../../kernel/refusal.ts";
import type { DecideInput } from "../candidate.ts";
import { covers } from "../coverage.ts";
import { decide } from "../decide.ts";
import type { Policy } from "../policy.ts";
import { type Change, changeOf, TENANT, tokenDetail } from "./change.ts";
import { failuresOf } from "./failures.ts";
import { type Owner, remediesOf, statedValue } from "./remedies.ts";
import { inForce, kindOf, withOnlyGrant } from "./views.ts";

/** One way to be allowed: by which grant, and by which of the token's details. Undefined = one there is not yet. */
export interface Way {
  readonly grant: Policy | undefined;
  readonly detail: number | undefined;
}

/** Alternatives; those of the caller first. Empty = none is known. */
export function nextRemedies(input: DecideInput, way: Way): readonly Change[] {
  const verdict = decide(input);
  if (verdict.kind === "candidates") return [];
  const { refusal, policyIds } = verdict;
  const { ask } = input;
  const wanted = { actions: [ask.action], resources: [ask.resource] };
  if (refusal.code === "outside_token") return [changeOf("extend_token", { to: wanted })];
  if (refusal.code === "no_matching_grant") return [changeOf("new_grant", { to: wanted })];

  const culprits = inForce(input).filter(({ id }) => policyIds.includes(id));
  const [culprit] = culprits;
  if (culprit && kindOf(culprit) === "deny") return [changeOf("remove_policy", { policyId: culprit.id })];
  const outside = culprit && kindOf(culprit) === "boundary" ? outsideRemedies(culprit, input) : [];
  if (outside.length > 0) return outside;
  return candidateRemedies(input, way, refusal);
}

function outsideRemedies(boundary: Policy, input: DecideInput): readonly Change[] {
  const { action, resource } = input.ask;
  const { id: policyId, actions, resources } = boundary;
  const widened = (constraint: string, item: string) =>
    changeOf("add_to_list", { policyId, constraint, to: [item] });
  if (!covers(actions, ["*"], action, resource)) return [widened("actions", action)];
  if (!covers(["*"], resources, action, resource)) return [widened("resources", resource)];
  return ownRemedies({ policyId, constraints: boundary.constraints }, input);
}

function ownRemedies(owner: Owner, input: DecideInput): readonly Change[] {
  const [failure] = failuresOf(owner.constraints, input);
  if (failure === undefined) return [];
  const { request, policy } = remediesOf(failure, owner, input);
  return request === null ? [policy] : [request, policy];
}

function candidateRemedies(input: DecideInput, { grant, detail }: Way, refusal: Refusal): readonly Change[] {
  const owners = ownersOf(input, grant, detail);
  for (const owner of owners) {
    const remedies = ownRemedies(owner, input);
    if (remedies.length > 0) return remedies;
  }
  // Each holds by itself: what they ask of residency does not hold together.
  const here = grant === undefined ? decide(input) : decide(withOnlyGrant(input, grant));
  return togetherRemedies(input, here.kind === "refused" ? here.refusal : refusal, owners);
}

/** The grant first: it is what a tenant changes most easily. */
function ownersOf(
  { capability, snapshot, ...input }: DecideInput,
  grant: Policy | undefined,
  detail: number | undefined,
): readonly Owner[] {
  const owner = ({ id: policyId, constraints }: Policy): Owner => ({ policyId, constraints });
  const current = inForce({ capability, snapshot, ...input });
  const own = current.filter(({ id }) => id === grant?.id).map(owner);
  const boundaries = current.filter((policy) => kindOf(policy) === "boundary").map(owner);
  const details = (capability.authorization ?? []).flatMap(({ constraints }, index) =>
    detail === undefined || index === detail ? [{ policyId: tokenDetail(index), constraints }] : [],
  );
  return [
    ...own,
    ...details,
    ...boundaries,
    { policyId: TENANT, constraints: snapshot.tenant.tenant.limits },
  ];
}

function togetherRemedies(input: DecideInput, refusal: Refusal, owners: readonly Owner[]): readonly Change[] {
  const asked: Change[] = [];
  // The tenant's promise speaks here too, and is not for a policy to change.
  if (refusal.code === "tool_not_allowed" || refusal.code === "store_not_allowed") {
    const constraint = refusal.code === "tool_not_allowed" ? "residency" : "allowStore";
    const { request } = remediesOf({ constraint, refusal }, { policyId: "", constraints: {} }, input);
    if (request !== null) asked.push(request);
  }
  const demands = owners.flatMap(({ policyId, constraints }) =>
    (["dataResidency", "processing", "allowStore"] as const)
      .filter((key) => constraints[key] !== undefined && constraints[key] !== false)
      .map((constraint) =>
        changeOf("set_constraint", { policyId, constraint, from: statedValue(constraint, constraints) }),
      ),
  );
  return [...asked, ...demands];
}
