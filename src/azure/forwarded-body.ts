/**
 * The body as Azure gets it: the caller's, with the reserved output bound written in (so that the reservation is a
 * real upper bound), the backend's own model name, usage reporting on, and nothing stored at Azure unless that was both
 * asked for and allowed.
 */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import type { Backend } from "./backend.ts";
import type { Deployment } from "./deployment.ts";
import type { Operation } from "./operation.ts";
import { asksToStore } from "./stored-objects.ts";

export interface ForwardPlan {
  readonly operation: Operation;
  readonly deployment: Deployment;
  readonly backend: Backend;
  readonly stream: boolean;
  /** Per choice; null = leave what the caller wrote, cut to the deployment's cap. */
  readonly maxOutputTokens: number | null;
  /** Whether the api-version that is called knows `stream_options`. */
  readonly canReportUsage: boolean;
  readonly allowStore: boolean;
}

export function forwardedBody(body: JsonObject, plan: ForwardPlan): JsonObject {
  return {
    ...body,
    ...(body.model === undefined && plan.operation.classic ? {} : { model: plan.backend.azureDeployment }),
    ...outputBounds(body, plan),
    ...(plan.stream && plan.operation.usageOnRequest && plan.canReportUsage
      ? {
          stream_options: {
            ...(isJsonObject(body.stream_options) ? body.stream_options : {}),
            include_usage: true,
          },
        }
      : {}),
    // Responses are kept by Azure wherever a body says nothing.
    ...(body.store === true || plan.operation.name === "responses" ? { store: isStored(body, plan) } : {}),
  };
}

/** Whether Azure is told to keep the answer. */
export const isStored = (
  body: JsonObject,
  { operation, allowStore }: Pick<ForwardPlan, "operation" | "allowStore">,
): boolean => allowStore && asksToStore(operation, body);

function outputBounds(body: JsonObject, { operation, deployment, maxOutputTokens }: ForwardPlan): JsonObject {
  const cap = maxOutputTokens ?? deployment.maxOutputTokens;
  const named = operation.outputParameters.filter((name) => typeof body[name] === "number");
  // Every bound the caller named is cut, so that whichever Azure heeds is within the reservation.
  const cut = Object.fromEntries(named.map((name) => [name, Math.min(Number(body[name]), cap)]));
  if (named.length > 0 || maxOutputTokens === null) return cut;
  const parameter =
    operation.outputParameters.length > 1 ? deployment.outputParameter : operation.outputParameters[0];
  return parameter === undefined ? {} : { [parameter]: maxOutputTokens };
}
