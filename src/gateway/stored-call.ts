/**
 * A call about a stored answer: reading it, what it was made of, cancelling or deleting it. It goes to the one backend that
 * has the answer, and comes back as Azure says it. That Azure does not have it any more is told in the words of an answer
 * that this agent never had.
 */
import { toldBackend } from "../azure/backend.ts";
import { isCredentialRefused } from "../azure/billing.ts";
import { upstreamHeaders } from "../azure/headers.ts";
import { operations } from "../azure/operation.ts";
import type { StoredRoute } from "../azure/route.ts";
import { storedQuery } from "../azure/stored-query.ts";
import { storedUrlOf } from "../azure/upstream-url.ts";
import { isJsonObject } from "../kernel/json.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { RECEIPT_HEADER } from "../residency/receipt.ts";
import { answerHeaders } from "./answer-headers.ts";
import { answerRefusal } from "./answer-refusal.ts";
import { authenticate } from "./authenticate.ts";
import { azureError, type Received } from "./azure-error.ts";
import { backendFor, type Chosen } from "./backend-for.ts";
import { bodilessQuestion } from "./bodiless-question.ts";
import { recordOf } from "./decision-record.ts";
import { declaredClassification } from "./declared-classification.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { type Granted, judgeStored } from "./judge-stored.ts";
import type { Question } from "./question.ts";
import { readAnswer } from "./read-answer.ts";
import { recordedInputs } from "./recorded-inputs.ts";
import { refusedAs } from "./refused-as.ts";
import { isEventStream, relayStream } from "./relay-stream.ts";
import { parsedJson } from "./relay-whole.ts";
import { mayGoOn } from "./renew-call.ts";
import { createRenewals } from "./renewals.ts";
import { sendToBackend } from "./send-to-backend.ts";
import { storedObjectKey } from "./stored-object-key.ts";
import { createUpstreamCutoff, type UpstreamCutoff } from "./upstream-cutoff.ts";

export async function answerStoredCall(
  ports: GatewayPorts,
  received: Received,
  route: StoredRoute,
): Promise<Response> {
  const { request } = received;
  const authenticated = await authenticate(ports, request.headers);
  if (!authenticated.ok) return azureError(authenticated.error, received);
  const capability = authenticated.value;
  const { stored } = route;
  const declared = declaredClassification(request.headers, capability.classification);
  const query = declared.ok ? storedQuery(stored, new URL(request.url).searchParams) : declared;
  const question = bodilessQuestion(ports, received, capability, {
    surface: "stored_object",
    classification: declared.ok ? declared.value : capability.classification,
    action: operations[stored.kind].action,
    asked: {
      route: `${stored.method} /${stored.path}`,
      object: await storedObjectKey(stored.kind, route.id),
    },
  });
  const judged = await judgeStored(ports, question, query);
  if (judged.kind === "refused") return answerRefusal(ports, received, question, judged);
  const about = { ...question, resource: judged.resource };
  return judged.kind === "withheld"
    ? answerRefusal(ports, received, about, judged.refused)
    : relayStored(ports, received, { ...judged, route, question: about });
}

/** Judged, with what of the request goes to Azure. */
interface StoredCall extends Granted {
  readonly route: StoredRoute;
  readonly question: Question;
}

async function relayStored(ports: GatewayPorts, received: Received, call: StoredCall): Promise<Response> {
  const { question, candidate, object, number, revisions, trace, shadow } = call;
  const { policyIds, obligations } = candidate;
  const chosen = await backendFor(ports, { allowed: { ...call, reserved: { object } }, question }, []);
  if (!chosen.ok) {
    const refused = refusedAs(chosen.error, call, { policyIds, trace });
    return answerRefusal(ports, received, question, refused);
  }
  const { backend } = chosen.value;
  const inputs = recordedInputs(question, { ask: null });
  const decided = { refusal: null, number, revisions, inputs, policyIds, trace, shadow, backend };
  const record = recordOf(question, decided, ports.clock());
  const deliver = () => deliverRecord(ports, record, question.capability);
  // What changes something at Azure is on record before it does.
  const isFirst = call.route.stored.method !== "GET" || obligations.auditLogging === "detailed";
  if (isFirst && !(await deliver())) return unrecorded(received, question);

  const cutoff = createUpstreamCutoff(ports, received.request.signal, ports.relayMaxMs, (cut) =>
    createRenewals(ports, () => mayGoOn(ports, question, call.snapshot), cut),
  );
  const [recorded, answer, [signing]] = await Promise.all([
    isFirst || deliver(),
    sendToBackend(ports, chosen.value, storedRequest(call, chosen.value, received), cutoff),
    Promise.allSettled([ports.receipts.sign({ ...record, backend: toldBackend(backend) })]),
  ]);
  if (!recorded || signing.status === "rejected") {
    cutoff.cut();
    cutoff.close();
    if (signing.status === "rejected") throw signing.reason;
    return unrecorded(received, question);
  }
  const passed = answer.ok ? await passedOn(ports, call, answer.value, cutoff) : answer;
  if (!passed.ok) cutoff.close();
  const response = passed.ok ? passed.value : azureError(passed.error, received, question.decisionId);
  response.headers.set(RECEIPT_HEADER, signing.value);
  return response;
}

const unrecorded = (received: Received, { decisionId }: Question): Response =>
  azureError(refuse("audit_unavailable"), received, decisionId);

function storedRequest({ route, query }: StoredCall, { backend, credential }: Chosen, { request }: Received) {
  const { stored, id, apiVersion } = route;
  const headers = upstreamHeaders(request.headers, credential.header);
  headers.delete("content-type");
  const { endpoint } = credential;
  const path = stored.path.replace("{id}", id);
  return {
    url: storedUrlOf({ ...backend, endpoint }, path, apiVersion, query),
    method: stored.method,
    headers,
    body: null,
  };
}

/** @returns only once the ledger has forgotten what Azure has deleted. */
async function passedOn(
  ports: GatewayPorts,
  call: StoredCall,
  upstream: Response,
  cutoff: UpstreamCutoff,
): Promise<Result<Response>> {
  const { question, candidate } = call;
  const { stored } = call.route;
  const allowed = { candidate, reserved: { decisionId: question.decisionId } };
  if (upstream.ok && upstream.body && isEventStream(upstream)) {
    const operation = operations[stored.kind];
    const streamed = { question, allowed, operation, body: {}, wantsUsage: true };
    return ok(relayStream(ports, streamed, upstream, upstream.body, cutoff, async () => cutoff.close()));
  }
  const bytes = await readAnswer(upstream, cutoff);
  cutoff.close();
  if (!bytes) return fail(cutoff.refusal ?? refuse("upstream_broken"));
  const { status } = upstream;
  if (isCredentialRefused(status)) return fail(refuse("backend_unavailable"));
  // A redirect would lead the caller past the gateway.
  if (status >= 300 && status < 400) return fail(refuse("upstream_broken"));
  const isGone = status === 404 && !isPathUnknown(bytes);
  if (stored.deletes && (upstream.ok || isGone)) await forget(ports, question);
  return isGone
    ? fail(refuse("stored_object_unknown"))
    : ok(new Response(bytes, { status, headers: answerHeaders(upstream, { question, allowed }) }));
}

/** Where the ledger cannot be reached, its alarm forgets it in time, and nothing but Azure's 404 is found until then. */
async function forget(
  { ledgers }: Pick<GatewayPorts, "ledgers">,
  { asked, capability: { home, tenantId, agentId } }: Question,
): Promise<void> {
  const key = asked?.object ?? null;
  if (key !== null) await ledgers.forgetObject({ v: 1, caller: { home, tenantId, agentId }, key });
}

/** Azure's other 404: this backend, or its API version, does not have the path at all. */
function isPathUnknown(bytes: Uint8Array): boolean {
  const answer = parsedJson(bytes);
  const error = isJsonObject(answer) ? answer.error : undefined;
  return isJsonObject(error) && (error.code === "404" || error.code === "DeploymentNotFound");
}
