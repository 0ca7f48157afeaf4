/**
 * Azure's refusals, word for word where they were recorded (reference section 3.2 and 3.3). Three shapes
 * exist: the gateway layer's {code, message}, the model layer's four fields, and the content filter's.
 * Sentences that were not recorded are marked as assumed.
 */
import { jailbreakResults } from "./content-filter.ts";
import type { Fault } from "./fault.ts";
import { jsonReply, type Reply, textReply } from "./reply.ts";
import { type Operation, operationNames, type SimulatedDeployment } from "./simulated-deployment.ts";

const gatewayError = (status: number, code: string, message: string) =>
  jsonReply(status, { error: { code, message } }, "refusal");

export const accessDenied: Reply = {
  ...jsonReply(
    401,
    {
      error: {
        code: "401",
        message:
          "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.",
      },
    },
    "bare",
  ),
  statusText: "PermissionDenied",
};

/** Assumed: which of the two a token gets was not recorded word for word. */
export const tokenRefused: Reply = jsonReply(
  401,
  {
    error: {
      code: "Unauthorized",
      message:
        "Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired.",
    },
  },
  "bare",
);

export const roleMissing: Reply = jsonReply(
  401,
  {
    error: {
      code: "PermissionDenied",
      message:
        "The principal `00000000-0000-0000-0000-000000000000` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform `POST /openai/deployments/{deployment-id}/chat/completions` operation.",
    },
  },
  "bare",
);

// The blank after "message": is Azure's own.
export const resourceNotFound: Reply = textReply(
  404,
  '{"error":{"code":"404","message": "Resource not found"}}',
  "bare",
);

export const deploymentNotFound: Reply = gatewayError(
  404,
  "DeploymentNotFound",
  "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.",
);

export const apiVersionNotSupported: Reply = gatewayError(400, "BadRequest", "API version not supported");

/** The status is documented, its body is assumed. */
export const tooManyHeaders: Reply = jsonReply(
  431,
  { error: { code: "431", message: "Request Header Fields Too Large" } },
  "bare",
);

export function operationNotSupported(operation: Operation, deployment: string): Reply {
  return gatewayError(
    400,
    "OperationNotSupported",
    `The ${operationNames[operation].inRefusal} operation does not work with the specified model, ${deployment}. Please choose different model and try again. You can learn more about which models can be used with each operation here: https://go.microsoft.com/fwlink/?linkid=2197993.`,
  );
}

/** The shape and its two headers were recorded; most messages built with it are assumed. */
export function modelError(message: string, param: string | null, code: string | null): Reply {
  return jsonReply(400, { error: { message, type: "invalid_request_error", param, code } }, "model", {
    "ms-azureml-model-error-reason": "model_error",
    "ms-azureml-model-error-statuscode": "400",
  });
}

export const maxTokensUnsupported: Reply = modelError(
  "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
  "max_tokens",
  "unsupported_parameter",
);

/** Pictures have a spelling of their own (the keys are recorded, the sentence is assumed). */
const pictureBlocked: Reply = jsonReply(
  400,
  {
    error: {
      code: "contentFilter",
      message: "Your task failed as a result of our safety system.",
      inner_error: { code: "ResponsibleAIPolicyViolation", content_filter_results: jailbreakResults },
    },
  },
  "model",
);

export function promptBlocked(
  fault: Extract<Fault, { kind: "prompt-blocked" }>,
  operation: Operation,
): Reply {
  if (operation === "imageGenerations" || operation === "imageEdits") return pictureBlocked;
  const error = {
    message:
      "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
    type: null,
    param: "prompt",
    code: "content_filter",
    status: 400,
  };
  // The singular key is Azure's: it differs from the plural one of every other annotation.
  const innererror = { code: "ResponsibleAIPolicyViolation", content_filter_result: jailbreakResults };
  return jsonReply(400, { error: fault.innerError ? { ...error, innererror } : error }, "model");
}

export function rateLimited(
  fault: Extract<Fault, { kind: "rate-limited" }>,
  call: {
    readonly operation: Operation;
    readonly deployment: SimulatedDeployment;
    readonly apiVersion: string;
    readonly region: string;
  },
): Reply {
  const seconds = fault.retryAfterSeconds ?? 10;
  const milliseconds =
    fault.retryAfterMs === undefined
      ? fault.retryAfterSeconds === null
        ? null
        : fault.retryAfterSeconds * 1000
      : fault.retryAfterMs;
  const limit = fault.limit === "tokens" ? "token" : "call";
  const { operationId } = operationNames[call.operation];
  const advice =
    seconds >= 86_400
      ? "Please contact Azure support service if you would like to further increase the default rate limit."
      : "Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit.";
  const message =
    fault.wording === "old"
      ? `Requests to the ${operationId} Operation under Azure OpenAI API version ${call.apiVersion} have exceeded ${limit} rate limit of your current OpenAI S0 pricing tier. Please retry after ${seconds} seconds. ${advice}`
      : `Your requests to ${call.deployment.name} for ${call.deployment.model} in ${call.region} have exceeded the ${limit} rate limit for your current AIServices S0 pricing tier. This request was for ${operationId} under Azure OpenAI API version ${call.apiVersion}. Please retry after ${seconds} seconds.`;
  return jsonReply(429, { error: { code: "429", message } }, "refusal", {
    "policy-id": fault.limit === "tokens" ? "DeploymentRatelimit-Token" : "DeploymentRatelimit-Call",
    ...(fault.retryAfterSeconds === null ? {} : { "Retry-After": String(fault.retryAfterSeconds) }),
    ...(milliseconds === null ? {} : { "retry-after-ms": String(milliseconds) }),
    [fault.limit === "tokens" ? "x-ratelimit-reset-tokens" : "x-ratelimit-reset-requests"]: String(seconds),
  });
}
