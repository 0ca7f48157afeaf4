/**
 * One constraint by itself against one question, by the same checks that decisions are made of: does it hold? What only
 * a ledger counts, and what only obliges, cannot fail here.
 */
import { constraintSet } from "../constraint-set.ts";
import { constraintTable } from "../constraint-table.ts";
import type { ConstraintKey, Constraints } from "../constraints.ts";
import { toolRefusal } from "../features.ts";
import { subjectOf } from "../limit-claims.ts";
import { type Placement, residencyOf } from "../placement.ts";
import { unmetOf } from "../selectors.ts";
import { boundTokens } from "../token-bounds.ts";
import type { DecideInput } from "./test-case.ts";

/** Whether a test can see the constraint hold and fail. */
export const isTestable = (key: ConstraintKey, constraints: Constraints): boolean => {
  switch (constraintTable[key]) {
    case "selector":
      return !(key === "encryptionRequired" && constraints.encryptionRequired === false);
    case "content":
      return !(key === "deniedPatterns" && constraints.deniedPatterns?.action === "strip");
    case "backends":
      return true;
    case "tokens":
      return key === "maxTokensPerRequest";
    case "features":
      return key === "allowedTools";
    case "quota":
      return key === "quotaScope" && countsByCaller(constraints);
    default:
      return false;
  }
};

const countsByCaller = ({ quotaScope }: Constraints): boolean =>
  quotaScope === "user" || quotaScope === "address";

/** Of a testable one. */
export function constraintHolds(key: ConstraintKey, constraints: Constraints, input: DecideInput): boolean {
  const { capability, ask, place, nowMs } = input;
  const own = constraintSet("test", key === "quotaScope" ? constraints : { [key]: constraints[key] });
  switch (constraintTable[key]) {
    case "content":
      return unmetOf(own.contentChecks, ask.content) === null;
    case "backends":
      return residencyOf([own], placementOf(input)).ok;
    case "tokens":
      return boundTokens(ask, {
        perChoice: null,
        perRequest: constraints.maxTokensPerRequest ?? null,
        perWindow: null,
        costNanoUsd: null,
      }).ok;
    case "features":
      return toolRefusal(own, ask) === null;
    case "quota":
      return subjectOf(own.limits, ask).ok;
    default:
      return (
        unmetOf(own.checks, {
          tenantId: capability.tenantId,
          agentId: capability.agentId,
          roles: capability.roles,
          classification: ask.classification,
          tlsVersion: place.tlsVersion,
          country: place.country,
          clientAddress: place.clientAddress,
          nowMs,
        }) === null
      );
  }
}

/** Under the tenant's promise alone. */
const placementOf = ({ ask, snapshot }: DecideInput): Placement => ({
  asked: ask,
  rules: { deployment: (name) => snapshot.platform.deployments.find((one) => one.name === name) },
  promise: snapshot.tenant.tenant.residency,
  boundaryDemands: [],
  residency: null,
});
