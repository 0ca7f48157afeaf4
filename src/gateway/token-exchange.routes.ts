/** `POST /v1/tokens/exchange`: the parent is sent as `subject_token`, or as on the data plane; no API key. */
import { Hono } from "hono";
import { logFailure } from "../kernel/failure-log.ts";
import { MAX_ADMIN_BODY_BYTES } from "../kernel/limits.ts";
import { parseDocument } from "../kernel/parse-document.ts";
import { isFormBody, readFormBody } from "../kernel/read-form-body.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { problemResponse } from "../kernel/wire.ts";
import { checkConstraints } from "../policy/check-policy.ts";
import { placeOfRequest } from "../residency/place.ts";
import { authenticateToken } from "./authenticate.ts";
import { EXCHANGE_PATH, type ExchangedToken, ExchangeRequest, membersOfForm } from "./exchange-request.ts";
import { type Exchange, type ExchangePorts, exchangeToken } from "./exchange-token.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { presentedToken } from "./presented-token.ts";

export interface ExchangeRoutePorts extends ExchangePorts, Pick<GatewayPorts, "background"> {}

export function createTokenExchangeRoutes<Bindings extends object>(
  portsOf: (env: Bindings) => Promise<ExchangeRoutePorts>,
) {
  return new Hono<{ Bindings: Bindings }>()
    .post(EXCHANGE_PATH, async (context) => {
      const ports = await portsOf(context.env);
      const ids = { requestId: ports.ids.request(), decisionId: ports.ids.decision() };
      const work = answer(ports, context.req.raw, ids);
      // What was recorded as issued is kept whole, whoever has left meanwhile.
      ports.background(work);
      const reply = await work;
      const response = reply.ok
        ? Response.json(reply.value, {
            headers: { "x-request-id": ids.requestId, "cache-control": "no-store" },
          })
        : problemResponse(reply.error, ids.requestId);
      response.headers.set("portcullis-decision", ids.decisionId);
      return response;
    })
    .all(EXCHANGE_PATH, async ({ env }) => {
      const { ids } = await portsOf(env);
      return problemResponse(refuse("method_not_allowed"), ids.request(), { allow: "POST" });
    });
}

async function answer(
  ports: ExchangeRoutePorts,
  http: Request,
  ids: Pick<Exchange, "requestId" | "decisionId">,
): Promise<Result<ExchangedToken>> {
  try {
    const request = await readRequest(http);
    if (!request.ok) return request;
    const token = parentToken(http.headers, request.value);
    const parent = await authenticateToken(ports, http.headers, token);
    if (!parent.ok) return parent;
    if (!token.ok) return token;
    return await exchangeToken(ports, {
      ...ids,
      place: placeOfRequest(http),
      parent: parent.value,
      parentToken: token.value,
      request: request.value,
    });
  } catch (error) {
    logFailure({ event: "request_failed", error, requestId: ids.requestId });
    return fail(refuse("internal_error"));
  }
}

/** Nothing in it is for a model; the parent may stand in it, so it is read before anybody is known. */
async function readRequest(http: Request): Promise<Result<ExchangeRequest>> {
  const read = await readMembers(http);
  if (!read.ok) return read;
  const parsed = parseDocument(ExchangeRequest, read.value, "body_invalid");
  if (!parsed.ok) return parsed;
  for (const [index, { constraints }] of (parsed.value.authorization_details ?? []).entries()) {
    const refusal = checkConstraints(constraints, `authorization_details[${index}].constraints`);
    if (refusal !== null) return fail(refusal);
  }
  return parsed;
}

async function readMembers(http: Request): Promise<Result<unknown>> {
  if (!isFormBody(http)) return readJsonBody(http, MAX_ADMIN_BODY_BYTES);
  const form = await readFormBody(http, MAX_ADMIN_BODY_BYTES);
  return form.ok ? ok(membersOfForm(form.value)) : form;
}

function parentToken(headers: Headers, { subject_token: subject }: ExchangeRequest): Result<string> {
  const presented = presentedToken(headers);
  if (subject === undefined) return presented;
  if (!headers.has("api-key") && !headers.has("authorization")) return ok(subject);
  return presented.ok && presented.value !== subject ? fail(refuse("credentials_conflict")) : presented;
}
