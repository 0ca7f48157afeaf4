/**
 * Entra's token endpoint, Key Vault and ARM, beside the models on the same loopback port. Their requests have a log of
 * their own, so that an empty log of model requests goes on meaning that no prompt came.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { type ArmAccount, armAccountBody, armDeploymentsBody } from "./arm-bodies.ts";
import { checkAssertion } from "./check-assertion.ts";
import { type EntraRefusal, entraRefusals, refusalBody } from "./entra-error.ts";
import type { IdentityRequest, SimulatedIdentity } from "./identity.ts";
import type { IdentityFault } from "./identity-fault.ts";

const ASSERTION_KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const VAULT = "https://vault.azure.net";
export const ARM = "https://management.azure.com";
export const MODEL_AUDIENCES: readonly string[] = [
  "https://cognitiveservices.azure.com",
  "https://ai.azure.com",
];
const resources: readonly string[] = [...MODEL_AUDIENCES, VAULT, ARM];

type IdentityContext = Context<{ Bindings: HttpBindings }>;

export function identityRoutes(identity: SimulatedIdentity, account: ArmAccount) {
  const app = new Hono<{ Bindings: HttpBindings }>();

  /** Enters the request, shows a waiting fault, or answers. */
  async function serve(
    c: IdentityContext,
    at: IdentityRequest["at"],
    answer: (request: IdentityRequest, fault: IdentityFault | undefined) => Promise<Response> | Response,
  ): Promise<Response> {
    const form = at === "token" ? Object.fromEntries(new URLSearchParams(await c.req.text())) : {};
    const { pathname, search } = new URL(c.req.url);
    const authorization = c.req.header("authorization");
    const request: IdentityRequest = { at, path: pathname + search, authorization, form, status: 0 };
    identity.requests.push(request);
    const index = identity.faults.findIndex((fault) => fault.at === at);
    const [fault] = index < 0 ? [] : identity.faults.splice(index, 1);
    if (fault?.kind === "cut") {
      c.env.outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (fault?.kind === "slow") await pause(fault.ms);
    const response =
      fault?.kind === "status"
        ? Response.json({ error: { code: "ServerError", message: "…" } }, { status: fault.status })
        : fault?.kind === "garbage"
          ? c.html("<html>")
          : await answer(request, fault);
    request.status = response.status;
    return response;
  }

  app.post("/:tenant/oauth2/v2.0/token", (c) =>
    serve(c, "token", async ({ form }, fault) => {
      const refusal = await exchangeRefusal(c.req.param("tenant"), form);
      if (refusal !== null) return c.json(refusalBody(refusal), refusal.status);
      const audience = fault?.kind === "wrong-audience" ? ARM : resourceOf(form.scope ?? "");
      const life = fault?.kind === "expired-token" ? 0 : identity.tokenSeconds;
      return c.json({
        token_type: "Bearer",
        expires_in: identity.tokenSeconds,
        ext_expires_in: identity.tokenSeconds,
        access_token: identity.issue(form.client_id ?? "", audience ?? "", life),
      });
    }),
  );

  async function exchangeRefusal(
    tenantId: string,
    form: Readonly<Record<string, string>>,
  ): Promise<EntraRefusal | null> {
    const { grant_type, client_assertion_type, client_assertion, client_id, scope } = form;
    if (grant_type !== "client_credentials" || client_assertion_type !== ASSERTION_KIND) {
      return entraRefusals.parameterMissing;
    }
    if (!client_assertion || !client_id || !scope) return entraRefusals.parameterMissing;
    const { federatedCredentials: credentials, hosts, newCodes } = identity;
    const trust = { credentials, hosts, newCodes };
    const refusal = await checkAssertion(client_assertion, { tenantId, clientId: client_id }, trust);
    if (refusal !== null) return refusal;
    return resourceOf(scope) === undefined ? entraRefusals.scopeInvalid : null;
  }

  const readSecret = (c: IdentityContext) =>
    serve(c, "vault", ({ authorization }) => {
      const name = c.req.param("name") ?? "";
      const version = c.req.param("version") ?? "0".repeat(32);
      const token = bearerIn(authorization, identity);
      if (c.req.query("api-version") === undefined) {
        return c.json({ error: { code: "BadParameter", message: "api-version must be specified" } }, 400);
      }
      if (token?.audience !== VAULT) {
        const challenge = `Bearer authorization="https://login.microsoftonline.com/common", resource="${VAULT}"`;
        const error = { code: "Unauthorized", message: "AKV10032: Invalid issuer or audience." };
        return c.json({ error }, 401, { "www-authenticate": challenge });
      }
      if (identity.withoutRole.has(`vault ${token.clientId}`)) {
        const innererror = { code: "ForbiddenByRbac" };
        return c.json(
          { error: { code: "Forbidden", message: "Caller is not authorized.", innererror } },
          403,
        );
      }
      const value = identity.secrets.get(name);
      return value === undefined
        ? c.json(
            { error: { code: "SecretNotFound", message: `A secret with (name/id) ${name} was not found.` } },
            404,
          )
        : c.json({
            value,
            id: `https://simulated.vault.azure.net/secrets/${name}/${version}`,
            attributes: { enabled: true, created: 1, updated: 1, recoveryLevel: "Recoverable+Purgeable" },
          });
    });
  app.get("/secrets/:name", readSecret);
  app.get("/secrets/:name/:version", readSecret);

  const arm = (body: (id: string) => object) => (c: IdentityContext) =>
    serve(c, "arm", ({ authorization }) => {
      if (bearerIn(authorization, identity)?.audience !== ARM) {
        const error = { code: "AuthenticationFailed", message: "Authentication failed." };
        return c.json({ error }, 401);
      }
      if (c.req.query("api-version") === undefined) {
        const error = { code: "MissingApiVersionParameter", message: "The api-version is required." };
        return c.json({ error }, 400);
      }
      const { subscription, group, name } = c.req.param();
      return c.json(
        body(
          `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.CognitiveServices/accounts/${name}`,
        ),
      );
    });
  const accounts =
    "/subscriptions/:subscription/resourceGroups/:group/providers/Microsoft.CognitiveServices/accounts/:name";
  app.get(
    accounts,
    arm((id) => armAccountBody(id, account)),
  );
  app.get(
    `${accounts}/deployments`,
    arm((id) => armDeploymentsBody(id, account)),
  );
  return app;
}

const resourceOf = (scope: string): string | undefined =>
  resources.find((resource) => scope === `${resource}/.default`);

export function bearerIn(authorization: string | undefined, identity: SimulatedIdentity) {
  const token = authorization?.match(/^Bearer +(.+)$/i)?.[1];
  return token === undefined ? undefined : identity.find(token, Date.now());
}
