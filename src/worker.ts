/**
 * The Worker's entry and only composition root: bindings in, app out. Everything is constructed once per isolate and
 * keeps values, never promises, across requests. Durable Objects are re-exported for the platform to find.
 */
import { Hono } from "hono";
import { consumeRecords } from "./audit/consume-records.ts";
import type { Env } from "./bindings.ts";
import { publicJwks } from "./capability/key-ring.ts";
import { type Composed, compose } from "./compose.ts";
import { createDataPlane } from "./gateway/data-plane.routes.ts";
import { createEnforceRoutes } from "./gateway/enforce.routes.ts";
import { refuse } from "./kernel/refusal.ts";
import { problemOf } from "./kernel/wire.ts";
import { homeNames } from "./residency/home.ts";

export { AgentLedger } from "./quota/agent-ledger.object.ts";
export { TenantLedger } from "./quota/tenant-ledger.object.ts";

const composed = new WeakMap<Env, Composed>();

async function composedOf(env: Env): Promise<Composed> {
  const known = composed.get(env);
  if (known) return known;
  const made = await compose(env);
  composed.set(env, made);
  return made;
}

const portsOf = async (env: Env) => (await composedOf(env)).gateway;

const app = new Hono<{ Bindings: Env }>()
  .get("/.well-known/jwks.json", async ({ env }) => {
    const { keyRing } = await composedOf(env);
    return Response.json(publicJwks(keyRing), { headers: { "cache-control": "public, max-age=300" } });
  })
  .route("/", createDataPlane(portsOf))
  .route("/", createEnforceRoutes(portsOf))
  .all("/v1/*", async ({ env, req }) => (await composedOf(env)).controlPlane.fetch(req.raw))
  .notFound(() => problem(refuse("route_unknown")))
  .onError((error) => {
    // Configuration errors name variables and carry no values; anything else is told by its name alone.
    console.error(
      JSON.stringify({
        event: "internal_error",
        error: error.message.startsWith("Misconfigured Worker") ? error.message : error.name,
      }),
    );
    return problem(refuse("internal_error"));
  });

function problem(refusal: Parameters<typeof problemOf>[0]): Response {
  const { status, headers, body } = problemOf(refusal, `request_${crypto.randomUUID().replaceAll("-", "")}`);
  return new Response(body, { status, headers });
}

export default {
  fetch: app.fetch,

  async queue(batch, env) {
    const home = homeNames.find((name) => batch.queue.endsWith(`audit-${name}`));
    // Not acknowledged: a queue that no home owns ends in its dead-letter queue.
    if (!home) return batch.retryAll();
    await consumeRecords(batch, home, (await composedOf(env)).auditLog);
  },

  async scheduled(_controller, env) {
    await (await composedOf(env)).sweep();
  },
} satisfies ExportedHandler<Env>;
