/**
 * Where a call goes next. Judged anew for every attempt, at the last moment before data leaves: no sequence of failures
 * leads to a backend that does not keep the promise. Of those that do, the ones that can be called now are chosen from.
 */
import type { Backend } from "../azure/backend.ts";
import type { Wait } from "../azure/backend-health.ts";
import { chooseBackend } from "../azure/choose-backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { backendEncrypted } from "../azure/endpoint-encryption.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { demandedBackends } from "../residency/demanded-backends.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { RelayedCall } from "./relayed-call.ts";

export interface Chosen {
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly apiKey: string;
  /** Whether another one could be called now. */
  readonly hasAlternative: boolean;
}

type ChoicePorts = Pick<GatewayPorts, "secretOf" | "random" | "isLocal" | "clock" | "backendHealths">;

/** @param tried those that this call was sent to already. */
export function backendFor(
  ports: ChoicePorts,
  { allowed, question }: Pick<RelayedCall, "allowed" | "question">,
  tried: readonly Backend[],
): Result<Chosen> {
  const { deployment } = allowed;
  if (!deployment) return fail(refuse("deployment_unknown"));
  const eligible = demandedBackends(
    deployment,
    allowed.snapshot.tenant.tenant.residency,
    allowed.candidate.obligations.residency,
    question.classification,
  );
  if (!eligible.ok) return eligible;
  const nowMs = ports.clock();
  const callable: Backend[] = [];
  const waits: Wait[] = [];
  let unusable: Refusal | null = null;
  for (const backend of eligible.value) {
    if (tried.includes(backend)) continue;
    const refusal = whyUnusable(ports, backend);
    const wait = refusal ? null : ports.backendHealths.waitOf(backend, nowMs);
    if (refusal) unusable ??= refusal;
    else if (wait) waits.push(wait);
    else callable.push(backend);
  }
  const backend = chooseBackend(callable, ports.random());
  const apiKey = backend && ports.secretOf(backend.credential.secret);
  if (!backend || typeof apiKey !== "string") return fail(nowhere(waits, unusable));
  return ok({ deployment, backend, apiKey, hasAlternative: callable.length > 1 });
}

/** What an administrator must put right. */
function whyUnusable(
  { secretOf, isLocal }: Pick<ChoicePorts, "secretOf" | "isLocal">,
  backend: Backend,
): Refusal | null {
  if (!backendEncrypted(backend, isLocal))
    return refuse("encryption_required", { evidence: { backend: backend.id } });
  const { secret } = backend.credential;
  return secretOf(secret) === undefined
    ? refuse("backend_unavailable", { evidence: { backend: backend.id, missing: secret } })
    : null;
}

/** A caller who is told when to come again is better served than an Azure that is called although it asked for a pause. */
function nowhere(waits: readonly Wait[], unusable: Refusal | null): Refusal {
  if (waits.length === 0) return unusable ?? refuse("backend_unavailable");
  const retryAfterSeconds = Math.min(...waits.map(({ ms }) => ms)) / SECOND_MS;
  const isBusy = waits.every(({ because }) => because === "busy");
  return refuse(isBusy ? "backends_busy" : "backend_unavailable", { retryAfterSeconds });
}
