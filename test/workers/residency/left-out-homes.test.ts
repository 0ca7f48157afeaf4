// A deployment with fewer homes than there can be: it works for those it has, and refuses whatever names another.
import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  getQueueResult,
  listDurableObjectIds,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { configuredHomes, type Env, homeStoresOf } from "../../../src/bindings.ts";
import { compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import { type Home, homeBindings, homeNames } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";
import { changeRecord } from "../../unit/audit/record-fixture.ts";
import { adminKey, call, completion, newCaller, scriptedAzure } from "../gateway/gateway-fixture.ts";

function without(...bindings: readonly string[]): Env {
  const left = Object.entries(env).filter(([name]) => !bindings.includes(name));
  return Object.fromEntries(left) as unknown as Env; // The same object with fewer members.
}
const withoutHomes = (...homes: readonly Home[]) => without(...homes.flatMap(homeBindings));

const onlyGlobal = withoutHomes(...homeNames.filter((home) => home !== "global"));
const composed = await compose(onlyGlobal, () => {});
const gateway = { ...composed.gateway, azure: scriptedAzure(() => completion()) };

async function admin(method: string, path: string, body?: object) {
  const response = await composed.controlPlane.fetch(
    new Request(`https://gateway.test/v1${path}`, {
      method,
      headers: { "x-api-key": adminKey, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    }),
  );
  return { status: response.status, body: JSON.parse(await response.text()) as Record<string, unknown> };
}

const theirs = await newCaller({}, { home: "eu" });
const ours = await newCaller();

describe("configured homes", () => {
  it("are those whose stores are all bound", () => {
    expect(configuredHomes(env)).toEqual(homeNames);
    expect(configuredHomes(withoutHomes("us"))).toEqual(homeNames.filter((home) => home !== "us"));
    expect(configuredHomes(onlyGlobal)).toEqual(["global"]);
    expect(() => homeStoresOf(onlyGlobal, "eu")).toThrow("The home eu has no stores in this deployment.");
  });

  it.each([
    [
      ["US_KV", "US_ARCHIVE"],
      "the home us lacks US_KV, US_ARCHIVE. Bind all of a home's stores in wrangler.toml, or none of them.",
    ],
    [["EU_DB"], "the home eu lacks EU_DB. Bind"],
    [["GLOBAL_AUDIT"], "the home global lacks GLOBAL_AUDIT. Bind all of a home's stores in wrangler.toml."],
    [homeBindings("global"), "the home global lacks GLOBAL_DB, GLOBAL_KV, GLOBAL_AUDIT, GLOBAL_ARCHIVE."],
  ])("are misconfigured without %j alone: such a Worker serves nothing", async (bindings, sentence) => {
    await expect(compose(without(...bindings))).rejects.toThrow(`Misconfigured Worker: ${sentence}`);
  });
});

describe("a deployment of the home global alone", () => {
  it("serves its tenants, is ready, and sweeps", async () => {
    expect((await call(ours, { ...gateway })).status).toBe(200);
    const { isReady, stores } = await composed.readiness();
    expect(isReady).toBe(true);
    expect(Object.keys(stores).map((store) => store.split(".")[0])).not.toContain("eu");
    await composed.sweep();
    await worker.scheduled(createScheduledController(), onlyGlobal);
  });

  it("makes no tenant of another home, and writes nothing of it", async () => {
    const ledgersBefore = (await listDurableObjectIds(env.TENANT_LEDGER)).map(String);
    expect(await admin("POST", "/tenants", { id: "moon", name: "Moon", home: "us" })).toMatchObject({
      status: 422,
      body: {
        code: "home_not_configured",
        field: "home",
        detail: "This deployment has no stores for the home `us`; it has them for: global.",
      },
    });
    expect((await listDurableObjectIds(env.TENANT_LEDGER)).map(String)).toEqual(ledgersBefore);
    const written =
      "SELECT 1 FROM outbox WHERE record LIKE '%moon%' UNION ALL SELECT 1 FROM directory WHERE tenant_id = 'moon'";
    expect(await env.PLATFORM_DB.prepare(written).first()).toBeNull();
    expect((await admin("GET", "/tenants/moon")).status).toBe(404);
    expect((await admin("POST", "/tenants", { id: "earth", name: "Earth" })).status).toBe(201);
  });

  it.each([
    ["GET", `/tenants/${theirs.tenantId}`],
    ["PUT", `/tenants/${theirs.tenantId}`, { name: "n" }],
    ["DELETE", `/tenants/${theirs.tenantId}`],
    ["POST", "/tenants", { id: theirs.tenantId, name: "n" }],
    ["GET", "/tenants"],
    ["POST", "/agents", { name: "a", tenantId: theirs.tenantId }],
    ["GET", `/agents?tenant=${theirs.tenantId}`],
    [
      "POST",
      "/policies",
      { name: "p", tenantId: theirs.tenantId, effect: "deny", actions: ["*"], resources: ["*"] },
    ],
    ["GET", `/policies?tenant=${theirs.tenantId}`],
    ["POST", "/keys", { name: "k", scopes: ["enforce"], tenantId: theirs.tenantId }],
    ["GET", `/audit?tenant=${theirs.tenantId}`],
    ["GET", `/usage?tenant=${theirs.tenantId}`],
  ] as const)("says why it cannot: %s %s", async (method, path, body?: object) => {
    expect(await admin(method, path, body)).toMatchObject({
      status: 422,
      body: { code: "home_not_configured" },
    });
  });

  it("does not find the agents that a home left behind", async () => {
    expect(await admin("GET", `/agents/${theirs.agentId}`)).toMatchObject({ status: 404 });
    expect(await admin("POST", "/tokens", { agentId: theirs.agentId })).toMatchObject({ status: 404 });
  });

  it("refuses their tokens before anything is read or sent", async () => {
    const azure = scriptedAzure(() => completion());
    const refused = await call(theirs, { ...gateway, azure });
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 403,
      body: { error: { code: "token_home_unknown" } },
    });
    expect(azure.requests).toEqual([]);
    const models = new Request("https://gateway.test/openai/v1/models", {
      headers: { "api-key": theirs.token },
    });
    expect((await createDataPlane(async () => gateway).fetch(models)).status).toBe(403);
  });

  it("denies them at /v1/enforce, as the key's tenant's own decision", async () => {
    const question = {
      requestId: "from-elsewhere",
      capabilityToken: theirs.token,
      action: "chat",
      resourceId: "api://azure-openai/models/gpt",
    };
    const answer = await createEnforceRoutes(async () => gateway).fetch(
      new Request("https://gateway.test/v1/enforce", {
        method: "POST",
        headers: { "x-api-key": adminKey, "content-type": "application/json" },
        body: JSON.stringify(question),
      }),
    );
    expect(await answer.json()).toMatchObject({
      decision: "denied",
      reasons: [{ code: "token_home_unknown" }],
    });
  });

  it("takes nothing from the queue of a home that it does not have", async () => {
    const message = { id: "one", timestamp: new Date(), attempts: 1, body: changeRecord({ home: "eu" }) };
    const batch = createMessageBatch("portcullis-audit-eu", [message]);
    await worker.queue(batch, onlyGlobal);
    const { explicitAcks, retryBatch } = await getQueueResult(batch, createExecutionContext());
    expect({ explicitAcks, retried: retryBatch.retry }).toEqual({ explicitAcks: [], retried: true });
  });
});
