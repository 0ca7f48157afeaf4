/** Understanding an /v1/enforce: its body names the ask, since the call to Azure is the caller's own. */
import type { Capability } from "../capability/claims.ts";
import { sha256Hex } from "../kernel/digest.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { Classification } from "../policy/classification.ts";
import type { Ask } from "../policy/decision.ts";
import { deploymentOfResource } from "../policy/resource.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { admitDeployment } from "./admit.ts";
import type { EnforceRequest } from "./enforce-request.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Understood } from "./question.ts";

export async function understandEnforce(
  { hashEndUser }: Pick<GatewayPorts, "hashEndUser">,
  { requestId, action, resourceId, context }: EnforceRequest,
  capability: Capability,
  classification: Classification,
  snapshot: Snapshot,
): Promise<Result<Understood>> {
  const name = deploymentOfResource(resourceId);
  const registered = snapshot.platform.deployments.some((deployment) => deployment.name === name);
  // A resource that is no deployment of this gateway is still decided by policy; one that is keeps its own rules.
  const deployment =
    name !== undefined && registered ? admitDeployment(snapshot, name, classification) : ok(null);
  if (!deployment.ok) return deployment;
  const ask: Ask = {
    action,
    resource: resourceId,
    deployment: name ?? resourceId,
    promptTokens: context.promptTokens ?? 0,
    outputTokens: context.promptTokens === undefined ? null : (context.maxOutputTokens ?? null),
    choices: 1,
    stream: false,
    classification,
    endUser: context.user === undefined ? null : await hashEndUser(capability.tenantId, context.user),
  };
  return ok({
    ask,
    deployment: deployment.value,
    fields: null,
    idempotency: { requestId, askHash: await sha256Hex(JSON.stringify(ask)) },
  });
}
