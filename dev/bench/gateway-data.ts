/** What the gateway needs before it can be measured: migrations, the first key, and everything else through its API. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import type { Miniflare } from "miniflare";
import { unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import * as z from "zod";
import { DEFAULT_TENANT } from "../../src/kernel/ids.ts";
import { ensureAdminKey } from "../local/admin-key.ts";
import { type ControlPlane, connectControlPlane } from "../local/control-plane.ts";
import { IssuedToken } from "../local/demo-data.ts";
import { projectRoot, wranglerConfig } from "../local/state-folder.ts";
import { deploymentNames } from "./traffic.ts";

const ROLE = "bench";
/** No limit binds, so all that is measured is what keeping it costs. */
export const PLENTY = 1_000_000_000_000;

/** Every check that exists, none of which the traffic fails. */
const policy = {
  name: "Bench policy",
  tenantId: DEFAULT_TENANT,
  effect: "allow",
  actions: ["chat"],
  resources: ["api://azure-openai/models/*"],
  constraints: {
    allowedTenants: [DEFAULT_TENANT],
    allowedRoles: [ROLE],
    maxTokensPerRequest: 4_000,
    maxRequestsPerDay: PLENTY,
    maxTokensPerDay: PLENTY,
    dataClassification: "internal",
    encryptionRequired: true,
  },
};

/** Answers a token that the policy allows. */
export async function prepareGateway(
  miniflare: Miniflare,
  gatewayUrl: string,
  upstreamUrl: string,
  keyFile: string,
): Promise<string> {
  const { d1_databases } = unstable_readConfig({ config: wranglerConfig });
  for (const { binding, migrations_dir = "migrations" } of d1_databases) {
    await migrate(await databaseOf(miniflare, binding), join(projectRoot, migrations_dir));
  }
  const controlPlane = await controlPlaneOf(miniflare, gatewayUrl, keyFile);
  for (const name of deploymentNames) {
    const backend = {
      endpoint: upstreamUrl,
      azureDeployment: name,
      region: "swedencentral",
      sku: "Standard",
      credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
    };
    const deployment = { name, model: "gpt-4", maxOutputTokens: 8_192, backends: [backend] };
    await controlPlane.send("POST", "/v1/deployments", deployment, z.unknown());
  }
  await controlPlane.send("POST", "/v1/policies", policy, z.unknown());
  return addAgent(controlPlane, "bench-agent", ROLE);
}

/** The control plane of a gateway that is prepared. */
export async function controlPlaneOf(
  miniflare: Miniflare,
  gatewayUrl: string,
  keyFile: string,
): Promise<ControlPlane> {
  const adminKey = await ensureAdminKey(await databaseOf(miniflare, "PLATFORM_DB"), keyFile);
  return connectControlPlane(gatewayUrl, adminKey);
}

export interface Fleet {
  readonly role: string;
  readonly agents: number;
  /** Limits of the one policy that allows these agents. */
  readonly constraints: Readonly<Record<string, unknown>>;
}

/** More agents of the same tenant, on a gateway that is prepared. Answers a token for each. */
export async function prepareFleet(
  miniflare: Miniflare,
  gatewayUrl: string,
  keyFile: string,
  { role, agents, constraints }: Fleet,
): Promise<readonly string[]> {
  const controlPlane = await controlPlaneOf(miniflare, gatewayUrl, keyFile);
  const ofFleet = { ...policy.constraints, ...constraints, allowedRoles: [role] };
  const grant = { ...policy, name: `Bench policy of ${role}`, constraints: ofFleet };
  await controlPlane.send("POST", "/v1/policies", grant, z.unknown());
  const tokens: string[] = [];
  for (let index = 0; index < agents; index++)
    tokens.push(await addAgent(controlPlane, `${role}-${index}`, role));
  return tokens;
}

async function addAgent(controlPlane: ControlPlane, name: string, role: string): Promise<string> {
  const newAgent = { name, tenantId: DEFAULT_TENANT, roles: [role] };
  const { id } = await controlPlane.send("POST", "/v1/agents", newAgent, z.looseObject({ id: z.string() }));
  const order = { agentId: id, expiresIn: 3_600 };
  const { token } = await controlPlane.send("POST", "/v1/tokens", order, IssuedToken);
  return token;
}

/** Miniflare brings types of its own for the same interface. */
const databaseOf = async (miniflare: Miniflare, binding: string): Promise<D1Database> =>
  (await miniflare.getD1Database(binding)) as unknown as D1Database;

async function migrate(database: D1Database, directory: string): Promise<void> {
  for (const file of readdirSync(directory).sort()) {
    if (!file.endsWith(".sql")) continue;
    const statements = unstable_splitSqlQuery(readFileSync(join(directory, file), "utf8"));
    await database.batch(statements.map((statement) => database.prepare(statement)));
  }
}
