/**
 * The smallest call of each kind to each backend of a deployment, with the credential that callers' calls would carry. It
 * says nothing of any tenant's and is nobody's call: no policy, quota or promise of residency is asked, since no tenant's
 * data leaves.
 */
import type { AzureCalls } from "../azure/azure-calls.ts";
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { backendEncrypted } from "../azure/endpoint-encryption.ts";
import type { UpstreamCredential, UpstreamCredentials } from "../azure/upstream-credentials.ts";
import type { BackendCheck } from "../kernel/backend-check.ts";
import type { Clock, StartTimer } from "../kernel/clock.ts";
import { BACKEND_CHECK_MAX_MS, PICTURE_CHECK_MAX_MS } from "../kernel/limits.ts";
import { skuSpread } from "../residency/sku-table.ts";
import { type Finding, findingIn, UNSUPPORTED } from "./check-finding.ts";
import { type CheckedOperation, checkPlanOf, type PlannedCheck } from "./check-plan.ts";
import { checkRequestOf } from "./check-request.ts";

export interface CheckPorts {
  readonly azure: AzureCalls;
  readonly credentials: UpstreamCredentials;
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
}

type Found = Finding & Pick<BackendCheck, "operation" | "durationMs">;

/** Of one backend, with what its calls carry. */
interface Target {
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly credential: UpstreamCredential;
}

/** @param withPictures whether pictures may be made, and paid for. */
export async function checkDeployment(
  ports: CheckPorts,
  deployment: Deployment,
  withPictures: boolean,
): Promise<readonly BackendCheck[]> {
  const plan = checkPlanOf(deployment, withPictures);
  const checks = deployment.backends.map(async (backend) => {
    const { id, azureDeployment, region, sku, credential } = backend;
    const about = { backend: id, azureDeployment, region, sku, processing: skuSpread[sku] };
    const found = await foundOf(ports, deployment, backend, plan);
    return found.map((one) => ({ ...about, credential: credential.kind, ...one }));
  });
  return (await Promise.all(checks)).flat();
}

async function foundOf(
  ports: CheckPorts,
  deployment: Deployment,
  backend: Backend,
  plan: readonly PlannedCheck[],
): Promise<readonly Found[]> {
  const ofAll = (finding: Finding, durationMs: number) =>
    plan.map(({ operations: [operation] }) => ({ operation, ...finding, durationMs }));
  if (!backendEncrypted(backend, ports.isLocal)) return ofAll(unreachable("not https"), 0);
  const since = stopwatch(ports.clock);
  const credential = await ports.credentials.credentialOf(backend);
  if (!credential.ok) {
    const { reason } = credential.error.evidence ?? {};
    const why = typeof reason === "string" ? reason : null;
    return ofAll({ outcome: "no_credential", status: null, reason: why, model: null }, since());
  }
  const target = { deployment, backend, credential: credential.value };
  const found: Found[] = [];
  // One after the other: the smallest rate limits are a few calls a minute.
  for (const planned of plan) {
    const before = found.at(-1);
    const isGone = before?.outcome === "unreachable";
    found.push(
      isGone ? { ...before, operation: planned.operations[0] } : await checkPlanned(ports, target, planned),
    );
  }
  return found;
}

async function checkPlanned(
  ports: CheckPorts,
  target: Target,
  { operations: [first, ...others], isCalled }: PlannedCheck,
): Promise<Found> {
  if (!isCalled) return checkUncalled(ports, target, first);
  const found = await call(ports, target, first);
  for (const operation of found.reason === UNSUPPORTED ? others : []) {
    const other = await call(ports, target, operation);
    // One that fails as well tells less than the first.
    if (other.outcome !== "failed") return other;
  }
  return found;
}

/**
 * What can be known for nothing: a model that draws is asked for an embedding, which Azure refuses once it has found
 * credential and deployment in order.
 */
async function checkUncalled(ports: CheckPorts, target: Target, operation: CheckedOperation): Promise<Found> {
  const found = { ...(await call(ports, target, "embeddings")), operation };
  if (found.outcome === "answered") return { ...found, outcome: "failed", reason: "makes embeddings" };
  return found.reason === UNSUPPORTED
    ? { ...found, outcome: "not_called", status: null, reason: NO_PICTURE }
    : found;
}

const NO_PICTURE =
  "credential and deployment are in order; a picture costs money, ask for one with images=true (--images)";

async function call(ports: CheckPorts, target: Target, operation: CheckedOperation): Promise<Found> {
  const since = stopwatch(ports.clock);
  const finding = await findingOf(ports, target, operation);
  return { operation, ...finding, durationMs: since() };
}

async function findingOf(ports: CheckPorts, target: Target, operation: CheckedOperation): Promise<Finding> {
  const { credential } = target;
  const controller = new AbortController();
  const maxMs = operation === "images/generations" ? PICTURE_CHECK_MAX_MS : BACKEND_CHECK_MAX_MS;
  const stop = ports.startTimer(maxMs, () => controller.abort());
  let status: number | null = null;
  try {
    const request = checkRequestOf(target, operation, credential);
    const answer = await ports.azure.send({ ...request, signal: controller.signal });
    status = answer.status;
    const finding = await findingIn(answer, operation, credential);
    if (finding.outcome === "refused") credential.refused();
    return finding;
  } catch {
    // What fetch throws names hosts.
    if (controller.signal.aborted) return unreachable("no answer in time");
    return status === null
      ? unreachable("not reachable")
      : { outcome: "failed", status, reason: "answer broke off", model: null };
  } finally {
    stop();
  }
}

const unreachable = (reason: string): Finding => ({
  outcome: "unreachable",
  status: null,
  reason,
  model: null,
});

function stopwatch(clock: Clock): () => number {
  const startedAtMs = clock();
  return () => Math.max(0, Math.round(clock() - startedAtMs));
}
