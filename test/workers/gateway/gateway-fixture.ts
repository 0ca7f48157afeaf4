/**
 * The gateway over the platform's real stores and ledgers, with faults injected at its ports and a scripted Azure.
 * Everything is made through the control plane, as a user would.
 */
import { env } from "cloudflare:workers";
import type { AzureCalls, AzureRequest } from "../../../src/azure/azure-calls.ts";
import { createBackendHealths } from "../../../src/azure/backend-healths.ts";
import { createRetryBudget } from "../../../src/azure/retry-budget.ts";
import { ApiKeyScope, apiKeyHash, mintApiKeyText } from "../../../src/capability/api-key.ts";
import { compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { createEnforceRoutes, type EnforceRoutePorts } from "../../../src/gateway/enforce.routes.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";

export const frankfurt = {
  country: "DE",
  continent: "EU",
  isEUCountry: "1",
  colo: "FRA",
  tlsVersion: "TLSv1.3",
};

const pending: Promise<unknown>[] = [];
/** Work that outlasted an answer; resolves when all of it has ended. */
export const backgroundDone = async (): Promise<void> => {
  while (pending.length > 0) await Promise.allSettled(pending.splice(0));
};
const background = (work: Promise<unknown>): void => {
  pending.push(work);
};

const composed = await compose(env, background);

export const adminKey = mintApiKeyText((length) => crypto.getRandomValues(new Uint8Array(length)));
await env.PLATFORM_DB.prepare(
  "INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at) VALUES (?1, ?2, 'test', ?3, NULL, ?4)",
)
  .bind(
    `key_${crypto.randomUUID().replaceAll("-", "")}`,
    await apiKeyHash(adminKey),
    JSON.stringify(ApiKeyScope.options),
    "2026-01-01T00:00:00.000Z",
  )
  .run();

/** The control plane, as it answers. */
export const control = async (
  method: string,
  path: string,
  body?: unknown,
  key = adminKey,
): Promise<Response> =>
  composed.controlPlane.fetch(
    new Request(`https://gateway.test${path}`, {
      method,
      headers: { "x-api-key": key, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

/** The minute's schedule. */
export const { sweep } = composed;

export async function admin(
  method: string,
  path: string,
  body?: unknown,
  key = adminKey,
): Promise<Record<string, unknown>> {
  const response = await control(method, path, body, key);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

export const backend = {
  endpoint: "https://backend.test",
  azureDeployment: "gpt-at-azure",
  region: "swedencentral",
  sku: "Standard",
  credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
};

// One for all tests of a file: a platform write waits until every lease has run out.
const deployment = "gpt";
await admin("POST", "/v1/deployments", {
  name: deployment,
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [backend],
});

let made = 0;
/** A tenant of its own for each test, so that tests cannot meet. */
export async function newCaller(constraints: object = {}, tenant: object = {}) {
  made += 1;
  const tenantId = `tenant-${made}`;
  await admin("POST", "/v1/tenants", { id: tenantId, name: tenantId, ...tenant });
  await admin("POST", "/v1/policies", {
    name: "chat",
    tenantId,
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/*"],
    constraints,
  });
  const agent = await admin("POST", "/v1/agents", { name: "agent", tenantId });
  const agentId = String(agent.id);
  const token = String((await admin("POST", "/v1/tokens", { agentId })).token);
  return { tenantId, deployment, agentId, token };
}

/** A further policy of a tenant, over everything it may do. */
export const newPolicy = ({ tenantId }: { readonly tenantId: string }, policy: object) =>
  admin("POST", "/v1/policies", {
    name: "more",
    tenantId,
    effect: "allow",
    actions: ["*"],
    resources: ["*"],
    ...policy,
  });

export interface ScriptedAzure extends AzureCalls {
  readonly requests: AzureRequest[];
}

export function scriptedAzure(
  answer: (request: AzureRequest) => Response | Promise<Response>,
): ScriptedAzure {
  const requests: AzureRequest[] = [];
  return {
    requests,
    async send(request) {
      requests.push(request);
      return answer(request);
    },
  };
}

export const completion = (
  usage: object | undefined = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 },
): Response => Response.json({ id: "chatcmpl-1", object: "chat.completion", choices: [], usage });

export const ports = composed.gateway;

/** As where the Worker secret that a backend names is not set. */
export const noCredentials: GatewayPorts["credentials"] = {
  credentialOf: async ({ id }) => fail(refuse("backend_unavailable", { evidence: { backend: id } })),
};
/** What an isolate learns of backends: no test must find ill what another one broke. */
export const freshIsolate = () => ({
  backendHealths: createBackendHealths(),
  retryBudget: createRetryBudget(),
});

export interface CallOptions {
  readonly body?: BodyInit | null;
  readonly cf?: object | undefined;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** One chat completion on a classic path, through the data plane with some ports replaced. */
export async function call(
  { deployment, token }: { readonly deployment: string; readonly token: string },
  overrides: Partial<GatewayPorts>,
  { body, cf = frankfurt, headers = {}, signal }: CallOptions = {},
): Promise<Response> {
  const app = createDataPlane(async () => ({ ...ports, ...freshIsolate(), ...overrides }));
  return app.fetch(
    new Request(
      `https://gateway.test/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`,
      {
        method: "POST",
        headers: { "api-key": token, "content-type": "application/json", ...headers },
        body: body ?? JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50 }),
        ...(cf ? { cf } : {}),
        ...(signal ? { signal } : {}),
      } as RequestInit,
    ), // `cf` is the platform's own member of a request's init.
  );
}

/** One question to /v1/enforce, of the test's admin key. */
export async function askEnforce(
  fields: { readonly capabilityToken: string; readonly requestId?: string } & Record<string, unknown>,
  overrides: Partial<EnforceRoutePorts> = {},
  cf?: object,
): Promise<Response> {
  return createEnforceRoutes(async () => ({ ...ports, ...overrides })).fetch(
    new Request("https://gateway.test/v1/enforce", {
      method: "POST",
      headers: { "x-api-key": adminKey, "content-type": "application/json" },
      body: JSON.stringify({
        requestId: crypto.randomUUID(),
        action: "chat",
        resourceId: "api://azure-openai/models/gpt",
        ...fields,
      }),
      ...(cf ? { cf } : {}),
    } as RequestInit), // `cf` is the platform's own member of a request's init.
  );
}

export const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
