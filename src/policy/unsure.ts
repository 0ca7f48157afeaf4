/**
 * Deciding where some facts are not known: a constraint that may hold or not is taken to hold in the best case, and not to
 * hold in the worst. Whatever the facts were, the decision lies between the two; where both say the same, it is certain.
 */
import type { Capability, HeldDetail } from "../capability/claims.ts";
import { lineageOf } from "../capability/family.ts";
import type { DecideInput } from "./candidate.ts";
import type { ConstraintKey, Constraints } from "./constraints.ts";
import { covers } from "./coverage.ts";
import type { Policy } from "./policy.ts";
import { selectorKeys } from "./selectors.ts";
import type { Snapshot } from "./snapshot.ts";

/** Which of these constraints nobody can say to hold or not. */
export type UnsureOf = (constraints: Constraints) => readonly ConstraintKey[];

export interface Cases {
  readonly best: Snapshot;
  /** Null = something refuses whatever else there is. */
  readonly worst: Snapshot | null;
  readonly unsure: readonly UnsurePolicy[];
}

interface UnsurePolicy {
  readonly policy: Policy;
  readonly keys: readonly ConstraintKey[];
}

/** Snapshots of both cases, remembered: what is unsure of one recorded decision is so of thousands. */
export function createCases(snapshot: Snapshot): (unsureOf: UnsureOf) => Cases {
  const inForce = [...snapshot.platform.policies, ...snapshot.tenant.policies].filter(
    ({ mode }) => mode === "enforce",
  );
  const known = new Map<string, Cases>();
  return (unsureOf) => {
    const unsure: UnsurePolicy[] = [];
    for (const policy of inForce) {
      const keys = unsureOf(policy.constraints).filter((key) => policy.effect === "allow" || selects(key));
      if (keys.length > 0) unsure.push({ policy, keys });
    }
    if (unsure.length === 0) return { best: snapshot, worst: snapshot, unsure };
    const name = JSON.stringify(unsure.map(({ policy, keys }) => [policy.id, keys]));
    const before = known.get(name);
    if (before !== undefined) return before;
    const keysOf = new Map(unsure.map(({ policy, keys }) => [policy.id, keys]));
    const isShut = unsure.some(({ policy }) => policy.kind === "boundary" && policy.effect === "allow");
    const cases = {
      best: bestOf(snapshot, keysOf),
      worst: isShut ? null : worstOf(snapshot, keysOf),
      unsure,
    };
    known.set(name, cases);
    return cases;
  };
}

/** A deny only selects: whatever else stands on it decides nothing. */
const selects = (key: ConstraintKey): boolean => selectorKeys.some((selector) => selector === key);

type Unsure = ReadonlyMap<string, readonly ConstraintKey[]>;

/** A deny that may match is gone; grants and boundaries ask for nothing unsure. */
const bestOf = (snapshot: Snapshot, unsure: Unsure): Snapshot =>
  withPolicies(snapshot, (policy) => {
    const keys = unsure.get(policy.id);
    if (keys === undefined) return [policy];
    return policy.effect === "deny" ? [] : [without(policy, keys)];
  });

/** The other way round; an unsure boundary shuts everything out, and is not asked here. */
const worstOf = (snapshot: Snapshot, unsure: Unsure): Snapshot =>
  withPolicies(snapshot, (policy) => {
    const keys = unsure.get(policy.id);
    if (keys === undefined) return [policy];
    return policy.effect === "deny" ? [without(policy, keys)] : [];
  });

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
  const isUnsure = (held: HeldDetail) =>
    lineageOf(held).some(({ constraints }) => unsureOf(constraints).length > 0);
  if (authorization === null || !authorization.some(isUnsure))
    return { best: authorization, worst: authorization };
  return {
    best: authorization.map((held) => withoutUnsure(held, unsureOf)),
    worst: authorization.filter((detail) => !isUnsure(detail)),
  };
}

function withoutUnsure(held: HeldDetail, unsureOf: UnsureOf): HeldDetail {
  const own = without(held, unsureOf(held.constraints));
  if (held.within === undefined) return own;
  const within = held.within.map(({ detail, ...ancestor }) => ({
    ...ancestor,
    detail: without(detail, unsureOf(detail.constraints)),
  }));
  return { ...own, within };
}

/** All that `decide` needs but the policies. */
export type Asking = Omit<DecideInput, "snapshot">;

export interface AskingCases {
  readonly best: DecideInput;
  readonly worst: DecideInput | null;
  /** What is unsure, of the policies that are considered and of the token. */
  readonly unsure: ReadonlySet<ConstraintKey>;
}

export function askingCases(
  asking: Asking,
  casesOf: ReturnType<typeof createCases>,
  unsureOf: UnsureOf,
): AskingCases {
  const { best, worst, unsure } = casesOf(unsureOf);
  const { action, resource } = asking.ask;
  const { authorization } = asking.capability;
  const token = casesOfToken(authorization, unsureOf);
  const concerned = unsure.filter(
    ({ policy }) => policy.kind === "boundary" || covers(policy.actions, policy.resources, action, resource),
  );
  const under = (snapshot: Snapshot, authorization: Authorization): DecideInput => ({
    ...asking,
    capability: { ...asking.capability, authorization },
    snapshot,
  });
  return {
    best: under(best, token.best),
    worst: worst === null ? null : under(worst, token.worst),
    unsure: new Set([
      ...concerned.flatMap(({ keys }) => keys),
      ...(authorization ?? [])
        .flatMap(lineageOf)
        .filter(({ actions, locations }) => covers(actions, locations, action, resource))
        .flatMap(({ constraints }) => unsureOf(constraints)),
    ]),
  };
}
