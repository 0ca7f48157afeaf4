/** What `npm start` writes through the API: deployments, an agent, a policy, a token. What is there stays. */
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Sku } from "../../src/azure/backend.ts";
import type { Credential } from "../../src/azure/credential.ts";
import { Deployment, type DeploymentInput } from "../../src/azure/deployment.ts";
import { DEFAULT_TENANT } from "../../src/kernel/ids.ts";
import type { ControlPlane } from "./control-plane.ts";

/** Where the demo's models are served. */
export interface AzureSite {
  readonly endpoint: string;
  readonly region: string;
  readonly sku: Sku;
  readonly credential: Credential;
}

export const WORKER_SECRET: Credential = { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" };

export interface DemoIdentity {
  readonly tenantId: string;
  readonly agentId: string;
  readonly token: string;
}

export const TOKEN_SECONDS = 3_600;

const models = [
  { name: "gpt-4", maxOutputTokens: 8_192 },
  { name: "gpt-4o-mini", maxOutputTokens: 16_384 },
  { name: "text-embedding-3-small", maxOutputTokens: 0 },
] as const;

const demoPolicy = {
  name: "Demo policy",
  description: "Chat, completions, embeddings and responses on every model, within the demo's limits.",
  tenantId: DEFAULT_TENANT,
  effect: "allow",
  actions: ["chat", "completion", "embedding", "response"],
  resources: ["api://azure-openai/models/*"],
  constraints: {
    maxTokensPerRequest: 4_000,
    maxRequestsPerDay: 10_000,
    allowedTenants: [DEFAULT_TENANT],
    dataClassification: "internal",
  },
} as const;

const Named = z.looseObject({ id: z.string(), name: z.string() });
const NamedAgent = Named.extend({ status: z.string() });
export const IssuedToken = z.looseObject({ token: z.string() });

export async function writeDemoData(controlPlane: ControlPlane, site: AzureSite): Promise<DemoIdentity> {
  for (const model of models) await writeDeployment(controlPlane, model, site);
  const ofTenant = `?tenant=${DEFAULT_TENANT}`;
  const agent =
    (await controlPlane.find(
      `/v1/agents${ofTenant}`,
      NamedAgent,
      ({ name, status }) => name === "demo-agent" && status === "active",
    )) ??
    (await controlPlane.send("POST", "/v1/agents", { name: "demo-agent", tenantId: DEFAULT_TENANT }, Named));
  const policy = await controlPlane.find(
    `/v1/policies${ofTenant}`,
    Named,
    ({ name }) => name === demoPolicy.name,
  );
  if (policy === undefined) await controlPlane.send("POST", "/v1/policies", demoPolicy, Named);
  const order = { agentId: agent.id, expiresIn: TOKEN_SECONDS };
  const { token } = await controlPlane.send("POST", "/v1/tokens", order, IssuedToken);
  return { tenantId: DEFAULT_TENANT, agentId: agent.id, token };
}

async function writeDeployment(
  controlPlane: ControlPlane,
  { name, maxOutputTokens }: (typeof models)[number],
  { endpoint, region, sku, credential }: AzureSite,
): Promise<void> {
  const backend = {
    endpoint,
    azureDeployment: name,
    region,
    sku,
    credential,
  } as const;
  const existing = await controlPlane.find("/v1/deployments", Deployment, (one) => one.name === name);
  if (existing === undefined) {
    const deployment: z.input<typeof DeploymentInput> = {
      name,
      model: name,
      maxOutputTokens,
      backends: [backend],
    };
    await controlPlane.send("POST", "/v1/deployments", deployment, z.unknown());
  } else if (
    !existing.backends.some(
      (one) =>
        one.endpoint === endpoint &&
        one.region === region &&
        one.sku === sku &&
        isDeepStrictEqual(one.credential, credential),
    )
  ) {
    // Only the site moved: limits and prices may have been changed by hand since.
    const moved = { ...existing, backends: [backend] };
    await controlPlane.send("PUT", `/v1/deployments/${name}`, moved, z.unknown());
  }
}
