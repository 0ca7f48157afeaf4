/**
 * What a route says about itself, whichever plane it belongs to: enough to write its description (OpenAPI) and to
 * try bad input on it. Schemas are the ones that validate; nothing here is a second copy of them.
 */
import type * as z from "zod";
import type { RefusalCode } from "./refusal.ts";

export interface RouteDescription {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the root, parameters as `:name`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly credential:
    | { readonly kind: "api_key"; readonly scope: string }
    | { readonly kind: "token" }
    | { readonly kind: "none" };
  readonly params: Readonly<Record<string, z.ZodType>>;
  /** Null = the query is not looked at. */
  readonly query: z.ZodType | null;
  readonly body: {
    readonly schema: z.ZodType;
    readonly example: unknown;
    /** Absent = JSON. */
    readonly mediaType?: "multipart/form-data";
    /** It may come as form parameters as well. */
    readonly acceptsForm?: boolean;
  } | null;
  readonly answer: RouteAnswer;
  /** `If-Match` is heeded. */
  readonly isConditional?: boolean;
  /** The form of a refusal: an RFC 9457 problem, or Azure's error object for the sake of the SDKs. */
  readonly errors: "problem" | "azure";
  readonly refusals: readonly RefusalCode[];
  /** Who defines body and answer where this gateway passes them on. */
  readonly externalDocs?: string;
}

export interface RouteAnswer {
  readonly status: 200 | 201 | 204;
  /** Null = no body. */
  readonly schema: z.ZodType | null;
  /** Absent = JSON. */
  readonly mediaType?: "application/octet-stream";
  /** The same form under another status, such as a health check that fails. */
  readonly otherwise?: 503;
  /** The write's revision stands in the header `portcullis-revision`. */
  readonly hasRevision?: boolean;
  /** The object's entity tag stands in the header `etag`. */
  readonly hasEtag?: boolean;
  /** What is left of the limits that apply stands in `ratelimit` and `x-ratelimit-*`. */
  readonly hasLimits?: boolean;
  /** An allowed answer carries a signed receipt in the header `portcullis-receipt`. */
  readonly hasReceipt?: boolean;
}
