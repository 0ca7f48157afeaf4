/**
 * The response headers of reference section 3.1, in Azure's own spelling. `x-aml-cluster` contradicts
 * `x-ms-region` on purpose: the region header names the resource, never the place of inference, and
 * whoever takes it for proof of residency must be caught here.
 */
import { randomUUID } from "node:crypto";
import type { HeaderSet } from "./reply.ts";

export interface HeaderContext {
  readonly region: string;
  readonly clientRequestId: string | undefined;
  readonly deployment: string | undefined;
  /** Responses has been seen to report limits that it does not keep. */
  readonly countsLimits: boolean;
}

export function azureHeaders(set: HeaderSet, context: HeaderContext): Record<string, string> {
  const apimRequestId = randomUUID();
  const bare = { "apim-request-id": apimRequestId };
  if (set === "bare") return bare;
  const refusal = {
    ...bare,
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-ms-region": context.region,
    "x-ms-client-request-id": context.clientRequestId ?? apimRequestId,
  };
  if (set === "refusal") return refusal;
  return {
    ...refusal,
    ...(context.countsLimits ? counted : uncounted),
    "cmp-upstream-response-duration": "516",
    "x-accel-buffering": "no",
    "x-aml-cluster": "hyena-japaneast-02",
    "x-envoy-upstream-service-time": "552",
    "x-ms-rai-invoked": "true",
    "x-request-id": randomUUID(),
    "ms-azureml-model-time": "549",
    "azureml-model-session": "v20250319-1-164616836",
    ...(context.deployment === undefined ? {} : { "x-ms-deployment-name": context.deployment }),
  };
}

const counted = {
  "x-ratelimit-remaining-requests": "449",
  "x-ratelimit-limit-requests": "450",
  "x-ratelimit-remaining-tokens": "449356",
  "x-ratelimit-limit-tokens": "450000",
};

const uncounted = {
  "x-ratelimit-limit-tokens": "-1",
  "x-ratelimit-remaining-tokens": "-1",
  "x-ratelimit-reset-tokens": "0",
};
