/**
 * Which of a set's constraints fail, each by itself: `decide` is asked about a grant that has nothing but the one. So
 * what fails here is by definition what the decision core makes of it, and all of them are told, not the first.
 */

import type { Refusal } from "../../kernel/refusal.ts";
import { NO_PROMISE } from "../../residency/promise.ts";
import type { DecideInput } from "../candidate.ts";
import { presentKeys } from "../constraint-table.ts";
import type { Constraints } from "../constraints.ts";
import { decide } from "../decide.ts";
import { hasLimit } from "../limit-claims.ts";
import type { Policy } from "../policy.ts";
import { plainGrant } from "./change.ts";

export interface Failure {
  /** A constraint, or one range of them as `parameters.n`. */
  readonly constraint: string;
  readonly refusal: Refusal;
}

export function failuresOf(constraints: Constraints, input: DecideInput): readonly Failure[] {
  const failures: Failure[] = [];
  for (const [constraint, only] of partsOf(constraints)) {
    const refusal = refusalAlone(input, only);
    if (refusal !== null) failures.push({ constraint, refusal });
  }
  return failures;
}

type Part = readonly [name: string, only: Constraints];

function partsOf(constraints: Constraints): readonly Part[] {
  return presentKeys(constraints).flatMap((key): readonly Part[] => {
    if (key === "parameters") {
      const ranges = Object.entries(constraints.parameters ?? {});
      return ranges.map(([name, range]) => [`parameters.${name}`, { parameters: { [name]: range } }]);
    }
    // A scope counts for limits alone; one that nothing exceeds shows what it needs.
    if (key === "quotaScope") {
      const { quotaScope } = constraints;
      return hasLimit(constraints) ? [[key, { quotaScope, maxRequestsPerDay: 1 }]] : [];
    }
    return [[key, { [key]: constraints[key] }]];
  });
}

function refusalAlone(input: DecideInput, constraints: Constraints): Refusal | null {
  const { ask, capability } = input;
  const grant = plainGrant(input.snapshot.tenant.tenant.id, {
    actions: [ask.action],
    resources: ["*"],
    constraints,
  });
  const verdict = decide({
    ...onlyUnder(input, [grant]),
    capability: { ...capability, authorization: null },
  });
  return verdict.kind === "refused" ? verdict.refusal : null;
}

/** The same ask under these policies of the tenant, and nothing else: no promise, no limits of the tenant. */
export function onlyUnder(input: DecideInput, policies: readonly Policy[]): DecideInput {
  const { platform, tenant } = input.snapshot;
  return {
    ...input,
    snapshot: {
      platform: { ...platform, policies: policies.filter(({ scope }) => scope === "platform") },
      tenant: {
        ...tenant,
        tenant: { ...tenant.tenant, residency: NO_PROMISE, limits: {} },
        policies: policies.filter(({ scope }) => scope !== "platform"),
      },
    },
  };
}
