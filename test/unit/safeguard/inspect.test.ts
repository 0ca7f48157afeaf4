// Inspection under a residency promise: nothing passes that nobody has reviewed or that Azure would fetch.
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../src/policy/decision.ts";
import { NO_PROMISE, ResidencyPromise } from "../../../src/residency/promise.ts";
import { inspect } from "../../../src/safeguard/inspect.ts";
import { firstCandidate, judge, policyOf } from "../policy/decide-fixture.ts";

const candidates: readonly [Candidate, ...Candidate[]] = [firstCandidate(judge([policyOf()]))];
const eu = ResidencyPromise.parse({ zone: "eu" });
const us = ResidencyPromise.parse({ zone: "us" });

function told(promptTokens: number | null, fields: readonly string[] | null, promise: ResidencyPromise) {
  const inspected = inspect(candidates, { promptTokens }, fields, promise);
  return inspected.ok ? inspected.value : `${inspected.error.code} ${inspected.error.field ?? "-"}`;
}

describe("without a promise", () => {
  it("everything passes, known or not", () => {
    expect(told(null, ["model", "brand_new"], NO_PROMISE)).toBe(candidates);
  });
});

describe.each([
  ["eu", eu],
  ["us", us],
])("under a promise of %s", (_zone, promise) => {
  it.each([
    [["model", "messages", "temperature", "stream", "stream_options", "tools", "max_completion_tokens"]],
    [["model", "input", "instructions", "max_output_tokens", "store", "reasoning", "text"]],
    [["model", "prompt", "best_of", "suffix", "echo", "max_tokens"]],
    [["model", "input", "dimensions", "encoding_format", "user"]],
    [[]],
  ])("known fields pass: %j", (fields) => {
    expect(told(10, fields, promise)).toBe(candidates);
  });

  it.each([
    "brand_new",
    "Model",
    "data_sources",
    "web_search_options",
    "previous_response_id",
    "conversation",
    "background",
    "audio",
    "service_tier",
    "extra_body",
    "__proto__",
    "",
  ])("a field %j, which nobody has reviewed, is refused", (field) => {
    expect(told(10, ["model", "messages", field], promise)).toBe(`unsupported_parameter ${field}`);
  });

  it("a prompt that draws on more than its body is refused", () => {
    expect(told(null, ["model", "messages"], promise)).toBe("unsupported_parameter -");
  });

  it("an /v1/enforce has no body to inspect", () => {
    expect(told(0, null, promise)).toBe(candidates);
  });
});
