/** `POST /v1/enforce`: an API key, a capability token, a question; every decision is a 200. */
import { Hono } from "hono";
import { type ApiKeyAuthPorts, authenticateApiKey, requireScope } from "../capability/api-key-auth.ts";
import { MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { parseDocument } from "../kernel/parse-document.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, type Result } from "../kernel/result.ts";
import { problemOf } from "../kernel/wire.ts";
import { placeOf } from "../residency/place.ts";
import { type EnforcePorts, enforce } from "./enforce.ts";
import { type EnforceReply, EnforceRequest } from "./enforce-request.ts";

export interface EnforceRoutePorts extends EnforcePorts {
  readonly apiKeys: ApiKeyAuthPorts;
}

export function createEnforceRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<EnforceRoutePorts>,
) {
  return new Hono<{ Bindings: Bindings }>().post("/v1/enforce", async (context) => {
    const ports = await portsOf(context.env);
    const requestId = ports.ids.request();
    const work = answer(ports, context.req.raw);
    ports.background(work);
    const reply = await work;
    return reply.ok
      ? Response.json(reply.value, { headers: { "x-request-id": requestId, "cache-control": "no-store" } })
      : problem(reply.error, requestId);
  });
}

async function answer(ports: EnforceRoutePorts, request: Request): Promise<Result<EnforceReply>> {
  try {
    const apiKey = await authenticateApiKey(ports.apiKeys, request.headers.get("x-api-key"));
    if (!apiKey.ok) return apiKey;
    const scoped = requireScope(apiKey.value, "enforce");
    if (!scoped.ok) return scoped;
    const body = await readJsonBody(request, MAX_ADMIN_BODY_BYTES);
    if (!body.ok) return body;
    const parsed = parseDocument(EnforceRequest, body.value, "body_invalid");
    if (!parsed.ok) return parsed;
    const place = placeOf(Reflect.get(request, "cf"), request.headers.get("cf-connecting-ip"));
    return await enforce(ports, apiKey.value, parsed.value, place);
  } catch (error) {
    // The name alone: messages can hold what a request held.
    console.error(JSON.stringify({ failure: error instanceof Error ? error.name : "unknown" }));
    return fail(refuse("internal_error"));
  }
}

function problem(refusal: Refusal, requestId: string): Response {
  const { status, headers, body } = problemOf(refusal, requestId);
  return new Response(body, { status, headers });
}
