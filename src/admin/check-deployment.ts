/**
 * One tiny call to each backend of a deployment, with the credential that callers' calls would carry. It says nothing of any
 * tenant's and is nobody's call: no policy, quota or promise of residency is asked, since no tenant's data leaves.
 */
import * as z from "zod";
import type { AzureCalls } from "../azure/azure-calls.ts";
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { backendEncrypted } from "../azure/endpoint-encryption.ts";
import { upstreamHeaders } from "../azure/headers.ts";
import { operations } from "../azure/operation.ts";
import type { UpstreamCredential, UpstreamCredentials } from "../azure/upstream-credentials.ts";
import { upstreamOf } from "../azure/upstream-url.ts";
import type { BackendCheck } from "../kernel/backend-check.ts";
import type { Clock, StartTimer } from "../kernel/clock.ts";
import { utf8Text } from "../kernel/encoding.ts";
import { BACKEND_CHECK_MAX_MS, MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { readBoundedBytes } from "../kernel/read-bounded-bytes.ts";
import { skuSpread } from "../residency/sku-table.ts";

export interface CheckPorts {
  readonly azure: AzureCalls;
  readonly credentials: UpstreamCredentials;
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
}

type Found = Pick<BackendCheck, "outcome" | "status" | "reason" | "model">;

export const checkDeployment = (
  ports: CheckPorts,
  deployment: Deployment,
): Promise<readonly BackendCheck[]> =>
  Promise.all(deployment.backends.map((backend) => checkBackend(ports, deployment, backend)));

async function checkBackend(
  ports: CheckPorts,
  deployment: Deployment,
  backend: Backend,
): Promise<BackendCheck> {
  const { id, azureDeployment, region, sku, credential } = backend;
  const startedAtMs = ports.clock();
  const found = await findingOf(ports, deployment, backend);
  return {
    backend: id,
    azureDeployment,
    region,
    sku,
    processing: skuSpread[sku],
    credential: credential.kind,
    ...found,
    durationMs: Math.max(0, Math.round(ports.clock() - startedAtMs)),
  };
}

async function findingOf(ports: CheckPorts, deployment: Deployment, backend: Backend): Promise<Found> {
  const without = { status: null, model: null };
  if (!backendEncrypted(backend, ports.isLocal))
    return { ...without, outcome: "unreachable", reason: "not https" };
  const credential = await ports.credentials.credentialOf(backend);
  if (!credential.ok) {
    const { reason } = credential.error.evidence ?? {};
    return { ...without, outcome: "no_credential", reason: typeof reason === "string" ? reason : null };
  }
  const controller = new AbortController();
  const stop = ports.startTimer(BACKEND_CHECK_MAX_MS, () => controller.abort());
  try {
    const answer = await ports.azure.send({
      ...callTo(deployment, backend, credential.value),
      signal: controller.signal,
    });
    const found = await readingOf(answer);
    if (found.outcome === "refused") credential.value.refused();
    return found;
  } catch {
    // What fetch throws names hosts.
    const reason = controller.signal.aborted ? "no answer in time" : "not reachable";
    return { ...without, outcome: "unreachable", reason };
  } finally {
    stop();
  }
}

/** As small as a call can be: a word, and, where the model speaks, hardly an answer. Reasoning models refuse fewer tokens. */
function callTo(
  { maxOutputTokens, outputParameter }: Deployment,
  backend: Backend,
  { header, endpoint }: UpstreamCredential,
) {
  const model = backend.azureDeployment;
  const isSilent = maxOutputTokens === 0;
  const operation = operations[isSilent ? "embeddings" : "chat/completions"];
  const bound = { [outputParameter]: outputParameter === "max_tokens" ? 1 : 16 };
  const body = isSilent
    ? { model, input: "ping" }
    : { model, messages: [{ role: "user", content: "ping" }], ...bound };
  const { url } = upstreamOf({ ...backend, endpoint }, operation, null);
  return { url, headers: upstreamHeaders(new Headers(), header), body: JSON.stringify(body) };
}

const Answer = z.looseObject({ model: z.string().max(200) });
const Failure = z.looseObject({ error: z.looseObject({ code: z.string().regex(/^[A-Za-z0-9_]{1,60}$/) }) });

async function readingOf(answer: Response): Promise<Found> {
  const { status } = answer;
  const bytes = await readBoundedBytes({ headers: new Headers(), body: answer.body }, MAX_ADMIN_BODY_BYTES);
  const json = bytes.ok ? jsonOf(bytes.value) : undefined;
  if (answer.ok) {
    const read = Answer.safeParse(json);
    return read.success
      ? { outcome: "answered", status, reason: null, model: read.data.model }
      : { outcome: "failed", status, reason: "answer not understood", model: null };
  }
  const failure = Failure.safeParse(json);
  const outcome = status === 401 || status === 403 ? "refused" : "failed";
  return { outcome, status, reason: failure.success ? failure.data.error.code : null, model: null };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(bytes) ?? "");
  } catch {
    return undefined;
  }
}
