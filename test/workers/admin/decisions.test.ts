/** Decisions of the gateway, explained from their records, and decided again under policies that nobody has written yet. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { AuditRecord, DecisionRecord } from "../../../src/audit/audit-record.ts";
import { homeStoresOf } from "../../../src/bindings.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { DecisionId } from "../../../src/kernel/ids.ts";
import {
  admin,
  askEnforce,
  backgroundDone,
  call,
  completion,
  frankfurt,
  newCaller,
  scriptedAzure,
} from "../gateway/gateway-fixture.ts";
import { createFixture } from "./control-plane-fixture.ts";

const log = createAuditLog({ dbOf: (home) => homeStoresOf(env, home).db });
const taken: AuditRecord[] = [];
beforeEach(() => void taken.splice(0));
/** Into the log at once, without the queue. */
const records: GatewayPorts["records"] = {
  async send(home, record) {
    taken.push(record);
    return (await log.store(home, [record])).ok;
  },
};
const azure = scriptedAzure(() => completion());
type Caller = Awaited<ReturnType<typeof newCaller>>;

async function asked(caller: Caller, content: string, more: object = {}): Promise<DecisionRecord> {
  const before = taken.length;
  const body = JSON.stringify({ messages: [{ role: "user", content }], max_tokens: 20, ...more });
  await (await call(caller, { azure, records }, { body })).text();
  await backgroundDone();
  return decisionIn(taken.slice(before));
}
async function enforced(caller: Caller, context: object = {}, fields: object = {}): Promise<DecisionRecord> {
  const before = taken.length;
  await askEnforce({ capabilityToken: caller.token, context, ...fields }, { records }, frankfurt);
  return decisionIn(taken.slice(before));
}
function decisionIn(given: readonly AuditRecord[]): DecisionRecord {
  const record = given.find(({ kind }) => kind === "decision");
  if (record?.kind !== "decision") throw new Error("No decision was recorded.");
  return record;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
type Body = any;
const explained = async ({ decisionId, tenantId }: DecisionRecord): Promise<Body> =>
  admin("GET", `/v1/decisions/${decisionId}?tenant=${tenantId}`);
const simulated = async ({ tenantId }: Caller, proposal: object): Promise<Body> =>
  admin("POST", "/v1/policies/simulate", { tenantId, days: 1, ...proposal });
const policiesOf = async ({ tenantId }: Caller): Promise<Body[]> =>
  (await admin("GET", `/v1/policies?tenant=${tenantId}`)).items as Body[];

describe("an explanation", () => {
  it("of a refusal is made under the policies as they were, whatever was written since", async () => {
    const caller = await newCaller({ allowedRoles: ["employee"], maxPromptCharacters: 3 });
    const record = await asked(caller, "four");
    const [policy] = await policiesOf(caller);
    await admin("PUT", `/v1/policies/${policy.id}`, { ...stripped(policy), constraints: {} });

    const { record: told, completion: none, explanation } = await explained(record);
    expect(told).toEqual(record);
    expect(none).toBeNull();
    expect(explanation).toMatchObject({
      decision: "denied",
      reason: { code: "role_not_allowed" },
      decidedBy: "policies",
      agrees: true,
      trace: [{ policyId: policy.id, outcome: "dropped", code: "role_not_allowed" }],
      again: {
        code: "role_not_allowed",
        policies: [{ policyId: policy.id, outcome: "dropped", failed: [{ constraint: "allowedRoles" }] }],
      },
    });
    // It was refused before the body was read, so nothing is claimed of that.
    expect(explanation.notes).toEqual([expect.stringContaining("before the body")]);
    expect(explanation.again.policies[0].failed).toHaveLength(1);
    expect(explanation.nearest.changes[0].policyId).toBe(policy.id);
  });

  it("of an allowance has the completion, and the grants that would have allowed too", async () => {
    const caller = await newCaller();
    const record = await asked(caller, "hi");
    const { completion: done, explanation } = await explained(record);
    expect(done).toMatchObject({ kind: "completion", decisionId: record.decisionId, end: "complete" });
    expect(explanation).toMatchObject({
      decision: "allowed",
      agrees: true,
      nearest: null,
      again: { decision: "allowed", decidedBy: record.policyIds, notCovering: 0 },
    });
  });

  it("names every constraint that failed, and finds a denied text again by its digest alone", async () => {
    const caller = await newCaller({
      maxPromptCharacters: 10,
      parameters: { temperature: { max: 1 } },
      deniedPatterns: { patterns: ["hunter2"] },
    });
    const record = await asked(caller, "my password is Hunter2", { temperature: 2 });
    const { explanation } = await explained(record);
    expect(explanation.agrees).toBe(true);
    expect(explanation.again.policies[0].failed).toMatchObject([
      { constraint: "maxPromptCharacters", actual: 22, limit: 10 },
      { constraint: "parameters.temperature", actual: 2 },
      { constraint: "deniedPatterns", actual: "patterns[0]" },
    ]);
    expect(explanation.nearest.changes).toHaveLength(3);
    expect(JSON.stringify(explanation)).not.toMatch(/hunter2/i);
  });

  it("of a quota says which limit, what is left and when it is full again; the policies would have allowed", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    await asked(caller, "hi");
    const { explanation } = await explained(await asked(caller, "hi"));
    expect(explanation).toMatchObject({
      decidedBy: "quota",
      agrees: true,
      quota: { scope: "agent", meter: "requests", window: "day", limit: 1, left: 0 },
      nearest: { changes: [{ kind: "wait", to: explanation.quota.resetsAt }] },
    });
  });

  it("of what no policy decided says so, and of an address that records do not hold, that it is not certain", async () => {
    const invalid = await explained(await asked(await newCaller(), "hi", { max_tokens: "many" }));
    expect(invalid.explanation).toMatchObject({
      decidedBy: "other",
      reason: { code: "body_invalid" },
      agrees: null,
      nearest: null,
    });
    const caller = await newCaller({ allowedIpRanges: ["192.0.2.0/24"] });
    const before = taken.length;
    await call(caller, { azure, records }, { headers: { "cf-connecting-ip": "192.0.2.7" } });
    const { explanation } = await explained(decisionIn(taken.slice(before)));
    expect(explanation).toMatchObject({ decision: "allowed", agrees: null, again: { decision: "allowed" } });
    expect(explanation.notes.join()).toContain("allowedIpRanges");
    expect(JSON.stringify(taken)).not.toContain("192.0.2.7");
  });

  it("without inputs, or without histories, is the recorded trace", async () => {
    const caller = await newCaller();
    const record = await asked(caller, "hi");
    const older = {
      ...record,
      n: record.n + 1_000,
      inputs: null,
      trace: [],
      decisionId: DecisionId.parse(record.decisionId.replace(/....$/, "0000")),
      detail: { trace: [{ policyId: "policy_x", outcome: "allows" }] },
    };
    await log.store(record.home, [older]);
    const { explanation } = await explained(older);
    expect(explanation).toMatchObject({ agrees: null, again: null, trace: older.detail.trace });
    const unread = {
      ...older,
      n: older.n + 1,
      revisions: null,
      decisionId: DecisionId.parse(record.decisionId.replace(/....$/, "0001")),
    };
    await log.store(record.home, [unread]);
    expect((await explained(unread)).explanation.notes).toEqual([
      expect.stringContaining("trace stands alone"),
    ]);
  });

  it("is for keys of the tenant, and of nobody else; what is unknown is not found", async () => {
    const caller = await newCaller();
    const record = await asked(caller, "hi");
    const { call: control, makeKey } = await createFixture();
    const path = `/decisions/${record.decisionId}`;
    const own = await makeKey(caller.tenantId, ["audit:read"]);
    expect((await control("GET", path, { key: own })).status).toBe(200);
    const foreign = await makeKey((await newCaller()).tenantId, ["audit:read"]);
    const absent = `/decisions/${record.decisionId.slice(0, -4)}0000`;
    for (const [where, key] of [
      [path, foreign],
      [absent, own],
      ["/decisions/decision_1", own],
      // Without a tenant, a key of the platform asks for the default one.
      [path, undefined],
    ] as const)
      expect(await control("GET", where, key === undefined ? {} : { key })).toMatchObject({
        status: 404,
        body: { code: "not_found" },
      });
    const named = await control("GET", `${path}?tenant=${caller.tenantId}`, { key: foreign });
    expect(named).toMatchObject({ status: 403, body: { code: "tenant_mismatch" } });
  });
});

/** A policy as it is written. */
const stripped = ({ id: _i, scope: _s, createdAt: _c, updatedAt: _u, revision: _r, ...input }: Body): Body =>
  input;

describe("a replay", () => {
  it("names who would be denied and who allowed, with samples, and leaves the rest unchanged", async () => {
    const caller = await newCaller({ allowedCountries: ["DE"] });
    const short = await asked(caller, "hi");
    const long = await asked(caller, "a".repeat(400));
    const abroad = await enforced(caller, { promptTokens: 1 }, { action: "embedding" });
    const [policy] = await policiesOf(caller);
    const narrower = {
      ...stripped(policy),
      constraints: { maxPromptCharacters: 100, maxTokensPerRequest: 300 },
    };
    const embedding = { ...stripped(policy), actions: ["embedding"], constraints: {} };

    const same = await simulated(caller, { policies: [stripped(policy)] });
    expect(same).toMatchObject({ judged: 3, unchanged: 3, newlyDenied: [], newlyAllowed: [], cut: null });

    // Nobody asked for characters when these were decided, so only the tokens can be judged.
    const proposal = {
      changes: [
        { id: policy.id, policy: { ...narrower, constraints: { maxTokensPerRequest: 100 } } },
        { policy: embedding },
      ],
    };
    expect(await simulated(caller, proposal)).toMatchObject({
      tenantId: caller.tenantId,
      judged: 3,
      unchanged: 1,
      unknown: { count: 0, reasons: [] },
      newlyDenied: [
        {
          agentId: caller.agentId,
          code: "tokens_per_request_exceeded",
          count: 1,
          samples: [long.decisionId],
        },
      ],
      newlyAllowed: [
        { agentId: caller.agentId, code: "no_matching_grant", count: 1, samples: [abroad.decisionId] },
      ],
      groupsCut: 0,
      cut: null,
    });
    const unknown = await simulated(caller, { policies: [narrower] });
    expect(unknown).toMatchObject({
      unknown: { reasons: [{ reason: "maxPromptCharacters" }] },
      newlyAllowed: [],
    });
    expect(short.inputs?.ask?.content.promptCharacters).toBeNull();

    // Nothing was written.
    expect(await policiesOf(caller)).toEqual([policy]);
  });

  it("knows a denied text by its digest, and that one was looked for and not there", async () => {
    const denying = { deniedPatterns: { patterns: ["hunter2", "project x"], action: "deny" } };
    const caller = await newCaller(denying);
    const denied = await asked(caller, "Hunter2");
    await asked(caller, "hello");
    const [policy] = await policiesOf(caller);
    const under = (patterns: readonly string[]) =>
      simulated(caller, {
        policies: [{ ...stripped(policy), constraints: { deniedPatterns: { patterns, action: "deny" } } }],
      });
    expect(await under(["project x"])).toMatchObject({
      judged: 2,
      unchanged: 1,
      newlyAllowed: [{ code: "pattern_denied", samples: [denied.decisionId] }],
    });
    expect(await under(["HUNTER2"])).toMatchObject({ unchanged: 2 });
    expect(await under(["project x", "never asked for"])).toMatchObject({
      unchanged: 0,
      unknown: { count: 2, reasons: [{ reason: "deniedPatterns", count: 2 }] },
    });
  });

  it("does not decide quotas, nor what no policy decided; a quota's refusal that the policies deny now counts", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    await asked(caller, "hi");
    await asked(caller, "hi");
    await asked(caller, "hi", { max_tokens: "many" });
    const [policy] = await policiesOf(caller);
    expect(await simulated(caller, { policies: [{ ...stripped(policy), constraints: {} }] })).toMatchObject({
      judged: 3,
      unchanged: 3,
    });
    expect(await simulated(caller, { policies: [] })).toMatchObject({
      unchanged: 1,
      newlyDenied: [{ code: "no_matching_grant", count: 2 }],
    });
  });

  it("stops where it is told to, and goes on from there", async () => {
    const caller = await newCaller();
    for (const content of ["1", "2", "3"]) await asked(caller, content);
    const to = new Date().toISOString();
    const first = await simulated(caller, { policies: [], maxRecords: 2, to });
    expect(first).toMatchObject({ judged: 2, cut: expect.any(String), to });
    const next = { policies: [], days: undefined, from: first.from, to: first.to, cursor: first.cut };
    expect(await simulated(caller, next)).toMatchObject({ judged: 1, cut: null });
  });

  it("refuses proposals as writes do, naming the place, and needs to read both policies and records", async () => {
    const { call: control, makeKey, makeTenant } = await createFixture();
    const tenantId = await makeTenant();
    const bad = {
      name: "n",
      effect: "deny",
      actions: ["chat"],
      resources: ["*"],
      constraints: { maxTokensPerDay: 1 },
    };
    const fine = { ...bad, constraints: {} };
    const answers = async (body: object, key?: string) =>
      (
        await control("POST", "/policies/simulate", {
          body: { tenantId, ...body },
          ...(key === undefined ? {} : { key }),
        })
      ).body;
    expect(await answers({ policies: [fine, bad] })).toMatchObject({
      code: "meaningless",
      field: "policies[1].constraints.maxTokensPerDay",
    });
    expect(await answers({ changes: [{ policy: { ...fine, constraints: { never: 1 } } }] })).toMatchObject({
      code: "body_invalid",
      field: "changes[0].policy.constraints.never",
    });
    const unknown = { id: `policy_${"1".repeat(32)}`, policy: null };
    expect(await answers({ changes: [unknown] })).toMatchObject({
      code: "not_found",
      field: "changes[0].id",
    });
    expect(await answers({})).toMatchObject({ code: "body_invalid", field: "policies" });
    expect(await answers({ policies: [], changes: [unknown] })).toMatchObject({ field: "policies" });
    const from = "2026-01-01T00:00:00.000Z";
    expect(await answers({ policies: [], from })).toMatchObject({ code: "body_invalid", field: "to" });
    expect(await answers({ policies: [], from, days: 1 })).toMatchObject({ field: "days" });
    expect(await answers({ policies: [], cursor: "x" })).toMatchObject({
      code: "query_invalid",
      field: "cursor",
    });
    for (const scopes of [["policies:read"], ["audit:read"]] as const)
      expect(await answers({ policies: [] }, await makeKey(tenantId, scopes))).toMatchObject({
        code: "scope_missing",
      });
    const both = await makeKey(tenantId, ["policies:read", "audit:read"]);
    expect(await answers({ policies: [] }, both)).toMatchObject({ judged: 0, cut: null });
  });
});
