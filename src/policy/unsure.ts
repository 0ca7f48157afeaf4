/**
 * Deciding where some facts are not known: a constraint that may hold or not is taken to hold in the best case, and not to
 * hold in the worst. Whatever the facts were, the decision lies between the two; where both say the same, it is certain.
 */
import type { AuthorizationDetail, Capability } from "../capability/claims.ts";
import type { DecideInput } from "./candidate.ts";
import type { ConstraintKey, Constraints } from "./constraints.ts";
import type { Policy } from "./policy.ts";
import type { Snapshot } from "./snapshot.ts";

/** Which of these constraints nobody can say to hold or not. */
export type UnsureOf = (constraints: Constraints) => readonly ConstraintKey[];

export interface Cases {
  readonly best: Snapshot;
  /** Null = something refuses whatever else there is. */
  readonly worst: Snapshot | null;
}

/** Snapshots of both cases, remembered: what is unsure of one recorded decision is so of thousands. */
export function createCases(snapshot: Snapshot): (unsureOf: UnsureOf) => Cases {
  const policies = [...snapshot.platform.policies, ...snapshot.tenant.policies];
  const known = new Map<string, Cases>();
  return (unsureOf) => {
    const unsure = new Map<string, readonly ConstraintKey[]>();
    for (const { id, constraints } of policies) {
      const keys = unsureOf(constraints);
      if (keys.length > 0) unsure.set(id, keys);
    }
    if (unsure.size === 0) return { best: snapshot, worst: snapshot };
    const name = JSON.stringify([...unsure]);
    const before = known.get(name);
    if (before !== undefined) return before;
    const cases = { best: bestOf(snapshot, unsure), worst: worstOf(snapshot, unsure) };
    known.set(name, cases);
    return cases;
  };
}

type Unsure = ReadonlyMap<string, readonly ConstraintKey[]>;

/** A deny that may match is gone; grants and boundaries ask for nothing unsure. */
const bestOf = (snapshot: Snapshot, unsure: Unsure): Snapshot =>
  withPolicies(snapshot, (policy) => {
    const keys = unsure.get(policy.id);
    if (keys === undefined) return [policy];
    return policy.effect === "deny" ? [] : [without(policy, keys)];
  });

function worstOf(snapshot: Snapshot, unsure: Unsure): Snapshot | null {
  const policies = [...snapshot.platform.policies, ...snapshot.tenant.policies];
  const isShut = policies.some(
    ({ id, kind, effect, mode }) =>
      unsure.has(id) && kind === "boundary" && effect === "allow" && mode === "enforce",
  );
  if (isShut) return null;
  return withPolicies(snapshot, (policy) => {
    const keys = unsure.get(policy.id);
    if (keys === undefined) return [policy];
    return policy.effect === "deny" ? [without(policy, keys)] : [];
  });
}

function withPolicies(
  { platform, tenant }: Snapshot,
  change: (policy: Policy) => readonly Policy[],
): Snapshot {
  return {
    platform: { ...platform, policies: platform.policies.flatMap(change) },
    tenant: { ...tenant, policies: tenant.policies.flatMap(change) },
  };
}

function without<T extends { readonly constraints: Constraints }>(
  holder: T,
  keys: readonly ConstraintKey[],
): T {
  const constraints = { ...holder.constraints };
  for (const key of keys) delete constraints[key];
  return { ...holder, constraints };
}

type Authorization = Capability["authorization"];

export function casesOfToken(
  authorization: Authorization,
  unsureOf: UnsureOf,
): { readonly best: Authorization; readonly worst: Authorization } {
  const isUnsure = ({ constraints }: AuthorizationDetail) => unsureOf(constraints).length > 0;
  if (authorization === null || !authorization.some(isUnsure))
    return { best: authorization, worst: authorization };
  return {
    best: authorization.map((detail) => without(detail, unsureOf(detail.constraints))),
    worst: authorization.filter((detail) => !isUnsure(detail)),
  };
}

/** All that `decide` needs but the policies. */
export type Asking = Omit<DecideInput, "snapshot">;

export interface AskingCases {
  readonly best: DecideInput;
  readonly worst: DecideInput | null;
  /** What is unsure, of the policies that are in force and of the token. */
  readonly unsure: ReadonlySet<ConstraintKey>;
}

export function askingCases(
  asking: Asking,
  casesOf: ReturnType<typeof createCases>,
  unsureOf: UnsureOf,
): AskingCases {
  const unsure = new Set<ConstraintKey>();
  const noting: UnsureOf = (constraints) => {
    const keys = unsureOf(constraints);
    for (const key of keys) unsure.add(key);
    return keys;
  };
  const { best, worst } = casesOf(noting);
  const token = casesOfToken(asking.capability.authorization, noting);
  const under = (snapshot: Snapshot, authorization: Authorization): DecideInput => ({
    ...asking,
    capability: { ...asking.capability, authorization },
    snapshot,
  });
  return {
    best: under(best, token.best),
    worst: worst === null ? null : under(worst, token.worst),
    unsure,
  };
}
