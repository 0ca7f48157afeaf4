/**
 * The whole Worker over real stores and ledgers, driven by the routes' descriptions: objects are made from the
 * examples that the description shows, so a new route brings its own input along.
 */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { AzureError, Problem } from "../../../src/admin/error-schemas.ts";
import { controlPlaneRoutes } from "../../../src/admin/openapi.ts";
import { ApiKeyScope, apiKeyHash, mintApiKeyText } from "../../../src/capability/api-key.ts";
import { gatewayRoutes } from "../../../src/gateway/described-routes.ts";
import { isJsonObject, type JsonObject } from "../../../src/kernel/json.ts";
import { refusalTable } from "../../../src/kernel/refusal.ts";
import type { RouteDescription } from "../../../src/kernel/route-description.ts";
import worker from "../../../src/worker.ts";

export const routes = [...controlPlaneRoutes, ...gatewayRoutes];

export interface CallOptions {
  /** Null = none. */
  readonly key?: string | null;
  readonly token?: string;
  /** Text and streams are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

let calls = 0;

/** As a route takes it: a form has a field for each member. */
export function writtenFor({ body }: RouteDescription, members: object): object {
  if (body?.mediaType !== "multipart/form-data") return members;
  const form = new FormData();
  for (const [name, value] of Object.entries(members)) form.append(name, String(value));
  return form;
}

export async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const { key = rootKey, token, body } = options;
  calls += 1;
  const headers = new Headers({
    // An address of its own for each call: bad credentials are counted by address.
    "cf-connecting-ip": `10.${calls >> 16}.${(calls >> 8) & 255}.${calls & 255}`,
    ...(key === null ? {} : { "x-api-key": key }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined || body instanceof FormData ? {} : { "content-type": "application/json" }),
    ...options.headers,
  });
  const isRaw =
    typeof body === "string" ||
    body instanceof ReadableStream ||
    body instanceof Uint8Array ||
    body instanceof FormData;
  const request = new Request(`https://gateway.test${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    cf: { country: "DE", continent: "EU", isEUCountry: "1", colo: "FRA", tlsVersion: "TLSv1.3" },
  });
  const response = await worker.fetch(request, env, createExecutionContext());
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === "" ? null : JSON.parse(text),
  };
}

export async function makeKey(
  tenantId: string | null,
  scopes: readonly string[] = ApiKeyScope.options,
  expiresAt: string | null = null,
) {
  const text = mintApiKeyText((length) => crypto.getRandomValues(new Uint8Array(length)));
  await env.PLATFORM_DB.prepare(
    `INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at, expires_at)
     VALUES (?1, ?2, 'test', ?3, ?4, ?5, ?6)`,
  )
    .bind(
      `key_${crypto.randomUUID().replaceAll("-", "")}`,
      await apiKeyHash(text),
      JSON.stringify(scopes),
      tenantId,
      "2026-01-01T00:00:00.000Z",
      expiresAt,
    )
    .run();
  return text;
}

const rootKey = await makeKey(null);
const fresh = (prefix: string): string => `${prefix}-${crypto.randomUUID().slice(0, 13)}`;

async function made(path: string, body: object, key = rootKey): Promise<Reply["body"]> {
  const reply = await call("POST", path, { body, key });
  if (reply.status > 201) throw new Error(`POST ${path}: ${reply.status} ${reply.text}`);
  return reply.body;
}

export const ownTenant = fresh("own");
export const foreignTenant = fresh("foreign");
for (const id of [ownTenant, foreignTenant]) await made("/v1/tenants", { id, name: id });
export const foreignKey = await makeKey(foreignTenant);

const agent = await made("/v1/agents", { name: "caller", tenantId: ownTenant });
await made("/v1/policies", {
  name: "everything",
  effect: "allow",
  actions: ["*"],
  resources: ["*"],
  tenantId: ownTenant,
});
export const { token } = await made("/v1/tokens", {
  agentId: agent.id,
  delegation: { maxDepth: 1 },
});
const refreshable = await made("/v1/tokens", { agentId: agent.id, refreshableFor: 86_400 });
const approvedOnly = { type: "model_invocation", actions: ["*"], locations: ["*"] };
/** Of a key of its own: no key decides on what it asked for. */
const askerKey = await makeKey(ownTenant);
const asking = await made(
  "/v1/tokens",
  {
    agentId: agent.id,
    authorizationDetails: [{ ...approvedOnly, constraints: { requiresApproval: true } }],
  },
  askerKey,
);

/** A request that waits for approval. */
async function makeApproval(): Promise<string> {
  const body = {
    requestId: fresh("waits"),
    capabilityToken: asking.token,
    action: "chat",
    resourceId: "api://azure-openai/models/any",
    context: { note: fresh("note") },
  };
  return (await made("/v1/enforce", body, askerKey)).approvalId;
}
await makeApproval();

const deploymentExample = routes.find(({ operationId }) => operationId === "createDeployment")?.body?.example;
export const deployment = fresh("model");
await made("/v1/deployments", { ...objectOf(deploymentExample), name: deployment });

/** Members whose example cannot be real. */
const real: Readonly<Record<string, string>> = {
  agentId: agent.id,
  capabilityToken: token,
  token,
  model: deployment,
};

/** The revisions that made objects, for bodies that name one. */
const madeAt = new Map<string, number>();

export function objectOf(value: unknown): JsonObject {
  if (!isJsonObject(value)) throw new Error("The example is no object.");
  return value;
}

/** The top-level members a body may have, and those it must have. */
export function membersOf({ body }: RouteDescription): {
  readonly all: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
} {
  const shape = shapeOf(body?.schema);
  if (body === null) return { all: {}, required: [] };
  const isRequired = (name: string) =>
    !body.schema.safeParse({ ...objectOf(body.example), [name]: undefined }).success;
  return { all: shape, required: Object.keys(shape).filter(isRequired) };
}

/** The members of an object's schema. */
export function shapeOf(schema: object | null | undefined): Readonly<Record<string, unknown>> {
  const shape: unknown = schema && Reflect.get(schema, "shape");
  return isJsonObject(shape) ? shape : {};
}

/** The route that makes what the path's parameter names: the path before it, else the collection of its kind. */
const creationOf = (path: string): RouteDescription | undefined => {
  const [, collection, kind] = /^(.*)\/:(\w+?)(?:Id)?(?:\/|$)/.exec(path) ?? [];
  const makes = (made: string) => routes.find((route) => route.method === "POST" && route.path === made);
  return makes(collection ?? "") ?? makes(kind === "decision" ? "/v1/enforce" : `/v1/${kind}s`);
};

/** A body that is taken: the example, with what cannot be real replaced, for the tenant if it may name one. */
export function bodyFor(route: RouteDescription, own: JsonObject = {}): JsonObject {
  const example = objectOf(route.body?.example);
  const replaced = Object.entries({ ...real, ...own }).filter(
    ([name]) => name in example && !(name === "model" && route.errors === "problem"),
  );
  const isTenants = "tenantId" in membersOf(route).all;
  return { ...example, ...Object.fromEntries(replaced), ...(isTenants ? { tenantId: ownTenant } : {}) };
}

/** A new object of the collection that this path is about, as the value of its parameter. */
export async function makeObject(path: string): Promise<string> {
  if (path.startsWith("/v1/approvals/")) return makeApproval();
  // Nobody makes one by a call; the one that does not sign can be done without.
  if (path.startsWith("/v1/keys/signing/")) return (await call("GET", "/v1/keys/signing")).body.keys[1].keyId;
  const creation = creationOf(path);
  const parameter = /:(\w+)/.exec(path)?.[1];
  if (creation === undefined || parameter === undefined)
    throw new Error(`Nothing makes an object of ${path}.`);
  const object = await made(creation.path, freshBody(creation));
  const value = object[parameter] ?? object.id;
  madeAt.set(value, object.revision);
  // What an object has one of is put.
  const part = routes.find((route) => route.method === "PUT" && route.path === path && isPart(route));
  if (part) await call("PUT", path.replace(/:\w+/, value), { body: part.body?.example });
  // Records reach the log by the queue.
  if (path.startsWith("/v1/decisions/"))
    await vi.waitFor(
      async () => expect((await call("GET", `/v1/decisions/${value}?tenant=${ownTenant}`)).status).toBe(200),
      { timeout: 10_000, interval: 100 },
    );
  return value;
}

/** Whether the route is about something that an object has one of, and not about the object itself. */
const isPart = ({ path }: RouteDescription): boolean =>
  !/:\w+$/.test(path) && routes.some((route) => route.method === "GET" && route.path === path);

/** The same, under a name that nobody has where names are chosen by callers. */
export function freshBody(route: RouteDescription): JsonObject {
  const chosen = routes
    .filter(({ path }) => path.startsWith(`${route.path}/:`))
    .flatMap(({ params }) => Object.keys(params))
    .filter((name) => name in objectOf(route.body?.example));
  return bodyFor(route, Object.fromEntries(chosen.map((name) => [name, fresh("made")])));
}

export interface Target {
  readonly path: string;
  readonly body: JsonObject | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Where the route is for one object, and a body for it. @param value of the path's parameter. */
export function targetOf(route: RouteDescription, value: string): Target {
  const [parameter] = Object.keys(route.params);
  const path = route.path.replace(/:\w+/, value);
  const revision = madeAt.get(value);
  const own = {
    ...(parameter === undefined ? {} : { [parameter]: value }),
    ...(revision === undefined ? {} : { revision }),
  };
  const isClassic = route.errors === "azure" && !route.path.startsWith("/openai/v1/");
  // An id alone does not tell its tenant, which is the default one unless it is named.
  const isOfTenant = parameter !== undefined && "tenant" in shapeOf(route.query);
  return {
    path: isClassic ? `${path}?api-version=2024-10-21` : isOfTenant ? `${path}?tenant=${ownTenant}` : path,
    body: route.body === null ? undefined : parameter === undefined ? freshBody(route) : bodyFor(route, own),
    headers: {},
  };
}

/** A value for the path's parameter, and a valid call around it. */
export async function validTarget(route: RouteDescription): Promise<Target> {
  if (Object.keys(route.params).length === 0) return targetOf(route, "");
  if (route.errors === "azure") return targetOf(route, "deployment" in route.params ? deployment : "resp_1");
  return targetOf(route, await makeObject(route.path));
}

/** Where the object itself is: the path as far as the parameter that names it, or as far as its part. */
export const objectPathOf = (route: RouteDescription, value: string): string =>
  route.path.replace(isPart(route) ? /:\w+/ : /:\w+.*$/, value);

/** The credential that opens the route. */
export const opened = ({ credential, operationId }: RouteDescription): CallOptions =>
  credential.kind === "token"
    ? { key: null, token: operationId === "refreshToken" ? refreshable.token : token }
    : {};

/** Holds a refusal against its documented form, and against what its route says it may answer. */
export function expectRefusal(
  route: RouteDescription,
  reply: Reply,
  expected: { readonly code: string; readonly field?: unknown },
): void {
  const isProblem = route.errors === "problem";
  const refusal = isProblem ? Problem.parse(reply.body) : AzureError.parse(reply.body).error;
  const field = "param" in refusal ? (refusal.param ?? undefined) : refusal.field;
  expect({ ...refusal, field }).toMatchObject(expected);
  expect(reply.status).toBe(refusalTable[refusal.code].status);
  expect(reply.headers.get("content-type")).toBe(isProblem ? "application/problem+json" : "application/json");
  expect(reply.headers.get("x-request-id")).toMatch(/^request_[0-9a-f]{32}$/);
  if (refusal.code !== "method_not_allowed") expect(route.refusals).toContain(refusal.code);
}
