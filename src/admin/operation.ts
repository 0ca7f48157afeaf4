/**
 * One operation of the control plane: its description, which is data, and what it does. Parsing happens here, once,
 * after the key was checked and before anything is read or written, with the schemas that the description names.
 */
import * as z from "zod";
import type { ApiKey } from "../capability/api-key.ts";
import type { RequestId } from "../kernel/ids.ts";
import { MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { parseDocument } from "../kernel/parse-document.ts";
import type { BodySource } from "../kernel/read-bounded-bytes.ts";
import { isFormBody, readFormBody } from "../kernel/read-form-body.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type IfMatch, parseIfMatch } from "./if-match.ts";
import { isConditional, type OperationDescription } from "./operation-description.ts";

export interface Answer {
  readonly status: 200 | 201 | 204;
  /** Absent on 204. */
  readonly body?: unknown;
  /** The revision a write made, repeated as a header since a 204 has no body. */
  readonly revision?: number;
  /** Of the object that the body shows, without the write's revision. */
  readonly etag?: string;
}

export interface Caller {
  readonly apiKey: ApiKey;
  readonly requestId: RequestId;
}

/** A request before its query and body are parsed. */
export interface RawCall extends Caller {
  readonly searchParams: URLSearchParams;
  readonly source: BodySource;
  /** A path parameter, as the caller wrote it. */
  param(name: string): string;
}

export interface Call<Q, B> extends Caller {
  readonly query: Q;
  readonly body: B;
  readonly ifMatch: IfMatch;
  param(name: string): string;
}

export interface Operation {
  readonly description: OperationDescription;
  run(call: RawCall): Promise<Result<Answer>>;
}

export const operation = <Q extends z.ZodType, B extends z.ZodType>(
  description: OperationDescription<Q, B>,
  handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<Result<Answer>>,
): Operation => ({
  description,
  async run({ searchParams, source, param, apiKey, requestId }) {
    const query = parseQuery(description.query, searchParams);
    if (!query.ok) return query;
    const ifMatch = isConditional(description) ? parseIfMatch(source.headers.get("if-match")) : ok(null);
    if (!ifMatch.ok) return ifMatch;
    const body = await parseBody(description, source);
    if (!body.ok) return body;
    return handle({
      query: query.value,
      body: body.value,
      ifMatch: ifMatch.value,
      param,
      apiKey,
      requestId,
    });
  },
});

function parseQuery<Q extends z.ZodType>(schema: Q, searchParams: URLSearchParams): Result<z.output<Q>> {
  const query: Record<string, string> = {};
  for (const [name, value] of searchParams) {
    if (Object.hasOwn(query, name)) {
      return fail(refuse("query_invalid", { field: name, message: `\`${name}\` is given twice.` }));
    }
    query[name] = value;
  }
  return parseDocument(schema, query, "query_invalid");
}

async function parseBody<B extends z.ZodType>(
  { body: schema, acceptsForm = false }: OperationDescription<z.ZodType, B>,
  source: BodySource,
): Promise<Result<z.output<B>>> {
  const read = schema instanceof z.ZodUndefined ? ok(undefined) : await readBody(source, acceptsForm);
  return read.ok ? parseDocument(schema, read.value, "body_invalid") : read;
}

const readBody = (source: BodySource, acceptsForm: boolean): Promise<Result<unknown>> =>
  acceptsForm && isFormBody(source)
    ? readFormBody(source, MAX_ADMIN_BODY_BYTES)
    : readJsonBody(source, MAX_ADMIN_BODY_BYTES);
