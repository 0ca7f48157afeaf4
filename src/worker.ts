/**
 * The Worker's entry and only composition root: bindings in, app out. Everything is constructed once per isolate and
 * keeps values, never promises, across requests. Durable Objects are re-exported for the platform to find.
 */
import { Hono } from "hono";
import { createOpenApiRoutes } from "./admin/openapi.routes.ts";
import { consumeRecords } from "./audit/consume-records.ts";
import type { Env } from "./bindings.ts";
import { type Composed, compose } from "./compose.ts";
import { createDataPlane } from "./gateway/data-plane.routes.ts";
import { gatewayRoutes } from "./gateway/described-routes.ts";
import { createEnforceRoutes } from "./gateway/enforce.routes.ts";
import { createEntraIssuerRoutes } from "./gateway/entra-issuer.routes.ts";
import { createHealthRoutes } from "./gateway/health.routes.ts";
import { createTokenExchangeRoutes } from "./gateway/token-exchange.routes.ts";
import { createUsageReportRoutes } from "./gateway/usage-report.routes.ts";
import { createWellKnownRoutes } from "./gateway/well-known.routes.ts";
import { logFailure } from "./kernel/failure-log.ts";
import { refuse } from "./kernel/refusal.ts";
import { problemResponse } from "./kernel/wire.ts";

export { AgentLedger } from "./quota/agent-ledger.object.ts";
export { TenantLedger } from "./quota/tenant-ledger.object.ts";

const composed = new WeakMap<Env, Composed>();

async function composedOf(env: Env): Promise<Composed> {
  const known = composed.get(env);
  if (known) {
    known.flushCounts();
    return known;
  }
  const made = await compose(env);
  composed.set(env, made);
  return made;
}

const portsOf = async (env: Env) => (await composedOf(env)).gatewayOfRequest();

/** What anybody may read, and nobody may write. */
const openPaths = gatewayRoutes
  .filter(({ credential }) => credential.kind === "none")
  .map(({ path }) => path)
  .concat("/v1/docs");

const app = new Hono<{ Bindings: Env }>()
  .route(
    "/",
    createWellKnownRoutes(composedOf, () => newRequestId()),
  )
  .route(
    "/",
    createEntraIssuerRoutes(composedOf, () => newRequestId()),
  )
  .route("/", createHealthRoutes(composedOf))
  .route("/", createDataPlane(portsOf))
  .route("/", createEnforceRoutes(portsOf))
  .route("/", createUsageReportRoutes(portsOf))
  .route("/", createTokenExchangeRoutes(portsOf))
  .route(
    "/",
    createOpenApiRoutes(gatewayRoutes, () => newRequestId()),
  )
  .on("ALL", openPaths, () =>
    problemResponse(refuse("method_not_allowed"), newRequestId(), { allow: "GET, HEAD" }),
  )
  .all("/v1/*", async ({ env, req }) => (await composedOf(env)).controlPlane.fetch(req.raw))
  .notFound(() => problemResponse(refuse("route_unknown"), newRequestId()))
  .onError((error) => {
    const requestId = newRequestId();
    logFailure({ event: "request_failed", error, requestId });
    return problemResponse(refuse("internal_error"), requestId);
  });

/** Where not even the ports could be made, the id comes from the platform. */
const newRequestId = (): string => `request_${crypto.randomUUID().replaceAll("-", "")}`;

export default {
  fetch: app.fetch,

  async queue(batch, env) {
    const { homes, auditLog } = await composedOf(env);
    const home = homes.find((name) => batch.queue.endsWith(`audit-${name}`));
    // Not acknowledged: a queue that no home owns ends in its dead-letter queue.
    if (!home) return batch.retryAll();
    await consumeRecords(batch, home, auditLog);
  },

  async scheduled(_controller, env) {
    await (await composedOf(env)).sweep();
  },
} satisfies ExportedHandler<Env>;
