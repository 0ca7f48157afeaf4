/** Usage that callers report of calls they made themselves: settled once, by the agent that asked, and recorded. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { AuditRecord } from "../../../src/audit/audit-record.ts";
import { configOf } from "../../../src/bindings.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import { createUsageReportRoutes, type ReportRoutePorts } from "../../../src/gateway/usage-report.routes.ts";
import { DecisionId, reservationOf } from "../../../src/kernel/ids.ts";
import { ENFORCE_RESERVATION_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import type { AgentLedger } from "../../../src/quota/agent-ledger.object.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import {
  admin,
  adminKey,
  call,
  completion,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

type Body = Record<string, unknown>;
type Caller = Awaited<ReturnType<typeof newCaller>>;

async function post(
  path: string,
  body: object,
  overrides: Partial<ReportRoutePorts> = {},
  key = adminKey,
): Promise<{ status: number; body: Body }> {
  const portsOf = async () => ({ ...ports, ...overrides });
  const routes = path === "/v1/enforce" ? createEnforceRoutes(portsOf) : createUsageReportRoutes(portsOf);
  const response = await routes.fetch(
    new Request(`https://gateway.test${path}`, {
      method: "POST",
      headers: { "x-api-key": key, "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
  return { status: response.status, body: (await response.json()) as Body };
}

const ask = (token: string, requestId: string, promptTokens = 40) =>
  post("/v1/enforce", {
    requestId,
    capabilityToken: token,
    action: "chat",
    resourceId: "api://azure-openai/models/gpt",
    context: { promptTokens, maxOutputTokens: 60, user: "alice" },
  });

async function allowed(token: string, requestId: string): Promise<string> {
  const { body } = await ask(token, requestId);
  expect(body).toMatchObject({ decision: "allowed" });
  return String(body.decisionId);
}

const report = (
  token: string,
  decisionId: string,
  used: object,
  overrides: Partial<ReportRoutePorts> = {},
  key = adminKey,
) => post(`/v1/enforce/${decisionId}/usage`, { capabilityToken: token, ...used }, overrides, key);

const used = { promptTokens: 30, completionTokens: 10 };

/** Takes what is recorded. */
function recording() {
  const taken: AuditRecord[] = [];
  const records = {
    send: async (_home: unknown, record: AuditRecord) => taken.push(AuditRecord.parse(record)) > 0,
  };
  return { taken, records };
}

/** Lets the reservations of an agent run out at once. */
async function runOut({ tenantId, agentId }: Caller): Promise<void> {
  const name = await agentLedgerName(configOf(env).ledgerNameSecret, tenantId as never, agentId as never);
  const stub = ledgerStub(env.AGENT_LEDGER, "global", name);
  await runInDurableObject(stub, async (ledger: AgentLedger) => {
    const now = Date.now;
    const later = now() + ENFORCE_RESERVATION_MS;
    Date.now = () => later;
    try {
      await ledger.alarm();
    } finally {
      Date.now = now;
    }
  });
}

it("settles what was reserved with what was used, so the rest is free again", async () => {
  const caller = await newCaller({ maxTokensPerDay: 150 });
  const decisionId = await allowed(caller.token, "one");
  expect((await ask(caller.token, "two")).body).toMatchObject({ decision: "denied" });
  const { taken, records } = recording();
  expect(await report(caller.token, decisionId, used, { records })).toEqual({
    status: 200,
    body: { decisionId, outcome: "settled", charged: { requests: 1, tokens: 40, costNanoUsd: null } },
  });
  expect((await ask(caller.token, "three")).body).toMatchObject({ decision: "allowed" });
  expect(taken).toMatchObject([
    {
      kind: "completion",
      decisionId,
      requestId: "one",
      agentId: caller.agentId,
      resource: "api://azure-openai/models/gpt",
      end: "reported",
      usage: { promptTokens: 30, cachedPromptTokens: 0, completionTokens: 10, totalTokens: 40 },
      settlement: "used",
      chargedTokens: 40,
      ledger: "settled",
      endUser: await ports.hashEndUser(caller.tenantId as never, "alice"),
      replaces: null,
    },
  ]);
});

it("answers a repeated report as the first, changes nothing, and repeats its record under its number", async () => {
  const caller = await newCaller();
  const decisionId = await allowed(caller.token, "one");
  const first = await report(caller.token, decisionId, used, {
    records: { send: async () => false },
    ledgers: { ...ports.ledgers, keepRecord: async () => fail(refuse("ledger_unavailable")) },
  });
  expect(first).toMatchObject({ status: 503, body: { code: "audit_unavailable" } });
  const { taken, records } = recording();
  const second = await report(caller.token, decisionId, used, { records });
  expect(second).toMatchObject({ status: 200, body: { outcome: "settled", charged: { tokens: 40 } } });
  expect(await report(caller.token, decisionId, { promptTokens: 999 }, { records })).toEqual(second);
  expect(taken.map(({ n }) => n)).toEqual([taken[0]?.n, taken[0]?.n]);
});

it("gives back the whole of a call that never reached Azure, and its request id with it", async () => {
  const { token } = await newCaller({ maxRequestsPerDay: 1 });
  const decisionId = await allowed(token, "one");
  expect((await report(token, decisionId, { released: true })).body).toMatchObject({
    charged: { requests: 0, tokens: 0 },
  });
  expect(await allowed(token, "one")).not.toBe(decisionId);
});

it("counts more than was reserved as debt", async () => {
  const { token } = await newCaller({ maxTokensPerDay: 300 });
  const decisionId = await allowed(token, "one");
  expect((await report(token, decisionId, { promptTokens: 500 })).body).toMatchObject({
    charged: { tokens: 500 },
  });
  expect((await ask(token, "two")).body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "token_quota_exceeded" }],
  });
});

it("is found under the id that a replay answers too", async () => {
  const { token } = await newCaller();
  const decisionId = await allowed(token, "same");
  expect(await allowed(token, "same")).toBe(decisionId);
  expect((await report(token, decisionId, used)).status).toBe(200);
});

it("corrects a decision that was charged in full meanwhile, and says what its record replaces", async () => {
  const caller = await newCaller({ maxTokensPerDay: 150 });
  const decisionId = await allowed(caller.token, "one");
  await runOut(caller);
  expect((await ask(caller.token, "two")).body).toMatchObject({ decision: "denied" });
  const { taken, records } = recording();
  const first = await report(caller.token, decisionId, used, { records });
  expect(first).toMatchObject({ status: 200, body: { outcome: "corrected", charged: { tokens: 40 } } });
  expect(await report(caller.token, decisionId, used, { records })).toEqual(first);
  const [one, repeated] = taken;
  expect(one).toMatchObject({
    ledger: "corrected",
    replaces: { requests: 1, tokens: 100, costNanoUsd: null },
  });
  expect(repeated).toMatchObject({ n: one?.n, replaces: one && "replaces" in one ? one.replaces : null });
  expect((await ask(caller.token, "three")).body).toMatchObject({ decision: "allowed" });
});

it("is for the agent that asked, and for no call that the gateway relays", async () => {
  const caller = await newCaller();
  const decisionId = await allowed(caller.token, "one");
  const other = await newCaller();
  const sibling = String((await admin("POST", "/v1/agents", { name: "b", tenantId: caller.tenantId })).id);
  const siblings = String((await admin("POST", "/v1/tokens", { agentId: sibling })).token);
  for (const token of [other.token, siblings]) {
    expect(await report(token, decisionId, used)).toMatchObject({ status: 404, body: { code: "not_found" } });
  }
  const relayed: string[] = [];
  const answer = await call(caller, {
    azure: scriptedAzure(async () => {
      // While the call is under way.
      const id = reservations.at(-1) ?? "";
      relayed.push(JSON.stringify(await report(caller.token, id.replace("reservation", "decision"), used)));
      return completion();
    }),
    ledgers: {
      ...ports.ledgers,
      async reserve(request) {
        reservations.push(request.reservationId);
        expect(request.reservationId).toBe(reservationOf(DecisionId.parse(request.decisionId)));
        return ports.ledgers.reserve(request);
      },
    },
  });
  expect(answer.status).toBe(200);
  expect(relayed).toEqual([expect.stringContaining('"status":404')]);
  expect((await report(caller.token, decisionId, used)).status).toBe(200);
});
const reservations: string[] = [];

it.each([
  ["unknown", `decision_${"0".repeat(32)}`, used, 404, "not_found"],
  ["malformed", "nonsense", used, 404, "not_found"],
  ["nothing said", `decision_${"0".repeat(32)}`, {}, 400, "body_invalid"],
  ["released and used", `decision_${"0".repeat(32)}`, { ...used, released: true }, 422, "meaningless"],
  ["negative", `decision_${"0".repeat(32)}`, { promptTokens: -1 }, 400, "body_invalid"],
])("refuses %s", async (_, decisionId, body, status, code) => {
  const { token } = await newCaller();
  expect(await report(token, decisionId, body)).toMatchObject({ status, body: { code } });
});

it("refuses a token that does not verify, and one of another tenant than the key's", async () => {
  const { token, tenantId } = await newCaller();
  const decisionId = await allowed(token, "one");
  expect(await report("garbage", decisionId, used)).toMatchObject({
    status: 401,
    body: { code: "token_malformed", field: "capabilityToken" },
  });
  const other = await newCaller();
  const { key } = await admin("POST", "/v1/keys", {
    name: "k",
    scopes: ["enforce"],
    tenantId: other.tenantId,
  });
  const foreign = await report(token, decisionId, used, {}, String(key));
  expect(foreign).toMatchObject({ status: 403, body: { code: "tenant_mismatch" } });
  const own = await admin("POST", "/v1/keys", { name: "k", scopes: ["enforce"], tenantId });
  expect((await report(token, decisionId, used, {}, String(own.key))).status).toBe(200);
});

it("settles nothing while a store is ill, and can be repeated", async () => {
  const { token } = await newCaller();
  const decisionId = await allowed(token, "one");
  const ill: readonly [string, Partial<ReportRoutePorts>][] = [
    ["ledger_unavailable", { readings: { reservation: async () => fail(refuse("ledger_unavailable")) } }],
    [
      "snapshot_unavailable",
      { snapshots: { ...ports.snapshots, load: async () => fail(refuse("snapshot_unavailable")) } },
    ],
    [
      "ledger_overloaded",
      { ledgers: { ...ports.ledgers, settle: async () => fail(refuse("ledger_overloaded")) } },
    ],
  ];
  for (const [code, overrides] of ill) {
    expect(await report(token, decisionId, used, overrides)).toMatchObject({ status: 503, body: { code } });
  }
  expect(await report(token, decisionId, used)).toMatchObject({ status: 200, body: { outcome: "settled" } });
});

it("is priced by the dearest backend", async () => {
  const name = "priced";
  const backend = {
    endpoint: "https://backend.test",
    azureDeployment: "x",
    credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
  };
  await admin("POST", "/v1/deployments", {
    name,
    model: "gpt-4o",
    maxOutputTokens: 1_000,
    backends: [
      { ...backend, region: "swedencentral", sku: "GlobalStandard" },
      { ...backend, region: "swedencentral", sku: "Standard" },
    ],
  });
  const { token } = await newCaller();
  const asked = await post("/v1/enforce", {
    requestId: "one",
    capabilityToken: token,
    action: "chat",
    resourceId: `api://azure-openai/models/${name}`,
    context: { promptTokens: 40, maxOutputTokens: 60 },
  });
  const { body } = await report(token, String(asked.body.decisionId), { ...used, cachedPromptTokens: 10 });
  expect(body).toMatchObject({ charged: { costNanoUsd: 20 * 2_750 + 10 * 1_375 + 10 * 11_000 } });
});

it("costs what was reserved where it is not billed by tokens, whatever tokens are reported", async () => {
  await admin("POST", "/v1/deployments", {
    name: "drawing",
    model: "dall-e-3",
    maxOutputTokens: 0,
    backends: [
      {
        endpoint: "https://backend.test",
        azureDeployment: "x",
        credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
        region: "swedencentral",
        sku: "Standard",
      },
    ],
  });
  const caller = await newCaller();
  await newPolicy(caller, { actions: ["image"], constraints: { maxCostPerDay: 0.4 } });
  const { token } = caller;
  const draw = async (requestId: string, context: object) => {
    const resourceId = "api://azure-openai/models/drawing";
    return (
      await post("/v1/enforce", { requestId, capabilityToken: token, action: "image", resourceId, context })
    ).body;
  };
  const three = await draw("three", { pictures: 3 });
  expect(three).toMatchObject({ decision: "allowed" });
  expect(await draw("one", { pictures: 1 })).toMatchObject({ reasons: [{ code: "cost_quota_exceeded" }] });
  expect(await draw("some", {})).toMatchObject({ reasons: [{ code: "unbounded_ask" }] });
  const { body } = await report(token, String(three.decisionId), { promptTokens: 1 });
  expect(body).toMatchObject({ charged: { requests: 1, costNanoUsd: 360_000_000 } });
});
