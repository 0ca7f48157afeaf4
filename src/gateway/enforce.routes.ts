/** `POST /v1/enforce`: an API key, a capability token, a question; every decision is a 200. */
import { Hono } from "hono";
import { admitApiKey } from "../capability/admit-api-key.ts";
import { type ApiKeyAuthPorts, requireScope } from "../capability/api-key-auth.ts";
import { logFailure } from "../kernel/failure-log.ts";
import { MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { parseDocument } from "../kernel/parse-document.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { placeOfRequest } from "../residency/place.ts";
import { type EnforcePorts, enforce } from "./enforce.ts";
import { type EnforceReply, EnforceRequest } from "./enforce-request.ts";
import { createServerTiming, type ServerTiming } from "./server-timing.ts";
import { timedPorts } from "./timed-ports.ts";

export interface EnforceRoutePorts extends EnforcePorts {
  readonly apiKeys: ApiKeyAuthPorts;
}

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
        ? Response.json(reply.value, { headers: { "x-request-id": requestId, "cache-control": "no-store" } })
        : problemResponse(reply.error, requestId);
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
): Promise<Result<EnforceReply>> {
  try {
    const { shield, startTimer } = ports;
    const door = { find: ports.apiKeys.find, shield, startTimer };
    const apiKey = await timing.measure("authenticate", () => admitApiKey(door, request.headers));
    if (!apiKey.ok) return apiKey;
    const scoped = requireScope(apiKey.value, "enforce");
    if (!scoped.ok) return scoped;
    const body = await readJsonBody(request, MAX_ADMIN_BODY_BYTES);
    if (!body.ok) return body;
    const parsed = parseDocument(EnforceRequest, body.value, "body_invalid");
    if (!parsed.ok) return parsed;
    const place = placeOfRequest(request);
    return await enforce(ports, apiKey.value, parsed.value, place);
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId });
    return fail(refuse("internal_error"));
  }
}
