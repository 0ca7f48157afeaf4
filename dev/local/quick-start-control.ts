/** The quick start's part on the control plane: an agent, a policy, a token, a question. */
import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { ControlPlane } from "./control-plane.ts";
import { PlainFailure } from "./plain-failure.ts";

const ROLE = "quick-start";
const POLICY_NAME = "Quick start";
export const MAX_TOKENS_PER_REQUEST = 1_000;

const Registered = z.looseObject({ id: z.string(), name: z.string() });
const Written = Registered.extend({ revision: z.number() });
const Issued = z.looseObject({ token: z.string(), jti: z.string(), expiresAt: z.string() });
const Enforced = z.looseObject({
  decision: z.string(),
  decisionId: z.string(),
  reasons: z.array(z.looseObject({ code: z.string() })),
});

export const registerAgent = (controlPlane: ControlPlane, tenantId: string) =>
  controlPlane.send(
    "POST",
    "/v1/agents",
    { name: "quick-start-agent", description: "Made by npm run demo", roles: [ROLE], tenantId },
    Registered,
  );

/** One policy however often the demo runs: written the first time, replaced later. */
export async function writePolicy(controlPlane: ControlPlane, tenantId: string) {
  const policy = {
    name: POLICY_NAME,
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/gpt-4o-mini"],
    constraints: {
      allowedRoles: [ROLE],
      maxTokensPerRequest: MAX_TOKENS_PER_REQUEST,
      maxRequestsPerDay: 1_000,
    },
  };
  const path = "/v1/policies";
  const existing = await controlPlane.find(
    `${path}?tenant=${tenantId}`,
    Registered,
    ({ name }) => name === POLICY_NAME,
  );
  return existing === undefined
    ? controlPlane.send("POST", path, { ...policy, tenantId }, Written)
    : controlPlane.send("PUT", `${path}/${existing.id}`, policy, Written);
}

export const tokenFor = (controlPlane: ControlPlane, agentId: string) =>
  controlPlane.send("POST", "/v1/tokens", { agentId, expiresIn: 900 }, Issued);

export async function askEnforce(controlPlane: ControlPlane, capabilityToken: string, tenantId: string) {
  const question = {
    requestId: `quick-start-${randomUUID()}`,
    capabilityToken,
    action: "chat",
    resourceId: "api://azure-openai/models/gpt-4o-mini",
    tenantId,
    context: { promptTokens: 20, maxOutputTokens: 100 },
  };
  const answer = await controlPlane.send("POST", "/v1/enforce", question, Enforced);
  if (answer.decision !== "allowed") {
    const codes = answer.reasons.map(({ code }) => code).join(", ");
    throw new PlainFailure(`/v1/enforce was expected to allow, but it answered ${answer.decision}: ${codes}`);
  }
  return answer;
}
