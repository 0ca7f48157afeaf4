// What a record keeps so that its decision can be made again: facts, bounded, and never a text or an address.
import { describe, expect, it } from "vitest";
import { DecisionRecord } from "../../../src/audit/audit-record.ts";
import type { AuthorizationDetail, Capability } from "../../../src/capability/claims.ts";
import { decisionRecordOf } from "../../../src/gateway/decision-record.ts";
import type { Allowed, Question } from "../../../src/gateway/question.ts";
import { refusedAs } from "../../../src/gateway/refused-as.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import type { Ask, TraceLine } from "../../../src/policy/decision.ts";
import { ask, detailOf, policyId } from "../policy/decide-fixture.ts";
import { allowedWith, question } from "./gateway-fixture.ts";

const NOW_MS = 1_790_000_000_000;
const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

function recorded(
  changes: Partial<Ask> = {},
  capability: Partial<Capability> = {},
  more: Partial<Allowed> = {},
): DecisionRecord {
  const allowed = { ...allowedWith({}), ...more, ask: { ...ask, ...changes } };
  const asked: Question = { ...question, capability: { ...question.capability, ...capability } };
  return DecisionRecord.parse(decisionRecordOf(asked, allowed, NOW_MS));
}

describe("the inputs of a decision", () => {
  it("are the facts that the record does not state already, and the trace of an allowance too", () => {
    const record = recorded({}, {}, { notes: { foundTexts: [], uncounted: false } });
    expect(record.inputs).toEqual({
      roles: ["analyst"],
      authorization: null,
      clientAddressKnown: true,
      ask: {
        promptTokens: 100,
        uncounted: false,
        outputTokens: 1_000,
        outputIsFixed: false,
        choices: 1,
        stream: false,
        tools: [],
        stores: false,
        content: { promptCharacters: 400, parameters: {}, canStrip: true, texts: { found: [], more: false } },
        reviewed: null,
      },
    });
    expect(record.trace).toEqual([{ policyId: policyId(1), outcome: "allows" }]);
    const { inputs, trace, traceLinesCut } = record;
    expect(bytesOf({ inputs, trace, traceLinesCut })).toBeLessThan(600);
  });

  it("have a child's details within those of its ancestors, and repeat no text that one of them names", () => {
    const held = (constraints: AuthorizationDetail["constraints"]) => {
      const within = [{ rootTokenId: question.capability.tokenId, detail: detailOf({ constraints }) }];
      return [{ ...detailOf(), within }];
    };
    const authorization = held({ maxTokensPerDay: 5 });
    expect(recorded({}, { authorization }).inputs?.authorization).toEqual(authorization);
    const naming = held({ deniedPatterns: { patterns: ["secret"], action: "deny" } });
    expect(recorded({}, { authorization: naming }).inputs?.authorization).toBe("names_texts");
  });

  it("are read from records that were written before they were kept", () => {
    const { inputs: _, trace: __, traceLinesCut: ___, ...older } = recorded();
    expect(DecisionRecord.parse(older)).toMatchObject({ inputs: null, trace: [], traceLinesCut: 0 });
  });

  it("hold no ask where the decision was made before the body", () => {
    const number = { source: "worker/1", n: 3 };
    const refused = refusedAs(refuse("role_not_allowed"), { number, revisions: null }, {});
    const record = DecisionRecord.parse(decisionRecordOf(question, refused, NOW_MS));
    expect(record.inputs).toEqual({
      roles: ["analyst"],
      authorization: null,
      clientAddressKnown: true,
      ask: null,
    });
  });

  it("hold neither the address nor a denied text that was found: digests of these, and how to tell that there are more", () => {
    const content = { ...ask.content, literals: ["hunter2", "project x"] };
    const record = recorded({ content }, {}, { notes: { foundTexts: ["d1"], uncounted: false } });
    expect(record.inputs?.ask?.content.texts).toEqual({ found: ["d1"], more: true });
    expect(JSON.stringify(record)).not.toMatch(/hunter2|project x|192\.0\.2\.1/);
  });

  it("claim nothing that nobody noted: a prompt may have fewer tokens, and hold further texts", () => {
    const content = { ...ask.content, literals: ["hunter2"] };
    expect(recorded({ content }).inputs?.ask).toMatchObject({
      uncounted: true,
      content: { texts: { found: [], more: true } },
    });
  });

  it("keep of the parameters those that policies can bound, and no infinite number", () => {
    const parameters = {
      temperature: 0.5,
      n: Number.POSITIVE_INFINITY,
      top_p: null,
      "hunter2 is my password": 1,
    };
    const content = { ...ask.content, parameters };
    const kept = { temperature: 0.5, n: null, top_p: null };
    expect(recorded({ content }).inputs?.ask?.content.parameters).toEqual(kept);
  });

  const details = (constraints: AuthorizationDetail["constraints"]) => [detailOf({ constraints })];
  it.each<[what: string, given: AuthorizationDetail[], kept: unknown]>([
    ["as stated", details({ maxTokensPerDay: 5 }), details({ maxTokensPerDay: 5 })],
    ["not at all where they are long", details({ allowedRoles: ["r".repeat(3_000)] }), "too_long"],
    [
      "not at all where they name texts",
      details({ deniedPatterns: { patterns: ["hunter2"], action: "deny" } }),
      "names_texts",
    ],
  ])("keep a token's own details %s", (_what, authorization, kept) => {
    expect(recorded({}, { authorization }).inputs?.authorization).toEqual(kept);
  });

  it("tell which inspection the body has passed, if any", () => {
    const reviewedBy = (constraints: Record<string, unknown>, surface: Question["surface"] = "relay") =>
      decisionRecordOf({ ...question, surface }, allowedWith(constraints), NOW_MS).inputs?.ask?.reviewed;
    expect(reviewedBy({})).toBeNull();
    expect(reviewedBy({ allowedTools: ["function"] })).toBe("tools");
    expect(reviewedBy({ dataResidency: "eu", allowedTools: ["function"] })).toBe("residency");
    expect(reviewedBy({ dataResidency: "eu" }, "enforce")).toBeNull();
  });
});

it("the largest record fits into a queue's message (128 kB), whatever its characters", () => {
  const wide = (length: number) => "\u0001".repeat(length);
  const lists = { actual: Array(50).fill(wide(200)), limit: Array(50).fill(wide(200)) };
  const refusal = refuse("role_not_allowed", { evidence: { constraint: "allowedRoles", ...lists } });
  const trace = Array.from(
    { length: 300 },
    (): TraceLine => ({ policyId: policyId(1), outcome: "dropped", refusal }),
  );
  const content = {
    ...ask.content,
    literals: Array(50).fill("x"),
    parameters: Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`p${index}`, 1])),
  };
  const asked: Question = {
    ...question,
    requestId: wide(200),
    capability: {
      ...question.capability,
      roles: Array(10).fill(wide(200)),
      authorization: [detailOf({ constraints: { allowedRoles: [wide(150)] } })],
    },
  };
  const large = {
    ask: { ...ask, content, resource: `api://${"x".repeat(500)}`, tools: Array(10).fill(wide(200)) },
    notes: { foundTexts: Array(20).fill("d".repeat(32)), uncounted: true },
    trace,
    policyIds: Array.from({ length: 300 }, (_, index) => policyId(index)),
  };
  const number = { source: "worker/1", n: 3 };
  const refused = decisionRecordOf(asked, refusedAs(refusal, { number, revisions: null }, large), NOW_MS);
  const limit = { owner: wide(128), scope: "agent", meter: "tokens", window: "month" } as const;
  const allowed = allowedWith({ auditLogging: "detailed" });
  const obligations = { ...allowed.candidate.obligations, allowedTools: Array(500).fill(wide(256)) };
  const all = decisionRecordOf(
    asked,
    {
      ...allowed,
      ...large,
      candidate: { ...allowed.candidate, obligations, policyIds: large.policyIds },
      reserved: {
        ...allowed.reserved,
        limits: Array(100).fill({ ...limit, limit: Number.MAX_SAFE_INTEGER, left: 1, resetsAtMs: NOW_MS }),
      },
    },
    NOW_MS,
  );
  expect(all.at).toBe(timestampOf(NOW_MS));
  for (const record of [refused, all]) {
    expect(DecisionRecord.parse(record).inputs?.roles).toHaveLength(10);
    expect(bytesOf(record)).toBeLessThan(128_000);
  }
});
