/** What Microsoft Entra fetches to verify our assertions. Without keys for it there is nothing to find. */
import { Hono } from "hono";
import { DISCOVERY_PATH, discoveryOf, ENTRA_JWKS_PATH } from "../capability/entra-issuer.ts";
import type { EntraJwk } from "../capability/entra-keys.ts";
import { refuse } from "../kernel/refusal.ts";
import { problemResponse } from "../kernel/wire.ts";

export interface EntraIssuerPorts {
  readonly issuer: string;
  /** Null = none are configured. */
  readonly entraKeys: { readonly published: readonly EntraJwk[] } | null;
}

export function createEntraIssuerRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<EntraIssuerPorts>,
  newRequestId: () => string,
) {
  async function answer(env: Bindings, document: (ports: EntraIssuerPorts) => unknown): Promise<Response> {
    const ports = await portsOf(env);
    return ports.entraKeys === null
      ? problemResponse(refuse("route_unknown"), newRequestId())
      : Response.json(document(ports), { headers: { "cache-control": "public, max-age=300" } });
  }
  return new Hono<{ Bindings: Bindings }>()
    .get(DISCOVERY_PATH, ({ env }) => answer(env, ({ issuer }) => discoveryOf(issuer)))
    .get(ENTRA_JWKS_PATH, ({ env }) => answer(env, ({ entraKeys }) => ({ keys: entraKeys?.published })));
}
