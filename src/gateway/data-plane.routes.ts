/** The data plane: everything under /openai. Paths are matched by the surface table, not by a router, so that what is not in it is refused. */
import { Hono } from "hono";
import { routeOf } from "../azure/route.ts";
import { refuse } from "../kernel/refusal.ts";
import { azureError, type Received } from "./azure-error.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { answerModelCall } from "./model-call.ts";
import { answerModelList } from "./model-list.ts";

/** @param portsOf constructs what the gateway needs, which fails on a misconfigured Worker. */
export function createDataPlane<Bindings extends object>(portsOf: (env: Bindings) => Promise<GatewayPorts>) {
  return new Hono<{ Bindings: Bindings }>().all("/openai/*", async (context) => {
    const ports = await portsOf(context.env);
    const received: Received = { request: context.req.raw, requestId: ports.ids.request() };
    const work = answer(ports, received);
    // Settling and draining outlast a caller who leaves before the answer.
    ports.background(work);
    return work;
  });
}

async function answer(ports: GatewayPorts, received: Received): Promise<Response> {
  const url = new URL(received.request.url);
  const route = routeOf(received.request.method, url.pathname, url.searchParams.get("api-version"));
  if (!route.ok) return azureError(route.error, received);
  try {
    return route.value.kind === "models"
      ? await answerModelList(ports, received)
      : await answerModelCall(ports, received, route.value);
  } catch (error) {
    // The name alone: messages can hold what a request held.
    console.error(
      JSON.stringify({
        requestId: received.requestId,
        failure: error instanceof Error ? error.name : "unknown",
      }),
    );
    return azureError(refuse("internal_error"), received);
  }
}
