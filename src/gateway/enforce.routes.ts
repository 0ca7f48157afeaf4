/** `POST /v1/enforce`: an API key, a capability token, a question; every decision is a 200. */
import { Hono } from "hono";
import { logFailure } from "../kernel/failure-log.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { RECEIPT_HEADER } from "../residency/receipt.ts";
import { type Enforced, type EnforcePorts, enforce } from "./enforce.ts";
import { type EnforceDoorPorts, throughEnforceDoor } from "./enforce-door.ts";
import { EnforceRequest } from "./enforce-request.ts";
import { setRateLimits } from "./rate-limit-headers.ts";
import { createServerTiming, type ServerTiming } from "./server-timing.ts";
import { timedPorts } from "./timed-ports.ts";

export interface EnforceRoutePorts extends EnforcePorts, EnforceDoorPorts {}

export function createEnforceRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<EnforceRoutePorts>,
) {
  return new Hono<{ Bindings: Bindings }>()
    .post("/v1/enforce", async (context) => {
      const ports = await portsOf(context.env);
      const requestId = ports.ids.request();
      const timing = createServerTiming(ports.clock);
      const work = answer(timedPorts(ports, timing), timing, context.req.raw, requestId);
      ports.background(work);
      const reply = await work;
      const response = reply.ok
        ? Response.json(reply.value.reply, {
            headers: { "x-request-id": requestId, "cache-control": "no-store" },
          })
        : problemResponse(reply.error, requestId);
      if (reply.ok) {
        const { limits, receipt } = reply.value;
        setRateLimits(response.headers, limits);
        if (receipt !== null) response.headers.set(RECEIPT_HEADER, receipt);
      }
      response.headers.set("server-timing", timing.header());
      return response;
    })
    .all("/v1/enforce", async ({ env }) => {
      const { ids } = await portsOf(env);
      return problemResponse(refuse("method_not_allowed"), ids.request(), { allow: "POST" });
    });
}

async function answer(
  ports: EnforceRoutePorts,
  timing: ServerTiming,
  request: Request,
  requestId: string,
): Promise<Result<Enforced>> {
  try {
    const asked = await throughEnforceDoor(ports, timing, request, EnforceRequest);
    if (!asked.ok) return asked;
    const { apiKey, body } = asked.value;
    return await enforce(ports, apiKey, body, request);
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId });
    return fail(refuse("internal_error"));
  }
}
