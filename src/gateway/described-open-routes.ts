/** The routes that anybody may read, as data for the OpenAPI description: published keys, metadata, health. */
import * as z from "zod";
import { DISCOVERY_PATH, ENTRA_JWKS_PATH } from "../capability/entra-issuer.ts";
import { JWKS_PATH } from "../capability/key-ring.ts";
import {
  AUTHORIZATION_SERVER_PATH,
  AuthorizationServerMetadata,
  PROTECTED_RESOURCE_PATH,
  ProtectedResourceMetadata,
} from "../capability/oauth-metadata.ts";
import type { RouteDescription } from "../kernel/route-description.ts";

const Health = z.strictObject({ status: z.enum(["ok", "ill"]) }).meta({ id: "Health" });
const ReadinessReply = z
  .strictObject({
    status: z.enum(["ok", "ill"]),
    stores: z.record(z.string(), z.enum(["ok", "ill"])).optional(),
  })
  .meta({ id: "Readiness" });
const Jwks = z
  .strictObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) })
  .meta({ id: "Jwks", description: "RFC 7517." });
const Discovery = z
  .strictObject({
    issuer: z.url(),
    jwks_uri: z.url(),
    response_types_supported: z.array(z.string()),
    subject_types_supported: z.array(z.string()),
    id_token_signing_alg_values_supported: z.array(z.string()),
  })
  .meta({ id: "OpenIdConfiguration" });
const Description = z.looseObject({ openapi: z.string() }).meta({ id: "OpenApi" });

const forAnybody = {
  method: "GET",
  tag: "gateway",
  credential: { kind: "none" },
  params: {},
  query: null,
  body: null,
  errors: "problem",
  refusals: [],
} as const;

export const openRoutes: readonly RouteDescription[] = [
  {
    ...forAnybody,
    path: JWKS_PATH,
    operationId: "getKeys",
    summary: "The public keys of capability tokens, and of receipts (`portcullis_use` is `receipt`).",
    answer: { status: 200, schema: Jwks },
    refusals: ["store_unavailable"],
  },
  {
    ...forAnybody,
    path: AUTHORIZATION_SERVER_PATH,
    operationId: "getAuthorizationServerMetadata",
    summary: "Where tokens are issued, revoked and looked at (RFC 8414).",
    answer: {
      status: 200,
      schema: AuthorizationServerMetadata.meta({ id: "AuthorizationServerMetadata" }),
    },
  },
  {
    ...forAnybody,
    path: PROTECTED_RESOURCE_PATH,
    operationId: "getProtectedResourceMetadata",
    summary: "What a client of the data plane needs to know before it has a token (RFC 9728).",
    answer: { status: 200, schema: ProtectedResourceMetadata.meta({ id: "ProtectedResourceMetadata" }) },
  },
  {
    ...forAnybody,
    path: DISCOVERY_PATH,
    operationId: "getEntraDiscovery",
    summary: "Where Microsoft Entra finds the keys of this gateway's assertions.",
    answer: { status: 200, schema: Discovery },
    refusals: ["route_unknown"],
  },
  {
    ...forAnybody,
    path: ENTRA_JWKS_PATH,
    operationId: "getEntraKeys",
    summary: "The public keys of this gateway's assertions for Microsoft Entra.",
    answer: { status: 200, schema: Jwks },
    refusals: ["route_unknown"],
  },
  {
    ...forAnybody,
    path: "/v1/openapi.json",
    operationId: "getDescription",
    summary: "This description.",
    answer: { status: 200, schema: Description },
  },
  {
    ...forAnybody,
    path: "/v1/health",
    operationId: "getHealth",
    summary: "This Worker is configured and answers, whatever its stores do.",
    answer: { status: 200, schema: Health, otherwise: 503 },
  },
  {
    ...forAnybody,
    path: "/v1/ready",
    operationId: "getReadiness",
    summary: "It can decide, or which store is ill.",
    answer: { status: 200, schema: ReadinessReply, otherwise: 503 },
  },
];
