// The record says what was decided and why, fits its schema, and holds no address, token or prompt.
import { describe, expect, it } from "vitest";
import { DecisionRecord } from "../../../src/audit/audit-record.ts";
import { decisionRecordOf, outcomeOf, recordOf } from "../../../src/gateway/decision-record.ts";
import { refusedAs } from "../../../src/gateway/refused-as.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { backendOf } from "../azure/azure-fixture.ts";
import { ask, judge, policyId, policyOf } from "../policy/decide-fixture.ts";
import { allowedWith, decisionId, firstDecisionId, question } from "./gateway-fixture.ts";

const NOW_MS = 1_790_000_000_000;
const number = { source: "worker/1", n: 3 };
const revisions = { tenant: 1, platform: 2 };

describe("the record of an allowance", () => {
  it("names policies, revisions, reservation, place and the decision it keeps", () => {
    const record = DecisionRecord.parse(decisionRecordOf(question, allowedWith({}), NOW_MS));
    expect(record).toMatchObject({
      decision: "allowed",
      reasons: [{ code: "allowed" }],
      decisionId: firstDecisionId,
      source: "agent/x",
      n: 7,
      at: new Date(NOW_MS).toISOString(),
      policyIds: [policyId(1)],
      revisions: { tenant: 4, platform: 5 },
      reservedTokens: 1_100,
      endUser: "hash-of-user",
      detail: null,
    });
    expect(record.place).toEqual({
      country: "DE",
      continent: "EU",
      isEu: true,
      colo: "FRA",
      tlsVersion: "TLSv1.3",
    });
    expect(JSON.stringify(record)).not.toContain("192.0.2.1");
  });

  it("names the backend that the call is sent to, and nothing of how to reach it", () => {
    const backend = backendOf({ region: "swedencentral", sku: "DataZoneStandard" });
    const record = decisionRecordOf(question, allowedWith({}), NOW_MS, { backend });
    expect(DecisionRecord.parse(record).backend).toEqual({
      id: backend.id,
      region: "swedencentral",
      sku: "DataZoneStandard",
    });
    expect(DecisionRecord.parse(decisionRecordOf(question, allowedWith({}), NOW_MS)).backend).toBeNull();
  });

  it("is read from before it named a backend", () => {
    const { backend: _, ...older } = decisionRecordOf(question, allowedWith({}), NOW_MS);
    expect(DecisionRecord.parse(older).backend).toBeNull();
  });

  it("is detailed where auditLogging obliges to it", () => {
    const record = DecisionRecord.parse(
      decisionRecordOf(question, allowedWith({ auditLogging: "detailed" }), NOW_MS),
    );
    expect(record.detail).toMatchObject({
      parameters: { promptTokens: 100, outputTokens: 1_000, choices: 1, stream: false },
      obligations: { auditLogging: "detailed" },
      limits: [{ left: 3 }],
    });
  });
});

describe("the record of a refusal", () => {
  const verdict = judge([policyOf({ constraints: { allowedRoles: ["employee"] } })]);
  const refusal = verdict.kind === "refused" ? verdict.refusal : refuse("internal_error");
  const policyIds = verdict.kind === "refused" ? verdict.policyIds : [];
  const refused = refusedAs(refusal, { number, revisions }, { ask, policyIds, trace: verdict.trace });

  it("fits into a queue's message (128 kB), however long the policies' lists are, and says what it cut", () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `${index}-${"n".repeat(250)}`);
    const long = policyOf({ constraints: { allowedRoles: names } });
    const verdict = judge(Array.from({ length: 300 }, () => long));
    const trace = verdict.trace;
    const evidence = { constraint: "allowedRoles", actual: names, limit: names };
    const refused = refusedAs(
      refuse("role_not_allowed", { evidence }),
      { number, revisions },
      { ask, trace },
    );
    const record = decisionRecordOf(question, refused, NOW_MS);
    expect(new TextEncoder().encode(JSON.stringify(record)).length).toBeLessThan(120_000);
    expect(record).toMatchObject({
      traceLinesCut: 250,
      detail: { evidence: { limit: expect.arrayContaining(["and 990 more"]) } },
    });
    expect(record.trace[0]).toMatchObject({
      code: "role_not_allowed",
      evidence: { constraint: "allowedRoles", limit: expect.arrayContaining(["and 990 more"]) },
    });
    expect(record.trace.at(-1)?.evidence).toEqual({ constraint: "allowedRoles", cut: true });
  });

  it("says why: policy, constraint, actual and limit", () => {
    const record = DecisionRecord.parse(decisionRecordOf(question, refused, NOW_MS));
    expect(record).toMatchObject({
      decision: "denied",
      decisionId,
      reasons: [{ code: "role_not_allowed" }],
      policyIds: [policyId(1)],
      ...number,
      revisions,
      reservedTokens: null,
    });
    expect(record.detail).toMatchObject({
      evidence: { constraint: "allowedRoles", actual: ["analyst"], limit: ["employee"] },
    });
    expect(record.trace).toEqual([
      {
        policyId: policyId(1),
        outcome: "dropped",
        code: "role_not_allowed",
        evidence: { constraint: "allowedRoles", actual: ["analyst"], limit: ["employee"] },
      },
    ]);
  });

  it("that came before the body names what the path named", () => {
    const early = refusedAs(refuse("residency_ingress"), { number, revisions: null }, {});
    expect(DecisionRecord.parse(decisionRecordOf(question, early, NOW_MS))).toMatchObject({
      action: "chat",
      resource: question.resource,
      endUser: null,
      revisions: null,
    });
  });

  it("tells waiting for approval from denial", () => {
    expect(outcomeOf(refuse("pending_approval"))).toBe("pending_approval");
    expect(outcomeOf(refuse("denied_by_policy"))).toBe("denied");
    expect(outcomeOf(null)).toBe("allowed");
  });
});

it("the record of a list of models fits the schema as well", () => {
  const listed = {
    ...question,
    surface: "model_list" as const,
    action: "model_list" as const,
    resource: null,
  };
  expect(DecisionRecord.parse(recordOf(listed, { refusal: null, number, revisions }, NOW_MS))).toMatchObject({
    decision: "allowed",
    surface: "model_list",
    policyIds: [],
  });
});
