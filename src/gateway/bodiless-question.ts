/** A question whose request has no body to read: a list of models, a stored answer, or what no route takes. */
import type { Capability } from "../capability/claims.ts";
import { placeOfRequest } from "../residency/place.ts";
import type { Received } from "./azure-error.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question } from "./question.ts";

export const bodilessQuestion = (
  { ids }: Pick<GatewayPorts, "ids">,
  { request, requestId }: Received,
  capability: Capability,
  about: Pick<Question, "surface" | "action" | "asked"> & Partial<Pick<Question, "classification">>,
): Question => ({
  requestId,
  decisionId: ids.decision(),
  purpose: "relay",
  capability,
  place: placeOfRequest(request),
  classification: capability.classification,
  resource: null,
  deploymentInPath: null,
  understand: () => Promise.reject(new Error("This request has no body to understand.")),
  ...about,
});
