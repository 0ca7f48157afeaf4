/** `GET /v1/openapi.json`: the description of every route, generated on the first request, once; `GET /v1/docs` draws it. */
import { Hono } from "hono";
import type { JsonObject } from "../kernel/json.ts";
import type { RouteDescription } from "../kernel/route-description.ts";
import { controlPlaneRoutes, openApiOf } from "./openapi.ts";
import { referencePage } from "./reference-page.ts";

/** @param otherRoutes the planes that the control plane does not know. */
export function createOpenApiRoutes(otherRoutes: readonly RouteDescription[], newRequestId: () => string) {
  let document: JsonObject | undefined;
  return new Hono()
    .get("/v1/openapi.json", () => {
      document ??= openApiOf([...controlPlaneRoutes, ...otherRoutes]);
      return Response.json(document, {
        headers: { "x-request-id": newRequestId(), "cache-control": "public, max-age=300" },
      });
    })
    .get("/v1/docs", () => referencePage(newRequestId()));
}
