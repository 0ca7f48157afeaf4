/** Policies in shadow, from the control plane through the gateway to their summary: they change nothing but records. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AuditRecord, DecisionRecord } from "../../../src/audit/audit-record.ts";
import { compose } from "../../../src/compose.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import type { ReserveRequest } from "../../../src/quota/contracts.ts";
import {
  admin,
  adminKey,
  askEnforce,
  backgroundDone,
  call,
  completion,
  frankfurt,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const { auditLog, controlPlane } = await compose(env);
type Caller = Awaited<ReturnType<typeof newCaller>>;

/** What leaves the gateway on behalf of one call. */
function watched() {
  const taken: AuditRecord[] = [];
  const reserved: ReserveRequest[] = [];
  const azure = scriptedAzure(() => completion());
  const overrides: Partial<GatewayPorts> = {
    azure,
    records: {
      send: async (home, record) => {
        taken.push(record);
        return (await auditLog.store(home, [record])).ok;
      },
    },
    ledgers: {
      ...ports.ledgers,
      reserve(request) {
        reserved.push(request);
        return ports.ledgers.reserve(request);
      },
    },
  };
  return { overrides, azure, reserved, decisions: () => taken.filter(isDecision) };
}
const isDecision = (record: AuditRecord): record is DecisionRecord => record.kind === "decision";

async function send(caller: Caller, content = "Hello", more: object = {}) {
  const seen = watched();
  const body = JSON.stringify({ messages: [{ role: "user", content }], max_tokens: 50, ...more });
  const headers = { "cf-connecting-ip": "192.0.2.1" };
  const response = await call(caller, seen.overrides, { body, headers });
  await backgroundDone();
  return { ...seen, status: response.status, decision: seen.decisions()[0] };
}

const shadow = async (caller: Caller, policy: object) =>
  String((await newPolicy(caller, { mode: "shadow", ...policy })).id);

async function summary(id: string, query = "", key = adminKey) {
  const request = new Request(`https://gateway.test/v1/policies/${id}/shadow${query}`, {
    headers: { "x-api-key": key },
  });
  const response = await controlPlane.fetch(request);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("an allowed call", () => {
  it("is told which of the policies in shadow would have refused it, and is relayed as without them", async () => {
    const constraints = { maxRequestsPerDay: 9, maxTokensPerDay: 10_000 };
    const caller = await newCaller(constraints);
    const before = await send(caller, "A secret");
    expect(before.decision).toMatchObject({ decision: "allowed", shadow: null });

    const deny = await shadow(caller, { effect: "deny" });
    const texts = await shadow(caller, {
      kind: "boundary",
      constraints: { deniedPatterns: { patterns: ["secret"] } },
    });
    const characters = await shadow(caller, {
      kind: "boundary",
      constraints: { maxPromptCharacters: 4, maxRequestsPerDay: 1, quotaScope: "address" },
    });
    // Nothing of these three would be refused, cut, counted or stripped.
    await shadow(caller, { kind: "boundary", constraints: { maxOutputTokens: 1, maxTokensPerDay: 10 } });
    await shadow(caller, {
      kind: "boundary",
      constraints: { deniedPatterns: { patterns: ["secret"], action: "strip" } },
    });
    await shadow(caller, { priority: 0, constraints: { maxRequestsPerDay: 1 } });

    const after = await send(caller, "A secret");
    expect(after.status).toBe(200);
    expect(after.azure.requests[0]?.body).toBe(before.azure.requests[0]?.body);
    expect(after.reserved[0]?.candidates).toEqual(before.reserved[0]?.candidates);
    expect(after.decision).toMatchObject({
      decision: "allowed",
      policyIds: before.decision?.policyIds,
      shadow: {
        judged: 6,
        flips: [
          { policyId: deny, to: "denied", code: "denied_by_policy", basis: "ask" },
          { policyId: texts, to: "denied", code: "outside_boundary", basis: "ask" },
          { policyId: characters, to: "denied", code: "outside_boundary", basis: "ask" },
        ],
        more: 0,
      },
    });
    expect((await send(caller, "Hey")).decision?.shadow?.flips.map(({ policyId }) => policyId)).toEqual([
      deny,
    ]);
  });
});

describe("a refused call", () => {
  it("is told which grant in shadow would have allowed it, by the ask or, before the body is read, by admission", async () => {
    const caller = await newCaller({ maxPromptCharacters: 4, allowedCountries: ["DE"] });
    const grant = await shadow(caller, { actions: ["chat"] });
    await shadow(caller, { effect: "deny" });
    const refused = await send(caller);
    expect(refused.decision).toMatchObject({
      decision: "denied",
      reasons: [{ code: "prompt_characters_exceeded" }],
      shadow: { judged: 2, flips: [{ policyId: grant, to: "allowed", code: "allowed", basis: "ask" }] },
    });

    const seen = watched();
    const cf = { ...frankfurt, country: "FR" };
    await call(caller, seen.overrides, { cf });
    await backgroundDone();
    expect(seen.decisions()[0]).toMatchObject({
      reasons: [{ code: "residency_country" }],
      shadow: { judged: 2, flips: [{ policyId: grant, to: "allowed", basis: "admission" }] },
    });
  });

  it("by the ledger is nobody's flip", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    await shadow(caller, { effect: "deny" });
    expect((await send(caller)).decision?.shadow?.flips).toHaveLength(1);
    expect((await send(caller)).decision).toMatchObject({
      reasons: [{ code: "request_quota_exceeded" }],
      shadow: { judged: 1, flips: [] },
    });
  });
});

it("an /v1/enforce is judged as a call is", async () => {
  const caller = await newCaller();
  const deny = await shadow(caller, { effect: "deny" });
  const seen = watched();
  await askEnforce({ capabilityToken: caller.token }, seen.overrides, frankfurt);
  expect(seen.decisions()[0]).toMatchObject({
    surface: "enforce",
    decision: "allowed",
    shadow: { flips: [{ policyId: deny, to: "denied" }] },
  });
});

describe("the summary", () => {
  it("counts since the policy last changed, or in a range, and stays when the policy goes live", async () => {
    const caller = await newCaller();
    const body = { name: "no chat", effect: "deny", actions: ["chat"], resources: ["*"] };
    const id = await shadow(caller, body);
    const path = `/v1/policies/${id}`;
    expect((await summary(id)).body).toMatchObject({ mode: "shadow", decisions: 0, flips: [], samples: [] });
    const first = await send(caller);
    await send(caller);
    const flips = [{ to: "denied", code: "denied_by_policy", basis: "ask", flips: 2 }];
    const found = await summary(id);
    expect(found).toMatchObject({
      status: 200,
      body: {
        policyId: id,
        scope: caller.tenantId,
        version: { until: null },
        range: null,
        decisions: 2,
        flips,
        agents: [{ tenantId: caller.tenantId, agentId: caller.agentId, to: "denied", flips: 2 }],
        samples: [{ decisionId: first.decision?.decisionId, code: "denied_by_policy" }],
      },
    });

    await admin("PUT", path, { ...body, mode: "shadow", actions: ["embedding"] });
    await send(caller);
    expect((await summary(id)).body).toMatchObject({ decisions: 1, flips: [] });
    const hours = "?from=2020-01-01T00:00:00.000Z&to=2020-02-01T00:00:00.000Z";
    expect((await summary(id, hours)).body).toMatchObject({ version: null, decisions: 0 });
    const now = `?to=${new Date().toISOString()}`;
    expect((await summary(id, now)).body).toMatchObject({ version: null, decisions: 3, flips });

    await admin("PUT", path, { ...body, mode: "enforce", actions: ["embedding"] });
    expect((await send(caller)).decision).toMatchObject({ shadow: null });
    const live = (await summary(id)).body;
    expect(live).toMatchObject({ mode: "enforce", decisions: 1, flips: [] });
    expect(live.version).toMatchObject({ until: expect.any(String) });
    await admin("DELETE", path);
    expect((await summary(id)).body).toMatchObject({ mode: null, decisions: 1 });
  });

  it("is told to keys of the policy's own tenant, and of a policy of the platform to the platform's", async () => {
    const [caller, other] = [await newCaller(), await newCaller({}, { home: "eu" })];
    const id = await shadow(caller, { effect: "deny" });
    const makeKey = async (tenantId: string) =>
      String((await admin("POST", "/v1/keys", { name: "auditor", tenantId, scopes: ["audit:read"] })).key);
    expect((await summary(id, "", await makeKey(caller.tenantId))).status).toBe(200);
    const foreign = await makeKey(other.tenantId);
    expect(await summary(id, "", foreign)).toMatchObject({ status: 404, body: { code: "not_found" } });

    const roles = { allowedTenants: [caller.tenantId, other.tenantId] };
    const ofAll = await admin("POST", "/v1/policies", {
      name: "all",
      mode: "shadow",
      effect: "deny",
      actions: ["chat"],
      resources: ["*"],
      constraints: roles,
    });
    const platformId = String(ofAll.id);
    await send(caller);
    await send(other);
    expect((await summary(platformId)).body).toMatchObject({ decisions: 2, flips: [{ flips: 2 }] });
    expect((await summary(platformId, "", foreign)).status).toBe(404);
    await admin("DELETE", `/v1/policies/${platformId}`);
  });
});
