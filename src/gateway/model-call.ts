/** A call to a model, from its route to its answer: the first two stages, then judgement, then the relay. */
import type { CallRoute } from "../azure/route.ts";
import { modelResource } from "../policy/resource.ts";
import { placeOfRequest } from "../residency/place.ts";
import { RECEIPT_HEADER } from "../residency/receipt.ts";
import { strippedBody } from "../safeguard/stripped-body.ts";
import { answerRefusal } from "./answer-refusal.ts";
import { authenticate } from "./authenticate.ts";
import { azureError, type Received } from "./azure-error.ts";
import { declaredClassification } from "./declared-classification.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { judge } from "./pipeline.ts";
import type { Question } from "./question.ts";
import { limitsOf, setRateLimits } from "./rate-limit-headers.ts";
import { relay } from "./relay.ts";
import { setTokenHeaders } from "./token-headers.ts";
import { createCallReader, understandCall } from "./understand-call.ts";

export async function answerModelCall(
  ports: GatewayPorts,
  received: Received,
  route: CallRoute,
): Promise<Response> {
  const { request, requestId } = received;
  const authenticated = await authenticate(ports, request);
  if (!authenticated.ok) return azureError(authenticated.error, received);
  const { capability, proof } = authenticated.value;

  const declared = declaredClassification(request.headers, capability.classification);
  const classification = declared.ok ? declared.value : capability.classification;
  const { operation } = route;
  const deploymentInPath = route.kind === "classic" ? route.deployment : null;
  const place = placeOfRequest(request);
  const readCall = createCallReader(request, operation);

  const question: Question = {
    requestId,
    decisionId: ports.ids.decision(),
    surface: "relay",
    purpose: "relay",
    capability,
    proof,
    place,
    classification,
    action: operation.action,
    resource: deploymentInPath === null ? null : modelResource(deploymentInPath),
    deploymentInPath,
    understand: async (snapshot) => {
      if (!declared.ok) return declared;
      const call = await readCall();
      if (!call.ok) return call;
      return understandCall(
        ports,
        call.value,
        operation,
        deploymentInPath,
        { capability, place, classification },
        snapshot,
      );
    },
  };

  const judged = await judge(ports, question);
  if (judged.kind === "refused") return answerRefusal(ports, received, question, judged);
  const call = await readCall();
  if (!call.ok) return azureError(call.error, received, question.decisionId);

  const { ask, candidate } = judged;
  // Where nothing stands of what any policy names there is nothing to strip, and no need to search for it again.
  const stripPatterns = ask.content.literals?.length === 0 ? null : candidate.obligations.stripPatterns;
  const { body, parts, isStripped } = strippedBody(call.value, stripPatterns);
  const {
    answer: relayed,
    receipt,
    allowed,
  } = await relay(ports, {
    question,
    allowed: judged,
    operation,
    body,
    parts,
    isStripped,
    wantsUsage: call.value.wantsUsage,
    answer: call.value.answer,
    apiVersion: route.apiVersion,
    headers: request.headers,
    client: request.signal,
  });
  const answer = relayed.ok ? relayed.value : azureError(relayed.error, received, judged.reserved.decisionId);
  setRateLimits(answer.headers, limitsOf(allowed, ports.clock()));
  setTokenHeaders(answer.headers, capability, ports.clock());
  if (receipt !== null) answer.headers.set(RECEIPT_HEADER, receipt);
  return answer;
}
