/** What anybody may know of this gateway's tokens: the keys that verify them, and where things are (RFC 8414, RFC 9728). */
import { Hono } from "hono";
import { JWKS_PATH } from "../capability/key-ring.ts";
import {
  AUTHORIZATION_SERVER_PATH,
  type Gateway,
  metadataAt,
  PROTECTED_RESOURCE_PATH,
} from "../capability/oauth-metadata.ts";
import type { PublishedKeys } from "../capability/published-keys.ts";
import { JWKS_CACHE_SECONDS } from "../kernel/token-limits.ts";
import { problemResponse } from "../kernel/wire.ts";

export interface WellKnownPorts {
  readonly publishedKeys: PublishedKeys;
  readonly config: Gateway;
}

const published = (document: object): Response =>
  Response.json(document, { headers: { "cache-control": `public, max-age=${JWKS_CACHE_SECONDS}` } });

export function createWellKnownRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<WellKnownPorts>,
  newRequestId: () => string,
) {
  return new Hono<{ Bindings: Bindings }>()
    .get(JWKS_PATH, async ({ env }) => {
      const keys = await (await portsOf(env)).publishedKeys();
      return keys.ok ? published(keys.value) : problemResponse(keys.error, newRequestId());
    })
    .on(
      "GET",
      [AUTHORIZATION_SERVER_PATH, PROTECTED_RESOURCE_PATH].flatMap((path) => [path, `${path}/*`]),
      async ({ env, req, notFound }) => {
        const document = metadataAt(req.path, (await portsOf(env)).config);
        return document === undefined ? notFound() : published(document);
      },
    );
}
