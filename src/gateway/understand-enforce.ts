/** Understanding an /v1/enforce: its body names the ask, since the call to Azure is the caller's own. */
import { outputCapOf } from "../azure/asked-tokens.ts";
import { assumedUnits } from "../azure/asked-units.ts";
import { dearestPrice } from "../azure/prices.ts";
import { sha256Hex } from "../kernel/digest.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Action, isOutputFixed } from "../policy/action.ts";
import type { Classification } from "../policy/classification.ts";
import type { Ask } from "../policy/decision.ts";
import { deploymentOfResource, isAtAzure } from "../policy/resource.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { admitDeployment } from "./admit.ts";
import { type CountedCaller, countedAddress } from "./counted-address.ts";
import { endUserOf } from "./end-user.ts";
import type { EnforceRequest } from "./enforce-request.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Understood } from "./question.ts";

/** What a deployment without output tokens, such as one for embeddings, cannot do. */
const generatingActions: ReadonlySet<Action> = new Set(["chat", "completion", "response"]);

export async function understandEnforce(
  ports: Pick<GatewayPorts, "hashEndUser" | "hashAddress">,
  { requestId, action, resourceId, context }: EnforceRequest,
  caller: CountedCaller & { readonly classification: Classification },
  snapshot: Snapshot,
): Promise<Result<Understood>> {
  const { capability, classification } = caller;
  const name = deploymentOfResource(resourceId);
  const registered = snapshot.platform.deployments.some((deployment) => deployment.name === name);
  // A resource that is no deployment of this gateway is still decided by policy; one that is keeps its own rules.
  // Under a residency promise nobody can say where Azure would process for anything that is not registered.
  if (isAtAzure(resourceId) && !registered && snapshot.tenant.tenant.residency.zone !== "none") {
    return fail(refuse("deployment_unknown", { field: "resourceId" }));
  }
  const deployment =
    name !== undefined && registered ? admitDeployment(snapshot, name, classification) : ok(null);
  if (!deployment.ok) return deployment;
  const cap = outputCapOf(action, deployment.value);
  if (cap === 0 && generatingActions.has(action))
    return fail(refuse("operation_not_supported", { field: "action" }));
  const stated = context.promptTokens === undefined ? undefined : context.maxOutputTokens;
  const asked: Omit<Ask, "clientAddress" | "price"> = {
    action,
    resource: resourceId,
    deployment: name ?? resourceId,
    ...(isOutputFixed(action) ? { outputIsFixed: true } : {}),
    // What may become of an answer that cannot be cut, nobody but its caller can say.
    promptTokens: isOutputFixed(action) && stated === undefined ? null : (context.promptTokens ?? 0),
    outputTokens: stated === undefined ? null : Math.min(stated, cap),
    choices: 1,
    stream: false,
    classification,
    endUser: await endUserOf(ports, capability, context.user ?? null),
    tools: context.tools ?? null,
    stores: context.store ?? null,
    content: {
      promptCharacters: context.promptCharacters ?? null,
      parameters: context.parameters ?? null,
      // Nobody states a text here. What is to be stripped, the caller strips.
      literals: null,
      canStrip: true,
    },
  };
  const hashed = [
    asked,
    capability.authorization,
    ...(context.pictures === undefined ? [] : [context.pictures]),
  ];
  const { pictures = null, promptCharacters: characters = null } = context;
  const units = deployment.value && assumedUnits(action, { pictures, characters }, deployment.value);
  return ok({
    ask: {
      ...asked,
      clientAddress: await countedAddress(ports, caller, snapshot),
      price: deployment.value && dearestPrice(deployment.value),
      ...(units && { units }),
    },
    deployment: deployment.value,
    body: null,
    sent: context,
    outsideContent: false,
    namesOutput: stated !== undefined,
    // The caller's counts are what there is.
    refine: null,
    // Neither the way the request came nor today's price makes it another request.
    idempotency: { requestId, askHash: await sha256Hex(JSON.stringify(hashed)) },
  });
}
