/**
 * The description of an operation: method, path, the scope it needs, the schemas of query, body and answer, and the
 * refusals of its own. Routing, validation and OpenAPI all read this one value.
 */
import * as z from "zod";
import type { ApiKeyScope } from "../capability/api-key.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import type { RouteAnswer, RouteDescription } from "../kernel/route-description.ts";

export type Method = RouteDescription["method"];

export interface OperationDescription<Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType> {
  readonly method: Method;
  /** Below `/v1`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly scope: ApiKeyScope;
  /** Platform objects are beyond keys that are bound to a tenant. */
  readonly platformOnly?: boolean;
  readonly params?: Readonly<Record<string, z.ZodType>>;
  readonly query: Q;
  readonly body: B;
  /** The body may come as form parameters as well, as OAuth's endpoints take it. */
  readonly acceptsForm?: boolean;
  /** A body that is taken as it stands, ids apart. */
  readonly example?: unknown;
  readonly answer: RouteAnswer;
  /** `If-Match` is heeded: on every PUT, PATCH and DELETE, and where this says so. */
  readonly isConditional?: boolean;
  /** Beyond those that every operation has. */
  readonly refusals?: readonly RefusalCode[];
}

/** Keeps the schemas' own types, which a plain annotation would widen. */
export const described = <Q extends z.ZodType, B extends z.ZodType>(
  description: OperationDescription<Q, B>,
): OperationDescription<Q, B> => description;

export const NoQuery = z.strictObject({});
export const NoBody = z.undefined();

const always = [
  "api_key_missing",
  "api_key_invalid",
  "api_key_expired",
  "too_many_bad_credentials",
  "scope_missing",
  "query_invalid",
  "store_unavailable",
  "internal_error",
] as const satisfies readonly RefusalCode[];
const withBody = [
  "content_type_unsupported",
  "body_missing",
  "body_too_large",
  "body_invalid",
] as const satisfies readonly RefusalCode[];

const ofPreconditions = [
  "precondition_invalid",
  "precondition_failed",
] as const satisfies readonly RefusalCode[];

const conditionalMethods: ReadonlySet<Method> = new Set<Method>(["PUT", "PATCH", "DELETE"]);
export const isConditional = ({ method, isConditional = false }: OperationDescription): boolean =>
  isConditional || conditionalMethods.has(method);

export function routeOfOperation(description: OperationDescription): RouteDescription {
  const { method, path, operationId, summary, scope, params = {}, query, body, answer } = description;
  const { acceptsForm = false } = description;
  const hasBody = !(body instanceof z.ZodUndefined);
  const refusals = new Set<RefusalCode>([
    ...always,
    ...(hasBody ? withBody : []),
    ...(Object.keys(params).length > 0 ? (["not_found"] as const) : []),
    ...(isConditional(description) ? ofPreconditions : []),
    ...(description.refusals ?? []),
  ]);
  return {
    method,
    path: `/v1${path}`,
    operationId,
    tag: path.split("/")[1] ?? "",
    summary,
    credential: { kind: "api_key", scope },
    params,
    query,
    body: hasBody ? { schema: body, example: description.example, acceptsForm } : null,
    answer,
    isConditional: isConditional(description),
    errors: "problem",
    refusals: [...refusals],
  };
}
