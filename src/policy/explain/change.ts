/**
 * One thing that could be otherwise about a decision: in the request, in a policy, in the token. As data, so that it can
 * be tried: what a change claims is checked by making it and deciding again.
 */
import * as z from "zod";
import { AuthorizationDetail, type HeldDetail } from "../../capability/claims.ts";
import { PolicyId, TenantId } from "../../kernel/ids.ts";
import type { DecideInput } from "../candidate.ts";
import { Constraints } from "../constraints.ts";
import { Policy } from "../policy.ts";
import type { Snapshot } from "../snapshot.ts";
import { TenantLimits } from "../tenant.ts";
import { changedRequest } from "./changed-request.ts";

/**
 * - `request`: the caller asks otherwise; `constraint` names what of the request.
 * - `set_constraint`: to `to`; null = removed.
 * - `add_to_list`, `remove_from_list`: the items `to`, or `from`, of a list of the policy.
 * - `remove_policy`, `new_grant` (for an action and a resource), `extend_token` (a further authorization detail).
 * - `set_price`: of the deployment, which has none.
 * - `wait`: until a quota has room again.
 */
export const Change = z.strictObject({
  kind: z.enum([
    "request",
    "set_constraint",
    "add_to_list",
    "remove_from_list",
    "remove_policy",
    "new_grant",
    "extend_token",
    "set_price",
    "wait",
  ]),
  /** A policy, `tenant`, or an authorization detail of the token, as `token[0]`. */
  policyId: z.string().nullable(),
  /** A constraint, one range of them as `parameters.n`, or what of the request. */
  constraint: z.string().nullable(),
  from: z.json(),
  to: z.json(),
});
export type Change = z.infer<typeof Change>;
export type ChangeValue = z.infer<typeof Change.shape.to>;

export const changeOf = (
  kind: Change["kind"],
  { policyId = null, constraint = null, from = null, to = null }: Partial<Omit<Change, "kind">>,
): Change => ({ kind, policyId, constraint, from, to });

export const TENANT = "tenant";
export const tokenDetail = (index: number): string => `token[${index}]`;

export const applyChanges = (input: DecideInput, changes: readonly Change[]): DecideInput =>
  changes.reduce(applyChange, input);

/** What makes no sense changes nothing. */
export function applyChange(input: DecideInput, change: Change): DecideInput {
  switch (change.kind) {
    case "request":
      return changedRequest(input, change.constraint, change.to);
    case "set_price":
      return { ...input, ask: withPrice(input.ask) };
    case "new_grant":
      return withNewGrant(input, change);
    case "extend_token":
      return extended(input, change);
    case "remove_policy":
      return withPolicies(input, (policies) => policies.filter(({ id }) => id !== change.policyId));
    case "set_constraint":
    case "add_to_list":
    case "remove_from_list":
      return withConstraints(input, change);
    case "wait":
      return input;
  }
}

const withPrice = (ask: DecideInput["ask"]): DecideInput["ask"] => ({
  ...ask,
  price: { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: 0 },
  ...(ask.units && { units: { ...ask.units, picoUsdPerUnit: 0 } }),
});

/** No policy that was minted has it. */
export const NEW_GRANT: PolicyId = PolicyId.parse(`policy_${"0".repeat(32)}`);
const EPOCH = "1970-01-01T00:00:00.000Z";

/** A grant without constraints, unless it is given some. */
export const plainGrant = (
  tenantId: string,
  fields: Pick<Policy, "actions" | "resources"> & Partial<Pick<Policy, "constraints">>,
): Policy => ({
  id: NEW_GRANT,
  scope: TenantId.parse(tenantId),
  name: "A further grant",
  description: "",
  kind: "grant",
  mode: "enforce",
  priority: 100,
  effect: "allow",
  constraints: {},
  createdAt: EPOCH,
  updatedAt: EPOCH,
  ...fields,
});

const Granted = Policy.pick({ actions: true, resources: true });

function withNewGrant(input: DecideInput, { to }: Change): DecideInput {
  const granted = Granted.safeParse(to);
  if (!granted.success) return input;
  const { tenant } = input.snapshot;
  const policies = [...tenant.policies, plainGrant(tenant.tenant.id, granted.data)];
  return { ...input, snapshot: { ...input.snapshot, tenant: { ...tenant, policies } } };
}

function extended(input: DecideInput, { to }: Change): DecideInput {
  const granted = Granted.safeParse(to);
  const { authorization } = input.capability;
  if (!granted.success || authorization === null) return input;
  const { actions, resources: locations } = granted.data;
  const detail = AuthorizationDetail.parse({ type: "model_invocation", actions, locations });
  return { ...input, capability: { ...input.capability, authorization: [...authorization, detail] } };
}

export function withPolicies(
  input: DecideInput,
  change: (policies: readonly Policy[]) => readonly Policy[],
): DecideInput {
  const { platform, tenant } = input.snapshot;
  const snapshot: Snapshot = {
    platform: { ...platform, policies: [...change(platform.policies)] },
    tenant: { ...tenant, policies: [...change(tenant.policies)] },
  };
  return { ...input, snapshot };
}

function withConstraints(input: DecideInput, change: Change): DecideInput {
  const { policyId } = change;
  if (policyId === TENANT) {
    const { tenant } = input.snapshot;
    const limits = TenantLimits.safeParse(edited(tenant.tenant.limits, change));
    if (!limits.success) return input;
    const changed = { ...tenant, tenant: { ...tenant.tenant, limits: limits.data } };
    return { ...input, snapshot: { ...input.snapshot, tenant: changed } };
  }
  const { capability } = input;
  const authorization = capability.authorization?.map((held, index) =>
    tokenDetail(index) === policyId ? editedDetail(held, change) : held,
  );
  const changed =
    authorization === undefined ? input : { ...input, capability: { ...capability, authorization } };
  return withPolicies(changed, (policies) =>
    policies.map((policy) => (policy.id === policyId ? editedPolicy(policy, change) : policy)),
  );
}

/** What a child may do, its ancestors may: a change of its detail is one of all that this stands inside. */
function editedDetail(held: HeldDetail, change: Change): HeldDetail {
  const edited = <D extends AuthorizationDetail>(detail: D): D => ({
    ...detail,
    constraints: editedConstraints(detail.constraints, change),
  });
  const key = keyOf(change);
  const within = held.within?.map(({ detail, ...ancestor }) => ({
    ...ancestor,
    detail: Reflect.get(detail.constraints, key) === undefined ? detail : edited(detail),
  }));
  return within === undefined ? edited(held) : { ...edited(held), within };
}

function editedPolicy(policy: Policy, change: Change): Policy {
  if (change.constraint === "actions" || change.constraint === "resources") {
    const widened = Policy.safeParse(edited(policy, change));
    return widened.success ? widened.data : policy;
  }
  return { ...policy, constraints: editedConstraints(policy.constraints, change) };
}

function editedConstraints(constraints: Constraints, change: Change): Constraints {
  const changed = Constraints.safeParse(edited(constraints, change));
  return changed.success ? changed.data : constraints;
}

/** Of `parameters.n`, that is `parameters`. */
const keyOf = ({ constraint }: Pick<Change, "constraint">): string => constraint?.split(".")[0] ?? "";

/** The document with one member changed; parsed again by whoever asked, since nobody knows what it makes of it. */
function edited(document: object, { kind, constraint, from, to }: Change): object {
  const key = keyOf({ constraint });
  const inner = constraint?.split(".")[1];
  if (inner !== undefined) {
    const member: unknown = Reflect.get(document, key);
    const rest = { ...(typeof member === "object" ? member : null), [inner]: to ?? undefined };
    const isEmpty = Object.values(rest).every((value) => value === undefined);
    return { ...document, [key]: isEmpty ? undefined : rest };
  }
  if (kind === "set_constraint") return { ...document, [key]: to ?? undefined };
  const list: unknown = Reflect.get(document, key);
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  const [added, removed] = [to, from].map((given) => (Array.isArray(given) ? given : []));
  const changed =
    kind === "add_to_list" ? [...items, ...(added ?? [])] : items.filter((item) => !isAmong(removed, item));
  return { ...document, [key]: changed };
}

const isAmong = (items: readonly unknown[] | undefined, item: unknown): boolean =>
  items?.includes(item) ?? false;
