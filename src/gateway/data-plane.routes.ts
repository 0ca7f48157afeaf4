/** The data plane: everything under /openai. Paths are matched by the surface table, not by a router, so that what is not in it is refused. */
import { Hono } from "hono";
import { routeOf } from "../azure/route.ts";
import { logFailure } from "../kernel/failure-log.ts";
import { refuse } from "../kernel/refusal.ts";
import { answerUnrouted } from "./answer-unrouted.ts";
import { azureError, type Received } from "./azure-error.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { answerModelCall } from "./model-call.ts";
import { answerModelList } from "./model-list.ts";
import { createServerTiming } from "./server-timing.ts";
import { answerStoredCall } from "./stored-call.ts";
import { timedPorts } from "./timed-ports.ts";

/** @param portsOf constructs what the gateway needs, which fails on a misconfigured Worker. */
export function createDataPlane<Bindings extends object>(portsOf: (env: Bindings) => Promise<GatewayPorts>) {
  return new Hono<{ Bindings: Bindings }>().all("/openai/*", async (context) => {
    const ports = await portsOf(context.env);
    const received: Received = {
      request: context.req.raw,
      requestId: ports.ids.request(),
      resourceMetadata: ports.resourceMetadata,
    };
    const work = answerTimed(ports, received);
    // Settling and draining outlast a caller who leaves before the answer.
    ports.background(work);
    return work;
  });
}

async function answerTimed(ports: GatewayPorts, received: Received): Promise<Response> {
  const timing = createServerTiming(ports.clock);
  const response = await answer(timedPorts(ports, timing), received);
  response.headers.set("server-timing", timing.header());
  return response;
}

async function answer(ports: GatewayPorts, received: Received): Promise<Response> {
  const { request } = received;
  const { pathname, searchParams } = new URL(request.url);
  const isWebSocket = request.headers.get("upgrade")?.toLowerCase() === "websocket";
  const route = routeOf(request.method, pathname, searchParams.get("api-version"), isWebSocket);
  try {
    if (!route.ok) return await answerUnrouted(ports, received, route.error);
    switch (route.value.kind) {
      case "models":
        return await answerModelList(ports, received);
      case "stored":
        return await answerStoredCall(ports, received, route.value);
      default:
        return await answerModelCall(ports, received, route.value);
    }
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId: received.requestId });
    return azureError(refuse("internal_error"), received);
  }
}
