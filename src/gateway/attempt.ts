/**
 * One attempt: a call to one backend, with its decision's record on the way, unless that is in already, and its receipt
 * being signed meanwhile. The receipt names the backend of this attempt, so it can only be the one that answered.
 */
import type { DecisionRecord } from "../audit/audit-record.ts";
import type { AzureRequest } from "../azure/azure-calls.ts";
import { type Backend, toldBackend } from "../azure/backend.ts";
import { forwardedBody } from "../azure/forwarded-body.ts";
import { type ForwardedForm, forwardedForm } from "../azure/forwarded-form.ts";
import { upstreamHeaders } from "../azure/headers.ts";
import { upstreamOf } from "../azure/upstream-url.ts";
import { MAX_ATTEMPTS, UPSTREAM_HEADERS_MAX_MS, UPSTREAM_STREAM_HEADERS_MAX_MS } from "../kernel/limits.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import type { Chosen } from "./backend-for.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { RelayedCall } from "./relayed-call.ts";
import { sendToBackend } from "./send-to-backend.ts";
import type { CallEnd, FailedAttempt } from "./settle-call.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

export interface Attempt {
  /** With the reservation that this attempt uses. */
  readonly call: RelayedCall;
  /** Of the reservation. */
  readonly reservedAtMs: number;
  /** Under the same reservation, before this one: Azure bills none of them. */
  readonly failed: readonly FailedAttempt[];
  /** This one's backend and those of all attempts before, under whichever reservation. */
  readonly tried: readonly Backend[];
  readonly chosen: Chosen;
  readonly startedAtMs: number;
  /** The decision to reserve, as it is recorded. */
  readonly decided: DecisionRecord;
  readonly isRecorded: boolean;
}

/** An attempt that is over, or has begun to be answered. */
export type Made = Attempt &
  (
    | { readonly kind: "answered"; readonly upstream: Response; readonly receipt: string }
    | {
        readonly kind: "unanswered";
        readonly refusal: Refusal;
        readonly end: CallEnd["end"];
        readonly receipt: string;
      }
    /** Nothing may be passed on: the decision was not recorded, or the receipt (`unsigned`: why) not signed. */
    | {
        readonly kind: "withheld";
        readonly upstreamStatus: number | null;
        readonly unsigned: { readonly reason: unknown } | null;
      }
  );

type AttemptPorts = Pick<
  GatewayPorts,
  "azure" | "records" | "ledgers" | "receipts" | "clock" | "backendHealths" | "retryBudget"
>;

/** For how long Azure's headers are waited for: shorter where a stream could still have another backend. */
export const headersMaxMs = (
  { retryBudget }: Pick<AttemptPorts, "retryBudget">,
  { call, chosen, tried }: Pick<Attempt, "call" | "chosen" | "tried">,
): number =>
  call.allowed.ask.stream && chosen.hasAlternative && tried.length < MAX_ATTEMPTS && retryBudget.hasRoom
    ? UPSTREAM_STREAM_HEADERS_MAX_MS
    : UPSTREAM_HEADERS_MAX_MS;

export async function makeAttempt(
  ports: AttemptPorts,
  attempt: Attempt,
  cutoff: UpstreamCutoff,
): Promise<Made> {
  const { call, chosen, decided, isRecorded } = attempt;
  const backend = toldBackend(chosen.backend);
  const [recorded, answer, [signing]] = await Promise.all([
    isRecorded || deliverRecord(ports, decided, call.question.capability),
    send(ports, call, chosen, cutoff),
    // Last: computing it takes no time from what is under way. A bug there must not leave that open either.
    Promise.allSettled([ports.receipts.sign({ ...decided, backend })]),
  ]);
  if (!recorded || signing.status === "rejected") {
    const upstreamStatus = answer.ok ? answer.value.status : null;
    const unsigned = recorded && signing.status === "rejected" ? { reason: signing.reason } : null;
    return { ...attempt, kind: "withheld", upstreamStatus, unsigned };
  }
  const receipt = signing.value;
  if (answer.ok) return { ...attempt, kind: "answered", upstream: answer.value, receipt };
  const end = cutoff.reason ?? "upstream_unreachable";
  return { ...attempt, kind: "unanswered", refusal: answer.error, end, receipt };
}

/** The caller's request as the backend gets it. */
function sentTo(
  { allowed, operation, question, body, parts }: RelayedCall,
  { deployment, backend }: Chosen,
  canReportUsage: boolean,
): Pick<ForwardedForm, "contentType"> & Pick<AzureRequest, "body"> {
  const { maxOutputTokens, allowStore } = allowed.candidate.obligations;
  if (parts !== null) {
    const { contentType, pieces } = forwardedForm(parts, backend, question.requestId, allowStore);
    return { contentType, body: pieces };
  }
  const { stream } = allowed.ask;
  const plan = { operation, deployment, backend, stream, maxOutputTokens, canReportUsage, allowStore };
  return { contentType: "application/json", body: JSON.stringify(forwardedBody(body, plan)) };
}

function send(
  ports: Pick<AttemptPorts, "azure" | "clock" | "backendHealths">,
  call: RelayedCall,
  chosen: Chosen,
  cutoff: UpstreamCutoff,
): Promise<Result<Response>> {
  const { backend, credential } = chosen;
  const { endpoint } = credential;
  const { url, canReportUsage } = upstreamOf({ ...backend, endpoint }, call.operation, call.apiVersion);
  const { contentType, body } = sentTo(call, chosen, canReportUsage);
  const headers = upstreamHeaders(call.headers, credential.header);
  headers.set("content-type", contentType);
  return sendToBackend(ports, chosen, { url, headers, body }, cutoff);
}
