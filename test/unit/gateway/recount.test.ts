// A prompt is counted only where its bytes would decide against the caller; the number of the first refusal is told.
import { describe, expect, it } from "vitest";
import type { Judgement, Refused, Understood } from "../../../src/gateway/question.ts";
import { bytesBind, insteadOf, lacksRoom } from "../../../src/gateway/recount.ts";
import { type RefusalCode, refuse } from "../../../src/kernel/refusal.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { ask, judge, policyOf } from "../policy/decide-fixture.ts";
import { allowedWith } from "./gateway-fixture.ts";

const understood = (changes: Partial<Ask>, namesOutput = true): Understood => ({
  ask: { ...ask, ...changes },
  deployment: null,
  body: null,
  sent: {},
  outsideContent: false,
  namesOutput,
  refine: null,
  idempotency: null,
});

describe("the bytes bind", () => {
  const binds = (constraints: object, changes: Partial<Ask>, namesOutput = true) =>
    bytesBind(
      judge([policyOf({ constraints })], { ask: { ...ask, ...changes } }),
      understood(changes, namesOutput),
    );

  it.each<[what: string, constraints: object, changes: Partial<Ask>]>([
    ["where they exceed what a request may use", { maxTokensPerRequest: 99 }, {}],
    ["where they take from the output", { maxTokensPerRequest: 1_099 }, {}],
    ["where they take from it under a window", { maxTokensPerDay: 1_099 }, {}],
    ["where they take from what a policy leaves", { maxOutputTokens: 50, maxTokensPerRequest: 140 }, {}],
    ["where they take from what a budget pays", { maxCostPerDay: 0.01 }, {}],
  ])("%s", (_what, constraints, changes) => {
    expect(binds(constraints, changes)).toBe(true);
  });

  it.each<[what: string, constraints: object, changes: Partial<Ask>]>([
    ["without limits", {}, {}],
    ["where all that is asked for fits", { maxTokensPerRequest: 1_100, maxTokensPerDay: 1_100 }, {}],
    ["where another rule refuses", { maxTokensPerRequest: 99, allowedRoles: ["auditor"] }, {}],
    [
      "where a policy cuts the output whatever the prompt is",
      { maxOutputTokens: 10, maxTokensPerDay: 200 },
      {},
    ],
    ["where nothing is generated", { maxTokensPerDay: 50 }, { outputTokens: 0 }],
  ])("not %s", (_what, constraints, changes) => {
    expect(binds(constraints, changes)).toBe(false);
  });

  it("for a caller who named no output only where a fifth of it is at stake", () => {
    expect(binds({ maxTokensPerRequest: 600 }, {}, false)).toBe(false);
    expect(binds({ maxTokensPerRequest: 600 }, {}, true)).toBe(true);
    expect(binds({ maxTokensPerRequest: 400 }, {}, false)).toBe(true);
  });

  it("where somebody would be asked to approve what another grant may have room for", () => {
    const approving = policyOf({ constraints: { requiresApproval: true } });
    const binding = (constraints: object) =>
      bytesBind(judge([approving, policyOf({ constraints })]), understood({}));
    expect(binding({ maxTokensPerDay: 1_100 })).toBe(true);
    expect(binding({ maxCostPerDay: 1 })).toBe(true);
    expect(binding({ maxRequestsPerDay: 1 })).toBe(false);
    expect(bytesBind(judge([approving]), understood({}))).toBe(false);
  });

  it("where they take the first of two grants away", () => {
    const verdict = judge([policyOf({ constraints: { maxTokensPerRequest: 99 } }), policyOf({})]);
    expect(verdict.kind).toBe("candidates");
    expect(bytesBind(verdict, understood({}))).toBe(true);
  });
});

const number = { source: "agent/x", n: 7 };
const refused = (code: RefusalCode, changes: Partial<Refused> = {}): Refused => ({
  kind: "refused",
  refusal: refuse(code),
  number,
  revisions: null,
  ask: null,
  policyIds: [],
  trace: [],
  bound: null,
  ...changes,
});

describe("a ledger's refusal", () => {
  it.each<RefusalCode>(["token_quota_exceeded", "token_rate_exceeded", "cost_quota_exceeded"])(
    "with %s is worth counting",
    (code) => {
      expect(lacksRoom(refused(code))).toBe(true);
    },
  );

  it.each<RefusalCode>(["request_quota_exceeded", "concurrency_exceeded", "agent_disabled"])(
    "with %s is not",
    (code) => {
      expect(lacksRoom(refused(code))).toBe(false);
    },
  );

  it("gives way to the judgement of the counted prompt, which tells its number", () => {
    const first = refused("token_quota_exceeded");
    const allowed = allowedWith({});
    const later: Judgement = {
      ...allowed,
      reserved: { ...allowed.reserved, number: { source: "agent/x", n: 9 } },
    };
    expect(insteadOf(first, later)).toEqual({ ...later, skips: 7 });
    const again = refused("cost_quota_exceeded", { number: { source: "agent/x", n: 8 } });
    expect(insteadOf(first, again)).toEqual({ ...again, skips: 7 });
  });

  it("stands where nothing of the same ledger can tell its number", () => {
    const first = refused("token_quota_exceeded");
    expect(insteadOf(first, { kind: "stale", revisions: { tenant: 1, platform: 1 } })).toBe(first);
    expect(insteadOf(first, refused("ledger_unavailable", { number: { source: "worker/y", n: 8 } }))).toBe(
      first,
    );
  });
});
