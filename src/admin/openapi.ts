/**
 * The OpenAPI 3.1 description, generated from the routes' own descriptions: the schemas in it are the ones that
 * validate. Routes of other planes come in as data, since the control plane does not know the gateway.
 */
import type * as z from "zod";
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import { type RefusalCode, refusalTable } from "../kernel/refusal.ts";
import type { RouteAnswer, RouteDescription } from "../kernel/route-description.ts";
import { controlPlaneDescriptions } from "./control-plane-descriptions.ts";
import { AzureError, Problem } from "./error-schemas.ts";
import { type Components, createComponents } from "./openapi-components.ts";
import { routeOfOperation } from "./operation-description.ts";

export const controlPlaneRoutes: readonly RouteDescription[] = controlPlaneDescriptions.map(routeOfOperation);

export function openApiOf(routes: readonly RouteDescription[]): JsonObject {
  const components = createComponents();
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Portcullis",
      version: "v1",
      summary: "One URL in front of Azure OpenAI: capability tokens, policies, quotas, residency and audit.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: sorted(components.schemas),
      responses: sorted(components.responses),
      securitySchemes,
      headers,
    },
  };
}

const securitySchemes = {
  apiKey: { type: "apiKey", in: "header", name: "X-Api-Key", description: "Opens the control plane." },
  capabilityToken: {
    type: "http",
    scheme: "bearer",
    description: "A capability token of `POST /v1/tokens`.",
  },
  capabilityTokenAsApiKey: {
    type: "apiKey",
    in: "header",
    name: "api-key",
    description: "The same token where Azure's SDKs put their key.",
  },
};

const headers = {
  RequestId: { description: "Names this request in problems and logs.", schema: { type: "string" } },
  Receipt: {
    description: "What was allowed, signed (JWS); absent where nothing was.",
    schema: { type: "string" },
  },
  Revision: { description: "The revision this write made.", schema: { type: "integer" } },
  ETag: {
    description:
      "The object's entity tag, for `if-match` of a later write; on a 412 the present one, if any.",
    schema: { type: "string" },
  },
  RateLimitPolicy: {
    description: "The limits that applied, where there are any (draft-ietf-httpapi-ratelimit-headers).",
    schema: { type: "string" },
    example: '"agent-requests-minute";q=60;w=60;qu="requests", "tenant-cost-day";q=100;w=86400;qu="percent"',
  },
  RateLimit: {
    description:
      "What is left of each, this call counted at its most, and the seconds until all of it is free.",
    schema: { type: "string" },
    example: '"agent-requests-minute";r=59;t=61, "tenant-cost-day";r=98;t=43200',
  },
  TightestLimit: {
    description:
      "The tightest limit of this meter; where no limit counts it, what Azure says of its backend.",
    schema: { type: "integer" },
  },
};

const header = (name: keyof typeof headers) => ({ $ref: `#/components/headers/${name}` });

const limitHeaders = {
  "ratelimit-policy": header("RateLimitPolicy"),
  ratelimit: header("RateLimit"),
  ...Object.fromEntries(
    ["limit", "remaining", "reset"].flatMap((what) =>
      ["requests", "tokens"].map((meter) => [`x-ratelimit-${what}-${meter}`, header("TightestLimit")]),
    ),
  ),
};

const securityOf = {
  api_key: (scope: string) => [{ apiKey: [scope] }],
  token: () => [{ capabilityToken: [] }, { capabilityTokenAsApiKey: [] }],
  none: () => [],
};

function operationOf(route: RouteDescription, components: Components): JsonObject {
  const { operationId, tag, summary, credential, body, answer, externalDocs } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(externalDocs === undefined ? {} : { externalDocs: { url: externalDocs } }),
    security: securityOf[credential.kind](credential.kind === "api_key" ? credential.scope : ""),
    parameters: [
      ...pathParameters(route, components),
      ...queryParameters(route, components),
      ...(route.isConditional === true ? [ifMatch] : []),
    ],
    ...(body === null
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              ["application/json", ...(body.acceptsForm ? ["application/x-www-form-urlencoded"] : [])].map(
                (mediaType) => [
                  mediaType,
                  { schema: components.schemaOf(body.schema, "input"), example: body.example },
                ],
              ),
            ),
          },
        }),
    responses: {
      [answer.status]: successOf(answer, components),
      ...(answer.otherwise === undefined ? {} : { [answer.otherwise]: otherwiseOf(answer, components) }),
      ...refusalsOf(route, components),
    },
  };
}

const pathParameters = ({ params }: RouteDescription, components: Components): readonly JsonObject[] =>
  Object.entries(params).map(([name, schema]) => ({
    name,
    in: "path",
    required: true,
    schema: components.schemaOf(schema, "input"),
  }));

function queryParameters({ query }: RouteDescription, components: Components): readonly JsonObject[] {
  if (query === null) return [];
  const { properties, required } = components.schemaOf(query, "input");
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: Array.isArray(required) && required.includes(name),
    schema,
  }));
}

const ifMatch = {
  name: "if-match",
  in: "header",
  required: false,
  description: "The entity tags of which one must be the object's, or `*`. Without it the last write wins.",
  schema: { type: "string" },
};

const successOf = (
  {
    status,
    schema,
    mediaType,
    hasRevision = false,
    hasEtag = false,
    hasLimits = false,
    hasReceipt = false,
  }: RouteAnswer,
  components: Components,
) => ({
  description: successSentence[status],
  headers: {
    "x-request-id": header("RequestId"),
    ...(hasRevision ? { "portcullis-revision": header("Revision") } : {}),
    ...(hasEtag ? { etag: header("ETag") } : {}),
    ...(hasLimits ? limitHeaders : {}),
    ...(hasReceipt ? { "portcullis-receipt": header("Receipt") } : {}),
  },
  ...(schema === null ? {} : contentOf(mediaType ?? "application/json", schema, components)),
});

const otherwiseOf = ({ schema }: RouteAnswer, components: Components) => ({
  description: "Ill.",
  ...(schema === null ? {} : contentOf("application/json", schema, components)),
});

const successSentence = { 200: "Done.", 201: "Created.", 204: "Deleted." } as const;

const errorForms = {
  problem: { mediaType: "application/problem+json", schema: Problem },
  azure: { mediaType: "application/json", schema: AzureError },
} as const;

const PRECONDITION_FAILED = 412;

/** One response per status; its codes stand in a table of their own for programs, in sentences for people. */
function refusalsOf({ refusals, errors }: RouteDescription, components: Components) {
  const { mediaType, schema } = errorForms[errors];
  const byStatus = Map.groupBy(new Set(refusals), (code) => refusalTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      components.responseOf(responseName(errors, status, codes), {
        description: codes.map(sentenceOf).join("\n"),
        ...(status === PRECONDITION_FAILED ? { headers: { etag: header("ETag") } } : {}),
        ...contentOf(mediaType, schema, components),
        "x-refusal-codes": codes,
      }),
    ]),
  );
}

function responseName(form: string, status: number, codes: readonly RefusalCode[]): string {
  const [named, rest] = [codes.slice(0, 3), codes.length - 3];
  return [form, status, ...named, ...(rest > 0 ? [`and_${rest}_more`] : [])].join("-");
}

const sentenceOf = (code: RefusalCode): string => `- \`${code}\`: ${refusalTable[code].sentence}`;

const contentOf = (mediaType: string, schema: z.ZodType, components: Components) => ({
  content: { [mediaType]: { schema: components.schemaOf(schema, "output") } },
});

const sorted = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
