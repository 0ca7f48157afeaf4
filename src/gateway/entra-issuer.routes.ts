/** What Microsoft Entra fetches to verify our assertions. Without keys for it there is nothing to find. */
import { Hono } from "hono";
import { DISCOVERY_PATH, ENTRA_JWKS_PATH, type EntraIssuer } from "../capability/entra-issuer.ts";
import { refuse } from "../kernel/refusal.ts";
import { problemResponse } from "../kernel/wire.ts";

type Published = Pick<EntraIssuer, "discovery" | "published">;

export function createEntraIssuerRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<{ readonly entra: Published | null }>,
  newRequestId: () => string,
) {
  async function answer(env: Bindings, document: (entra: Published) => unknown): Promise<Response> {
    const { entra } = await portsOf(env);
    return entra === null
      ? problemResponse(refuse("route_unknown"), newRequestId())
      : Response.json(document(entra), { headers: { "cache-control": "public, max-age=300" } });
  }
  return new Hono<{ Bindings: Bindings }>()
    .get(DISCOVERY_PATH, ({ env }) => answer(env, ({ discovery }) => discovery))
    .get(ENTRA_JWKS_PATH, ({ env }) => answer(env, ({ published }) => ({ keys: published })));
}
