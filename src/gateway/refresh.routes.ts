/** `POST /v1/tokens/refresh`: no API key, no body; the token itself, presented as to a model. */
import { Hono } from "hono";
import type { ToldToken } from "../capability/told-token.ts";
import { logFailure } from "../kernel/failure-log.ts";
import type { RequestId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { placeOfRequest } from "../residency/place.ts";
import { authenticate } from "./authenticate.ts";
import { type RefreshPorts, refreshToken } from "./refresh-token.ts";

const PATH = "/v1/tokens/refresh";

export function createRefreshRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<RefreshPorts>,
) {
  return new Hono<{ Bindings: Bindings }>()
    .post(PATH, async ({ env, req }) => {
      const ports = await portsOf(env);
      const requestId = ports.ids.request();
      const work = answer(ports, req.raw, requestId);
      // A caller that has gone has its new token all the same: it asks again for it.
      ports.background(work);
      const reply = await work;
      return reply.ok
        ? Response.json(reply.value, { headers: { "x-request-id": requestId, "cache-control": "no-store" } })
        : problemResponse(reply.error, requestId);
    })
    .all(PATH, async ({ env }) => {
      const { ids } = await portsOf(env);
      return problemResponse(refuse("method_not_allowed"), ids.request(), { allow: "POST" });
    });
}

async function answer(
  ports: RefreshPorts,
  request: Request,
  requestId: RequestId,
): Promise<Result<ToldToken>> {
  try {
    const authenticated = await authenticate(ports, request);
    if (!authenticated.ok) return authenticated;
    const issued = await refreshToken(ports, authenticated.value, placeOfRequest(request), requestId);
    if (!issued.ok) return issued;
    const { tokenId, ...told } = issued.value;
    return ok({ ...told, jti: tokenId });
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId });
    return fail(refuse("internal_error"));
  }
}
