/**
 * The control plane, mounted at `/v1`: operations as a table, and around each of them the API key, its scope, and
 * one form for every answer. Mount it after other routes below `/v1`: it answers whatever it does not know.
 */
import { type Context, Hono } from "hono";
import { admitApiKey } from "../capability/admit-api-key.ts";
import type { ApiKey } from "../capability/api-key.ts";
import { requireScope } from "../capability/api-key-auth.ts";
import { logFailure } from "../kernel/failure-log.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { agentOperations } from "./agents.routes.ts";
import { apiKeyOperations } from "./api-keys.routes.ts";
import { approvalWebhookOperations } from "./approval-webhooks.routes.ts";
import { approvalOperations } from "./approvals.routes.ts";
import { auditOperations } from "./audit.routes.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { decisionOperations } from "./decisions.routes.ts";
import { deploymentCheckOperations } from "./deployment-check.routes.ts";
import { deploymentOperations } from "./deployments.routes.ts";
import { doctorOperations } from "./doctor.routes.ts";
import type { Answer, Operation } from "./operation.ts";
import { policyOperations } from "./policies.routes.ts";
import { policyHistoryOperations } from "./policy-history.routes.ts";
import { policyShadowOperations } from "./policy-shadow.routes.ts";
import { policyValidationOperations } from "./policy-validation.routes.ts";
import { quotaOperations } from "./quotas.routes.ts";
import { signingKeyOperations } from "./signing-keys.routes.ts";
import { simulationOperations } from "./simulation.routes.ts";
import { tenantOperations } from "./tenants.routes.ts";
import { tokenRevocationOperations } from "./token-revocation.routes.ts";
import { tokenOperations } from "./tokens.routes.ts";
import { usageOperations } from "./usage.routes.ts";

export function createControlPlane(deps: ControlPlaneDeps): Hono {
  const operations = [
    agentOperations(deps),
    apiKeyOperations(deps),
    approvalOperations(deps),
    approvalWebhookOperations(deps),
    auditOperations(deps),
    decisionOperations(deps),
    deploymentOperations(deps),
    deploymentCheckOperations(deps),
    policyOperations(deps),
    policyHistoryOperations(deps),
    policyShadowOperations(deps),
    signingKeyOperations(deps),
    simulationOperations(deps),
    policyValidationOperations(deps),
    tenantOperations(deps),
    tokenOperations(deps),
    tokenRevocationOperations(deps),
    usageOperations(deps),
    quotaOperations(deps),
    doctorOperations(deps),
  ].flat();
  const app = new Hono();
  const byPath = [...Map.groupBy(operations, ({ description }) => description.path)];
  // A path that is written out comes before one whose parameter it would fit: `/policies/simulate` is no policy.
  for (const [path, sharing] of byPath.toSorted(([left], [right]) => parameters(left) - parameters(right))) {
    for (const operation of sharing)
      app.on(operation.description.method, path, (context) => serve(deps, operation, context));
    const methods = sharing.map(({ description }) => description.method);
    const allow = methods.map((method) => (method === "GET" ? "GET, HEAD" : method)).join(", ");
    app.all(path, () => problemResponse(refuse("method_not_allowed"), deps.ids.request(), { allow }));
  }
  app.all("*", () => problemResponse(refuse("route_unknown"), deps.ids.request()));
  return app;
}

const parameters = (path: string): number => path.split(":").length;

async function serve(deps: ControlPlaneDeps, operation: Operation, context: Context): Promise<Response> {
  const requestId = deps.ids.request();
  try {
    const apiKey = await admit(deps, operation, context);
    if (!apiKey.ok) return problemResponse(apiKey.error, requestId);
    const answer = await operation.run({
      apiKey: apiKey.value,
      requestId,
      searchParams: new URL(context.req.url).searchParams,
      source: context.req.raw,
      param: (name) => context.req.param(name) ?? "",
    });
    return answer.ok ? success(answer.value, requestId) : problemResponse(answer.error, requestId);
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId });
    return problemResponse(refuse("internal_error"), requestId);
  }
}

async function admit(
  deps: ControlPlaneDeps,
  operation: Operation,
  context: Context,
): Promise<Result<ApiKey>> {
  const { clock, shield, startTimer } = deps;
  const door = { find: deps.apiKeys.findByHash, clock, shield, startTimer };
  const apiKey = await admitApiKey(door, context.req.raw.headers);
  if (!apiKey.ok) return apiKey;
  if (operation.description.platformOnly && apiKey.value.tenantId !== null) {
    const message = "The API key belongs to one tenant; this operation needs a key of the platform.";
    return fail(refuse("scope_missing", { message }));
  }
  return requireScope(apiKey.value, operation.description.scope);
}

function success({ status, body, revision, etag }: Answer, requestId: string): Response {
  const headers = new Headers({ "x-request-id": requestId, "cache-control": "no-store" });
  if (revision !== undefined) headers.set("portcullis-revision", String(revision));
  if (etag !== undefined) headers.set("etag", etag);
  if (body === undefined) return new Response(null, { status, headers });
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify(body), { status, headers });
}
