/** What a deployment's backends may name: an endpoint, a credential that this gateway can use, and hosts it may be sent to. */
import type { BackendInput } from "../azure/backend.ts";
import { credentialPlanOf } from "../azure/credential-plan.ts";
import type { DeploymentInput } from "../azure/deployment.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { checkEndpoint } from "./check-endpoint.ts";

interface Possible {
  readonly isLocal: boolean;
  readonly hasEntraKeys: boolean;
}

/** Of the first backend that is not acceptable, or null. */
export function checkBackends({ backends }: DeploymentInput, possible: Possible): Refusal | null {
  for (const [index, backend] of backends.entries()) {
    const refusal = checkBackend(backend, `backends[${index}]`, possible);
    if (refusal !== null) return refusal;
  }
  return null;
}

function checkBackend(
  backend: BackendInput,
  path: string,
  { isLocal, hasEntraKeys }: Possible,
): Refusal | null {
  const refusal = checkEndpoint(backend.endpoint, `${path}.endpoint`, isLocal);
  if (refusal !== null) return refusal;
  const plan = credentialPlanOf(backend, isLocal);
  if (!plan.ok) {
    const { field, message } = plan.error;
    return refuse("body_invalid", { field: `${path}.${field}`, message });
  }
  if (plan.value.key.kind === "api_key" || hasEntraKeys) return null;
  return refuse("entra_not_configured", {
    field: `${path}.credential`,
    message: "This deployment has no keys for Microsoft Entra: set the Worker secret ENTRA_KEYS.",
  });
}
