// The tokens of one request at their edges, through `decide` as the gateway asks it (guarantee G1).
import { describe, expect, it } from "vitest";
import { ENFORCE_DEFAULT_TOKENS } from "../../../src/kernel/limits.ts";
import type { Constraints } from "../../../src/policy/constraints.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import {
  ask,
  capability,
  detailOf,
  judge,
  outcomeOf,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";

/** Per choice and reserved, or the refusal's code. */
function bounded(constraints: Constraints, changes: Partial<Ask>): string {
  const verdict = judge([policyOf({ constraints })], { ask: { ...ask, ...changes } });
  if (verdict.kind === "refused") return verdict.refusal.code;
  const { maxOutputTokens, reservedTokens } = verdict.candidates[0].obligations;
  return `${maxOutputTokens} per choice, ${reservedTokens} reserved`;
}

describe("maxTokensPerRequest", () => {
  const limit = { maxTokensPerRequest: 1_000 };

  it.each<[name: string, changes: Partial<Ask>, outcome: string]>([
    ["leaves an ask that fits", { promptTokens: 100, outputTokens: 900 }, "900 per choice, 1000 reserved"],
    [
      "cuts the output to what the prompt leaves",
      { promptTokens: 100, outputTokens: 901 },
      "900 per choice, 1000 reserved",
    ],
    [
      "leaves one token beside the largest prompt",
      { promptTokens: 999, outputTokens: 50 },
      "1 per choice, 1000 reserved",
    ],
    [
      "refuses a prompt that leaves no token",
      { promptTokens: 1_000, outputTokens: 50 },
      "tokens_per_request_exceeded",
    ],
    ["refuses a prompt above it", { promptTokens: 1_001, outputTokens: 50 }, "tokens_per_request_exceeded"],
    [
      "shares what is left among choices",
      { promptTokens: 100, outputTokens: 900, choices: 4 },
      "225 per choice, 1000 reserved",
    ],
    [
      "rounds a share down",
      { promptTokens: 101, outputTokens: 900, choices: 4 },
      "224 per choice, 997 reserved",
    ],
    [
      "leaves one token for each choice",
      { promptTokens: 996, outputTokens: 9, choices: 4 },
      "1 per choice, 1000 reserved",
    ],
    [
      "refuses when a choice would get none",
      { promptTokens: 997, outputTokens: 9, choices: 4 },
      "tokens_per_request_exceeded",
    ],
    ["refuses a prompt without a bound", { promptTokens: null }, "unbounded_ask"],
    [
      "takes an embedding exactly at it",
      { promptTokens: 1_000, outputTokens: 0 },
      "null per choice, 1000 reserved",
    ],
    [
      "refuses an embedding above it",
      { promptTokens: 1_001, outputTokens: 0 },
      "tokens_per_request_exceeded",
    ],
  ])("%s", (_name, changes, outcome) => {
    expect(bounded(limit, changes)).toBe(outcome);
  });

  it("says what was compared", () => {
    const verdict = judge([policyOf({ constraints: { maxTokensPerRequest: 50 } })]);
    expect(verdict).toMatchObject({
      refusal: { evidence: { constraint: "maxTokensPerRequest", actual: 101, limit: 50 } },
    });
  });

  it("is the smaller of the grant's and the token's", () => {
    const authorization = [detailOf({ constraints: { maxTokensPerRequest: 300 } })];
    const verdict = judge([policyOf({ constraints: limit })], {
      capability: { ...capability, authorization },
    });
    expect(verdict).toMatchObject({
      candidates: [{ obligations: { maxOutputTokens: 200, reservedTokens: 300 } }],
    });
  });
});

describe("maxTokensPerDay", () => {
  it("cuts one request to the whole day's tokens", () => {
    expect(bounded({ maxTokensPerDay: 500 }, { promptTokens: 100, outputTokens: 900 })).toBe(
      "400 per choice, 500 reserved",
    );
  });

  it("leaves a prompt above the day to the ledger, which knows the counters", () => {
    expect(bounded({ maxTokensPerDay: 500 }, { promptTokens: 600, outputTokens: 900 })).toBe(
      "1 per choice, 601 reserved",
    );
  });

  it("refuses a prompt without a bound, also where only the tenant has the limit", () => {
    expect(bounded({ maxTokensPerDay: 500 }, { promptTokens: null })).toBe("unbounded_ask");
    const snapshot = snapshotOf([policyOf()], { maxTokensPerDay: 500 });
    expect(outcomeOf(judge([], { snapshot, ask: { ...ask, promptTokens: null } }))).toBe("unbounded_ask");
  });
});

describe("without a token limit", () => {
  it("a prompt without a bound passes, and requests are still counted", () => {
    expect(bounded({}, { promptTokens: null })).toBe("null per choice, 1000 reserved");
    expect(bounded({ maxRequestsPerDay: 3 }, { promptTokens: null })).toBe("null per choice, 1000 reserved");
  });

  it("the reservation counts every choice", () => {
    expect(bounded({}, { choices: 3 })).toBe("null per choice, 3100 reserved");
  });
});

describe("/v1/enforce without counts", () => {
  const unstated = { promptTokens: 0, outputTokens: null };

  it("reserves maxTokensPerRequest of the grant and returns it as an obligation", () => {
    expect(bounded({ maxTokensPerRequest: 700 }, unstated)).toBe("700 per choice, 700 reserved");
  });

  it("reserves the default where no grant bounds a request", () => {
    const whole = `${ENFORCE_DEFAULT_TOKENS} per choice, ${ENFORCE_DEFAULT_TOKENS} reserved`;
    expect(bounded({}, unstated)).toBe(whole);
    expect(bounded({ maxTokensPerDay: 1_000_000 }, unstated)).toBe(whole);
  });

  it("reserves no more than the day holds", () => {
    expect(bounded({ maxTokensPerDay: 100 }, unstated)).toBe("100 per choice, 100 reserved");
  });

  it("takes a prompt that was named off what is reserved for the output", () => {
    expect(bounded({ maxTokensPerRequest: 700 }, { promptTokens: 200, outputTokens: null })).toBe(
      "500 per choice, 700 reserved",
    );
    expect(bounded({ maxTokensPerRequest: 700 }, { promptTokens: 700, outputTokens: null })).toBe(
      "tokens_per_request_exceeded",
    );
  });
});

describe("maxOutputTokens", () => {
  it.each<[name: string, constraints: Constraints, changes: Partial<Ask>, outcome: string]>([
    ["cuts what names more", { maxOutputTokens: 50 }, {}, "50 per choice, 150 reserved"],
    ["holds for each choice", { maxOutputTokens: 50 }, { choices: 3 }, "50 per choice, 250 reserved"],
    [
      "is written in also where less was named",
      { maxOutputTokens: 50 },
      { outputTokens: 20 },
      "20 per choice, 120 reserved",
    ],
    [
      "asks for no bound of the prompt",
      { maxOutputTokens: 50 },
      { promptTokens: null },
      "50 per choice, 50 reserved",
    ],
    [
      "has nothing to cut where nothing is generated",
      { maxOutputTokens: 50 },
      { outputTokens: 0 },
      "null per choice, 100 reserved",
    ],
    [
      "binds who named no counts",
      { maxOutputTokens: 50 },
      { outputTokens: null },
      "50 per choice, 150 reserved",
    ],
    [
      "binds with other limits: the smaller cuts",
      { maxOutputTokens: 50, maxTokensPerRequest: 130 },
      {},
      "30 per choice, 130 reserved",
    ],
    [
      "and the other way round",
      { maxOutputTokens: 20, maxTokensPerRequest: 130, maxTokensPerDay: 5_000 },
      {},
      "20 per choice, 120 reserved",
    ],
  ])("%s", (_name, constraints, changes, outcome) => {
    expect(bounded(constraints, changes)).toBe(outcome);
  });

  it("of grant, boundary and token: the smallest", () => {
    const policies = [
      policyOf({ constraints: { maxOutputTokens: 60 } }),
      policyOf({ id: policyId(2), kind: "boundary", constraints: { maxOutputTokens: 40 } }),
    ];
    const narrowed = { ...capability, authorization: [detailOf({ constraints: { maxOutputTokens: 50 } })] };
    expect(judge(policies, { capability: narrowed })).toMatchObject({
      candidates: [{ outputCap: 40, obligations: { maxOutputTokens: 40 } }],
    });
  });
});
