/**
 * Relay: an allowed call goes to a backend that keeps the tenant's promise, and its answer comes back. The decision's
 * record is sent, and the receipt signed, while Azure is called; the record is accepted before the caller's first byte
 * (before Azure is called under `auditLogging: detailed`). Whatever happens to caller or Azure, the call is settled once.
 */
import type { DecisionRecord } from "../audit/audit-record.ts";
import type { Backend } from "../azure/backend.ts";
import { settlementOfError } from "../azure/billing.ts";
import { chooseBackend } from "../azure/choose-backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { backendEncrypted } from "../azure/endpoint-encryption.ts";
import { forwardedBody } from "../azure/forwarded-body.ts";
import { upstreamHeaders } from "../azure/headers.ts";
import type { UpstreamCredential } from "../azure/upstream-credentials.ts";
import { upstreamOf } from "../azure/upstream-url.ts";
import { usageOfAnswer } from "../azure/usage.ts";
import { utf8Text } from "../kernel/encoding.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { demandedBackends } from "../residency/demanded-backends.ts";
import { answerHeaders } from "./answer-headers.ts";
import { decisionRecordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { readAnswer } from "./read-answer.ts";
import { relayStream } from "./relay-stream.ts";
import type { RelayedCall } from "./relayed-call.ts";
import { renewCall } from "./renew-call.ts";
import { createRenewals } from "./renewals.ts";
import { type CallEnd, settleCall } from "./settle-call.ts";
import { createUpstreamCutoff, type UpstreamCutoff } from "./upstream-cutoff.ts";

export interface Relayed {
  /** A refusal here comes after the reservation: it has been settled, and the decision's record stands. */
  readonly answer: Result<Response>;
  /** For every call that was sent, however it ended, once its record was accepted; null otherwise. */
  readonly receipt: string | null;
}

export async function relay(ports: GatewayPorts, call: RelayedCall): Promise<Relayed> {
  const { question, allowed, isStripped } = call;
  const startedAtMs = ports.clock();
  const record = (decided: DecisionRecord) => deliverRecord(ports, decided, question.capability);
  const settle = (backend: Backend | null, end: CallEnd) =>
    settleCall(ports, question, allowed, backend, startedAtMs, end);
  const released: CallEnd = { end: "upstream_error", upstreamStatus: null, outcome: { kind: "released" } };

  const chosen = await backendFor(ports, call);
  if (!chosen.ok) {
    const decided = decisionRecordOf(question, allowed, startedAtMs, { isStripped });
    const [recorded] = await Promise.all([record(decided), settle(null, released)]);
    return withoutReceipt(recorded ? chosen.error : refuse("audit_unavailable"));
  }
  const { backend } = chosen.value;
  const decided = decisionRecordOf(question, allowed, startedAtMs, { backend, isStripped });

  const recordedFirst = allowed.candidate.obligations.auditLogging === "detailed";
  if (recordedFirst && !(await record(decided))) {
    await settle(backend, released);
    return withoutReceipt(refuse("audit_unavailable"));
  }

  const { relayMaxMs } = allowed.reserved;
  const renew = () => renewCall(ports, question, allowed);
  const cutoff = createUpstreamCutoff(ports, call.client, relayMaxMs, (cut) =>
    createRenewals(ports, renew, cut),
  );
  const settleAndClose = async (end: CallEnd) => {
    cutoff.close();
    await settle(backend, end);
  };
  const [recorded, answer, [signing]] = await Promise.all([
    recordedFirst || record(decided),
    send(ports, call, chosen.value, cutoff),
    // Last: computing it takes no time from what is under way. A bug there must not leave that open either.
    Promise.allSettled([ports.receipts.sign(decided)]),
  ]);
  if (!recorded || signing.status === "rejected") {
    cutoff.cut();
    await settleAndClose({
      end: "upstream_error",
      upstreamStatus: answer.ok ? answer.value.status : null,
      outcome: { kind: "as_reserved" },
    });
    if (recorded && signing.status === "rejected") throw signing.reason;
    return withoutReceipt(refuse("answer_unrecorded"));
  }
  const receipt = signing.value;
  if (!answer.ok) {
    await settleAndClose({
      end: (cutoff.refusal && cutoff.reason) ?? "upstream_unreachable",
      upstreamStatus: null,
      outcome: { kind: "as_reserved" },
    });
    return { answer, receipt };
  }
  const upstream = answer.value;
  if (upstream.ok && upstream.body && isEventStream(upstream)) {
    const stream = relayStream(ports, call, upstream, upstream.body, cutoff, settleAndClose);
    return { answer: ok(stream), receipt };
  }
  return { answer: await relayWhole(call, upstream, cutoff, settleAndClose), receipt };
}

const withoutReceipt = (refusal: Refusal): Relayed => ({ answer: fail(refusal), receipt: null });

interface Chosen {
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly credential: UpstreamCredential;
}

async function backendFor(
  { credentials, random, isLocal }: Pick<GatewayPorts, "credentials" | "random" | "isLocal">,
  { allowed, question }: RelayedCall,
): Promise<Result<Chosen>> {
  const { deployment } = allowed;
  if (!deployment) return fail(refuse("deployment_unknown"));
  // Judged again at the last moment before data leaves: no path to Azure avoids the promise.
  const eligible = demandedBackends(
    deployment,
    allowed.snapshot.tenant.tenant.residency,
    allowed.candidate.obligations.residency,
    question.classification,
  );
  if (!eligible.ok) return eligible;
  const backend = chooseBackend(eligible.value, random());
  if (!backendEncrypted(backend, isLocal))
    return fail(refuse("encryption_required", { evidence: { backend: backend.id } }));
  const credential = await credentials.credentialOf(backend);
  return credential.ok ? ok({ deployment, backend, credential: credential.value }) : credential;
}

async function send(
  { azure }: Pick<GatewayPorts, "azure">,
  call: RelayedCall,
  { deployment, backend, credential }: Chosen,
  cutoff: UpstreamCutoff,
): Promise<Result<Response>> {
  const { allowed, operation } = call;
  const { endpoint } = credential;
  const { url, canReportUsage } = upstreamOf({ ...backend, endpoint }, operation, call.apiVersion);
  const body = forwardedBody(call.body, {
    operation,
    deployment,
    backend,
    stream: allowed.ask.stream,
    maxOutputTokens: allowed.candidate.obligations.maxOutputTokens,
    canReportUsage,
    allowStore: allowed.candidate.obligations.allowStore,
  });
  try {
    const answer = await azure.send({
      url,
      headers: upstreamHeaders(call.headers, credential.header),
      body: JSON.stringify(body),
      signal: cutoff.signal,
    });
    cutoff.headersArrived();
    if (isCredentialRefused(answer)) credential.refused();
    return ok(answer);
  } catch {
    // What fetch throws names hosts and addresses: callers get the code alone.
    return fail(cutoff.refusal ?? refuse("upstream_unreachable"));
  }
}

/** A JSON answer comes whole: it must be read to be metered, and an answer that breaks off can still become an error. */
async function relayWhole(
  call: RelayedCall,
  upstream: Response,
  cutoff: UpstreamCutoff,
  settle: (end: CallEnd) => Promise<void>,
): Promise<Result<Response>> {
  const { operation, allowed } = call;
  const upstreamStatus = upstream.status;
  const bytes = await readAnswer(upstream, cutoff);
  const answer = bytes && parsedJson(bytes);
  if (!bytes || (upstream.ok && answer === undefined)) {
    const end = cutoff.reason ?? "upstream_broken";
    await settle({ end, upstreamStatus, outcome: { kind: "as_reserved" } });
    return fail(cutoff.refusal ?? refuse("upstream_broken"));
  }
  if (!upstream.ok) {
    await settle({
      end: "upstream_error",
      upstreamStatus,
      outcome: settlementOfError(answer, allowed.ask.promptTokens),
    });
    // A refused credential is the gateway's own: told as it is, a caller would doubt the token.
    if (isCredentialRefused(upstream)) return fail(refuse("backend_unavailable"));
    // A redirect would lead the caller past the gateway.
    if (upstreamStatus >= 300 && upstreamStatus < 400) return fail(refuse("upstream_broken"));
  } else {
    const usage = usageOfAnswer(operation, answer);
    const end = cutoff.clientGone ? "client_gone" : "complete";
    await settle({ end, upstreamStatus, outcome: usage ? { kind: "used", usage } : { kind: "as_reserved" } });
  }
  return ok(new Response(bytes, { status: upstreamStatus, headers: answerHeaders(upstream, call) }));
}

const isCredentialRefused = ({ status }: Response): boolean => status === 401 || status === 403;

const isEventStream = (response: Response): boolean =>
  response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(bytes) ?? "");
  } catch {
    return undefined;
  }
}
