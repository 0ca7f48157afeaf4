/**
 * Where a call goes next. Judged anew for every attempt, at the last moment before data leaves: no sequence of failures
 * leads to a backend that does not keep the promise. Of those that do, the ones that can be called now are chosen from.
 */
import type { Backend } from "../azure/backend.ts";
import type { Wait } from "../azure/backend-health.ts";
import { chooseBackend } from "../azure/choose-backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { backendEncrypted } from "../azure/endpoint-encryption.ts";
import type { UpstreamCredential } from "../azure/upstream-credentials.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import { CREDENTIAL_SEARCH_MAX_MS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Obligations } from "../policy/decision.ts";
import type { StoredObject } from "../quota/stored-object-contracts.ts";
import { demandedBackends } from "../residency/demanded-backends.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Allowed, Question } from "./question.ts";

export interface Chosen {
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly credential: UpstreamCredential;
  /** Whether another one could be called now, as far as is known: its credential is asked for when it is its turn. */
  readonly hasAlternative: boolean;
}

/** All that a backend is chosen by. */
export interface Placed {
  readonly allowed: Pick<Allowed, "deployment" | "snapshot"> & {
    readonly candidate: { readonly obligations: Pick<Obligations, "residency"> };
    /** Where the stored answer is that the call is about: no other backend has it. */
    readonly reserved: { readonly object?: StoredObject | null | undefined };
  };
  readonly question: Pick<Question, "classification">;
}

type ChoicePorts = Pick<GatewayPorts, "credentials" | "random" | "isLocal" | "clock" | "backendHealths">;

/** @param tried those that this call was sent to already. */
export async function backendFor(
  ports: ChoicePorts,
  { allowed, question }: Placed,
  tried: readonly Backend[],
): Promise<Result<Chosen>> {
  const { deployment } = allowed;
  if (!deployment) return fail(refuse("deployment_unknown"));
  const holding = holdingOnly(deployment, allowed.reserved.object ?? null);
  if (!holding.ok) return holding;
  const eligible = demandedBackends(
    holding.value,
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
  for (;;) {
    const backend = chooseBackend(callable, ports.random());
    if (!backend) return fail(nowhere(waits, unusable));
    const credential = await ports.credentials.credentialOf(backend);
    const thenMs = ports.clock();
    // Another call may have found it ill meanwhile, or tries it just now.
    const wait = credential.ok ? ports.backendHealths.waitOf(backend, thenMs) : null;
    if (credential.ok && !wait) {
      return ok({ deployment, backend, credential: credential.value, hasAlternative: callable.length > 1 });
    }
    if (wait) waits.push(wait);
    else if (!credential.ok) unusable ??= credential.error;
    if (thenMs - nowMs >= CREDENTIAL_SEARCH_MAX_MS) return fail(nowhere(waits, unusable));
    callable.splice(callable.indexOf(backend), 1);
  }
}

/** A backend that is gone has taken what it holds with it. */
export function holdingOnly(deployment: Deployment, object: StoredObject | null): Result<Deployment> {
  if (object === null) return ok(deployment);
  const holder = deployment.backends.find(({ id }) => id === object.backendId);
  return holder ? ok({ ...deployment, backends: [holder] }) : fail(refuse("stored_object_unknown"));
}

/** What an administrator must put right. */
const whyUnusable = ({ isLocal }: Pick<ChoicePorts, "isLocal">, backend: Backend): Refusal | null =>
  backendEncrypted(backend, isLocal)
    ? null
    : refuse("encryption_required", { evidence: { backend: backend.id } });

/** A caller who is told when to come again is better served than an Azure that is called although it asked for a pause. */
function nowhere(waits: readonly Wait[], unusable: Refusal | null): Refusal {
  if (waits.length === 0) return unusable ?? refuse("backend_unavailable");
  const retryAfterSeconds = Math.min(...waits.map(({ ms }) => ms)) / SECOND_MS;
  const isBusy = waits.every(({ because }) => because === "busy");
  return refuse(isBusy ? "backends_busy" : "backend_unavailable", { retryAfterSeconds });
}
