/**
 * Azure's two URL forms (reference section 1.2). What comes before a model is checked here: the number of
 * headers, the path with its API version, then the key. That order is assumed.
 */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { isKnownDatedVersion, isV1Version } from "./api-version.ts";
import {
  accessDenied,
  apiVersionNotSupported,
  resourceNotFound,
  roleMissing,
  tokenRefused,
  tooManyHeaders,
} from "./azure-error.ts";
import { azureHeaders } from "./azure-headers.ts";
import { type Delivery, deliver } from "./delivery.ts";
import { noFaults } from "./fault-plan.ts";
import { bearerIn, MODEL_AUDIENCES } from "./identity-routes.ts";
import { answerModelRequest } from "./model-answer.ts";
import { modelCatalogue } from "./model-catalogue.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { readRequestBody } from "./request-body.ts";
import type { Operation } from "./simulated-deployment.ts";
import type { SimulatorContext, SimulatorEnv } from "./simulator-context.ts";
import type { StoredAnswers } from "./stored-answers.ts";

type UrlForm = "dated" | "v1";

const dated: readonly [path: string, operation: Operation][] = [
  ["/openai/deployments/:deployment/chat/completions", "chat"],
  ["/openai/deployments/:deployment/completions", "completions"],
  ["/openai/deployments/:deployment/embeddings", "embeddings"],
  ["/openai/responses", "responses"],
  ["/openai/deployments/:deployment/images/generations", "imageGenerations"],
  ["/openai/deployments/:deployment/images/edits", "imageEdits"],
  // The form names the deployment.
  ["/openai/images/edits", "imageEdits"],
  ["/openai/deployments/:deployment/audio/transcriptions", "transcriptions"],
  ["/openai/deployments/:deployment/audio/translations", "translations"],
  ["/openai/deployments/:deployment/audio/speech", "speech"],
];
const v1: readonly [path: string, operation: Operation][] = [
  ["/openai/v1/chat/completions", "chat"],
  ["/openai/v1/embeddings", "embeddings"],
  ["/openai/v1/responses", "responses"],
  ["/openai/v1/images/generations", "imageGenerations"],
  ["/openai/v1/images/edits", "imageEdits"],
  ["/openai/v1/audio/transcriptions", "transcriptions"],
  ["/openai/v1/audio/translations", "translations"],
  ["/openai/v1/audio/speech", "speech"],
];

/** Of what is kept; their classic paths name no deployment. */
const storedRoutes = [
  ["GET", "responses/:id", "response"],
  ["DELETE", "responses/:id", "deleteResponse"],
  ["POST", "responses/:id/cancel", "cancel"],
  ["GET", "responses/:id/input_items", "inputItems"],
  ["GET", "chat/completions/:id", "completion"],
  ["DELETE", "chat/completions/:id", "deleteCompletion"],
  ["GET", "chat/completions/:id/messages", "messages"],
] as const satisfies readonly (readonly [method: string, path: string, answer: keyof StoredAnswers])[];

export function modelRoutes(context: SimulatorContext): Hono<SimulatorEnv> {
  const app = new Hono<SimulatorEnv>();

  const model = (form: UrlForm, operation: Operation) => async (c: Context<SimulatorEnv>) => {
    const barred = bar(c, form, context);
    if (barred !== undefined) return send(c, context, barred);
    const answer = answerModelRequest(
      {
        operation,
        deployment: c.req.param("deployment"),
        apiVersion: c.req.query("api-version"),
        body: c.get("body"),
      },
      context,
    );
    return send(c, context, answer.reply, answer.delivery, answer.deployment);
  };
  const catalogue = (form: UrlForm) => (c: Context<SimulatorEnv>) =>
    send(c, context, bar(c, form, context) ?? jsonReply(200, modelCatalogue, "refusal"));

  app.use(async (c, next) => {
    const exchange = context.log.open(c.env.incoming, c.env.outgoing);
    c.set("exchange", exchange);
    try {
      const body = await readRequestBody(await c.req.arrayBuffer(), c.req.header("content-type") ?? "");
      c.set("body", body);
      exchange.receiveBody(body.logged);
    } catch {
      // The client left while it was still sending.
      exchange.finish(undefined);
      return RESPONSE_ALREADY_SENT;
    }
    await next();
    return undefined;
  });
  for (const [path, operation] of dated) app.post(path, model("dated", operation));
  for (const [path, operation] of v1) app.post(path, model("v1", operation));
  for (const [method, path, answer] of storedRoutes) {
    const stored = (form: UrlForm) => (c: Context<SimulatorEnv>) => {
      const reading = { id: c.req.param("id") ?? "", query: c.req.query() };
      return send(c, context, bar(c, form, context) ?? context.stored[answer](reading));
    };
    app.on(method, `/openai/${path}`, stored("dated"));
    app.on(method, `/openai/v1/${path}`, stored("v1"));
  }
  app.get("/openai/models", catalogue("dated"));
  app.get("/openai/v1/models", catalogue("v1"));
  app.all("*", (c) => send(c, context, bar(c, undefined, context) ?? resourceNotFound));
  return app;
}

/** Azure's limit; proxies that forward every header they have run into it. */
const maxCustomHeaders = 10;

function bar(
  c: Context<SimulatorEnv>,
  form: UrlForm | undefined,
  context: SimulatorContext,
): Reply | undefined {
  const custom = Object.keys(c.req.header()).filter((name) => name.startsWith("x-"));
  if (custom.length > maxCustomHeaders) return tooManyHeaders;
  const version = c.req.query("api-version");
  if (form === undefined || (form === "dated" && !isKnownDatedVersion(version))) return resourceNotFound;
  const refusal = credentialRefusal(c, context);
  if (refusal !== undefined) return refusal;
  return form === "v1" && !isV1Version(version) ? apiVersionNotSupported : undefined;
}

/** The resource's key in either header, or a token of Entra for models whose holder has the role. */
function credentialRefusal(
  c: Context<SimulatorEnv>,
  { apiKey, identity }: SimulatorContext,
): Reply | undefined {
  const authorization = c.req.header("authorization");
  const bearer = authorization?.match(/^Bearer +(.+)$/i)?.[1];
  if (c.req.header("api-key") === apiKey || bearer === apiKey) return undefined;
  // A key has no dots, a token has two.
  if (bearer?.split(".").length !== 3) return accessDenied;
  const token = bearerIn(authorization, identity);
  if (token === undefined || !MODEL_AUDIENCES.includes(token.audience)) return tokenRefused;
  return identity.withoutRole.has(`models ${token.clientId}`) ? roleMissing : undefined;
}

async function send(
  c: Context<SimulatorEnv>,
  context: SimulatorContext,
  reply: Reply,
  delivery: Delivery = noFaults.delivery,
  deployment?: string,
): Promise<Response> {
  const exchange = c.get("exchange");
  if (deployment !== undefined) exchange.useDeployment(deployment);
  exchange.choose(reply.status);
  const clientRequestId = c.req.header("x-ms-client-request-id");
  const headers = {
    ...azureHeaders(reply.headerSet, {
      region: context.region,
      clientRequestId,
      deployment,
      countsLimits: !c.req.path.endsWith("/responses"),
    }),
    ...reply.headers,
  };
  const outcome = await deliver(c.env.outgoing, reply, headers, delivery, exchange.signal);
  exchange.finish(outcome === "interrupted" ? undefined : outcome);
  return RESPONSE_ALREADY_SENT;
}
