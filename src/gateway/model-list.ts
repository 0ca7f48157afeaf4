/**
 * `GET /openai/v1/models`: what this capability may use. Azure lists its regional catalogue there; a gateway answers
 * from the decision core instead, so the list and the calls cannot disagree. It charges nothing, but it is confirmed
 * and recorded like any decision.
 */
import { serves } from "../azure/asked-tokens.ts";
import { assumedUnits } from "../azure/asked-units.ts";
import type { Deployment } from "../azure/deployment.ts";
import { operations } from "../azure/operation.ts";
import { dearestPrice } from "../azure/prices.ts";
import type { Capability } from "../capability/claims.ts";
import { refuse } from "../kernel/refusal.ts";
import type { Action } from "../policy/action.ts";
import { policyAdmission } from "../policy/admission.ts";
import { decide } from "../policy/decide.ts";
import type { Ask } from "../policy/decision.ts";
import { modelResource } from "../policy/resource.ts";
import { shadowOfAdmission } from "../policy/shadow.ts";
import type { Revisions, Snapshot } from "../policy/snapshot.ts";
import type { Place } from "../residency/place.ts";
import { RECEIPT_HEADER } from "../residency/receipt.ts";
import { admit, admitDeployment } from "./admit.ts";
import { answerRefusal } from "./answer-refusal.ts";
import { authenticate } from "./authenticate.ts";
import { azureError, type Received } from "./azure-error.ts";
import { bodilessQuestion } from "./bodiless-question.ts";
import { confirm, confirmedRefusal, unconfirmed, underCurrentRevisions } from "./confirm.ts";
import { recordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question } from "./question.ts";
import { recordedInputs } from "./recorded-inputs.ts";
import { setTokenHeaders } from "./token-headers.ts";

export async function answerModelList(ports: GatewayPorts, received: Received): Promise<Response> {
  const { request, requestId } = received;
  const authenticated = await authenticate(ports, request);
  if (!authenticated.ok) return azureError(authenticated.error, received);
  const { capability } = authenticated.value;
  const question = bodilessQuestion(ports, received, authenticated.value, {
    surface: "model_list",
    action: "model_list",
  });

  const judged = await underCurrentRevisions(ports, (atLeast) => judgeListOnce(ports, question, atLeast));
  if (judged.kind === "refused") return answerRefusal(ports, received, question, judged);
  const inputs = recordedInputs(question, { ask: null });
  const record = recordOf(question, { refusal: null, inputs, ...judged }, ports.clock());
  const [recorded, receipt] = await Promise.all([
    deliverRecord(ports, record, capability),
    ports.receipts.sign(record),
  ]);
  if (!recorded) return azureError(refuse("audit_unavailable"), received);
  const headers = new Headers({
    "x-request-id": requestId,
    "portcullis-request-id": requestId,
    "portcullis-decision": question.decisionId,
    [RECEIPT_HEADER]: receipt,
  });
  setTokenHeaders(headers, capability, ports.clock());
  return Response.json(modelListOf(judged.names), { headers });
}

async function judgeListOnce(ports: GatewayPorts, question: Question, atLeast: Revisions | undefined) {
  const loaded = await ports.snapshots.load(question.capability, atLeast);
  if (!loaded.ok) return unconfirmed(ports, loaded.error);
  const admitted = admit(question, loaded.value);
  if (!admitted.ok) return confirmedRefusal(ports, question, loaded.value, admitted.error);
  const { capability, classification, place } = question;
  const snapshot = loaded.value;
  const nowMs = ports.clock();
  // A list asks for no model: of the boundaries, only what they say of place, time and caller can keep it out.
  const admission = { capability, asked: {}, classification, place, snapshot, nowMs };
  const excluded = policyAdmission(admission);
  const shadow = shadowOfAdmission(admission, excluded === null);
  if (excluded) return confirmedRefusal(ports, question, snapshot, excluded.refusal, { ...excluded, shadow });
  const confirmed = await confirm(ports, question, snapshot);
  if (confirmed.kind !== "confirmed") return confirmed;
  return { ...confirmed, shadow, names: usableDeployments(capability, place, snapshot, nowMs) };
}

/** What the gateway would let a deployment do. */
const servedActions = (deployment: Deployment): readonly Action[] => [
  ...new Set(
    Object.values(operations)
      .filter((operation) => serves(deployment, operation))
      .map(({ action }) => action),
  ),
];

/** Names of the deployments that some call of this capability could be allowed on. */
export function usableDeployments(
  capability: Capability,
  place: Place,
  snapshot: Snapshot,
  nowMs: number,
): readonly string[] {
  const { classification } = capability;
  return snapshot.platform.deployments
    .filter(
      (deployment) =>
        admitDeployment(snapshot, deployment.name, classification).ok &&
        servedActions(deployment).some((action) => {
          const { name } = deployment;
          const units = assumedUnits(action, { pictures: 1, characters: 0 }, deployment);
          const ask = {
            ...smallestAsk,
            action,
            classification,
            resource: modelResource(name),
            deployment: name,
            outputTokens: Math.min(1, deployment.maxOutputTokens),
            clientAddress: place.clientAddress,
            price: dearestPrice(deployment),
            ...(units && { units }),
          };
          return decide({ capability, ask, place, snapshot, nowMs }, { trace: false }).kind === "candidates";
        }),
    )
    .map(({ name }) => name);
}

const smallestAsk = {
  promptTokens: 0,
  choices: 1,
  stream: false,
  // A call can name its end user; a list has none to name.
  endUser: "anybody",
  tools: [],
  stores: false,
  content: { promptCharacters: 0, parameters: {}, literals: [], canStrip: true },
} as const satisfies Partial<Ask>;

/** In Azure's item shape, with the two members that the official SDKs' types name. */
const modelListOf = (names: readonly string[]) => ({
  object: "list",
  data: names.map((id) => ({
    id,
    object: "model",
    status: "succeeded",
    lifecycle_status: "generally-available",
    created: 0,
    created_at: 0,
    owned_by: "azure-openai",
  })),
});
