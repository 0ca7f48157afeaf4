/** What the gateway needs before it can be measured: migrations, the first key, and everything else through its API. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import type { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import * as z from "zod";
import { DEFAULT_TENANT } from "../../src/kernel/ids.ts";
import { ensureAdminKey } from "../local/admin-key.ts";
import { connectControlPlane } from "../local/control-plane.ts";
import { IssuedToken } from "../local/demo-data.ts";
import { projectRoot } from "../local/state-folder.ts";
import { deploymentNames } from "./traffic.ts";

const migrations = { PLATFORM_DB: "platform", GLOBAL_DB: "home", EU_DB: "home" } as const;
const ROLE = "bench";
const PLENTY = 1_000_000_000_000;

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
  for (const [binding, directory] of Object.entries(migrations)) {
    await migrate(await databaseOf(miniflare, binding), join(projectRoot, "migrations", directory));
  }
  const adminKey = await ensureAdminKey(await databaseOf(miniflare, "PLATFORM_DB"), keyFile);
  const controlPlane = connectControlPlane(gatewayUrl, adminKey);
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
  const newAgent = { name: "bench-agent", tenantId: DEFAULT_TENANT, roles: [ROLE] };
  const { id } = await controlPlane.send("POST", "/v1/agents", newAgent, z.looseObject({ id: z.string() }));
  await controlPlane.send("POST", "/v1/policies", policy, z.unknown());
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
