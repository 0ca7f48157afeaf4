/** Admission: what can be refused before any byte of the body is read, from the capability, the place and the snapshot. */
import type { Deployment } from "../azure/deployment.ts";
import type { Capability } from "../capability/claims.ts";
import { firstIssuedSeconds } from "../capability/family.ts";
import { isWithdrawn } from "../capability/key-states.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Classification } from "../policy/classification.ts";
import { rulesOf } from "../policy/rules.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { eligibleBackends } from "../residency/eligible-backends.ts";
import { ingressRefusal } from "../residency/ingress.ts";
import type { Question } from "./question.ts";

/** All that admission looks at. */
export type Admittee = Pick<Question, "capability" | "place" | "classification" | "deploymentInPath">;

export function admit(question: Admittee, snapshot: Snapshot): Result<null> {
  const { tenant } = snapshot.tenant;
  if (tenant.home !== question.capability.home) return fail(refuse("tenant_unknown"));
  const unfounded = standingRefusal(question.capability, snapshot);
  if (unfounded) return fail(unfounded);
  const refusal = ingressRefusal(question.place, tenant.residency);
  if (refusal) return fail(refusal);
  if (question.deploymentInPath === null) return ok(null);
  const deployment = admitDeployment(snapshot, question.deploymentInPath, question.classification);
  return deployment.ok ? ok(null) : deployment;
}

/**
 * Why a token opens nothing any more, as the snapshot has it: a key that it stands on was withdrawn, or all of its tenant's
 * tokens were revoked. Single tokens, and all of one agent, are revoked in the agent's ledger.
 */
export function standingRefusal(
  token: Pick<Capability, "signedBy" | "issuedAtSeconds" | "rootIssuedAtSeconds" | "delegation">,
  { platform: { withdrawnKeys }, tenant: { tokensNotBefore } }: Snapshot,
): Refusal | null {
  if (isWithdrawn(token, withdrawnKeys)) return refuse("token_key_withdrawn");
  const isRevoked =
    tokensNotBefore !== undefined && firstIssuedSeconds(token) * SECOND_MS < Date.parse(tokensNotBefore);
  return isRevoked ? refuse("token_revoked") : null;
}

/** A deployment by name, if it has a backend that keeps the tenant's promise and may receive this classification. */
export function admitDeployment(
  snapshot: Snapshot,
  name: string,
  classification: Classification,
): Result<Deployment> {
  const deployment = rulesOf(snapshot).deployment(name);
  if (!deployment) return fail(refuse("deployment_unknown"));
  const eligible = eligibleBackends(deployment, snapshot.tenant.tenant.residency, classification);
  return eligible.ok ? ok(deployment) : eligible;
}
