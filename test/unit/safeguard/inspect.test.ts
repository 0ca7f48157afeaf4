// Inspection under a residency promise: nothing passes that nobody has reviewed or that Azure would fetch.
import { describe, expect, it } from "vitest";
import { readPrompt } from "../../../src/azure/prompt-bound.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import type { Candidate } from "../../../src/policy/decision.ts";
import { NO_PROMISE, ResidencyPromise } from "../../../src/residency/promise.ts";
import { inspect } from "../../../src/safeguard/inspect.ts";
import { firstCandidate, judge, policyOf, snapshotOf } from "../policy/decide-fixture.ts";

/** Of a tenant with this promise. */
function candidatesUnder(residency: ResidencyPromise, constraints: object = {}): [Candidate, ...Candidate[]] {
  const policies = [policyOf({ constraints })];
  const { platform, tenant } = snapshotOf(policies);
  const snapshot = { platform, tenant: { ...tenant, tenant: { ...tenant.tenant, residency } } };
  return [firstCandidate(judge(policies, { snapshot }))];
}
const eu = ResidencyPromise.parse({ zone: "eu" });
const us = ResidencyPromise.parse({ zone: "us" });

function told(outsideContent: boolean, fields: readonly string[] | null, promise: ResidencyPromise) {
  // Object.fromEntries makes own members even of names such as __proto__.
  const body = fields && Object.fromEntries(fields.map((name) => [name, null]));
  return toldOf(outsideContent, body, promise);
}

function toldOf(outsideContent: boolean, body: JsonObject | null, promise: ResidencyPromise) {
  const candidates = candidatesUnder(promise);
  const inspected = inspect(candidates, { action: "chat", outsideContent, body });
  if (inspected.ok) expect(inspected.value).toBe(candidates);
  return inspected.ok ? "passes" : `${inspected.error.code} ${inspected.error.field ?? "-"}`;
}

describe("without a promise", () => {
  it("everything passes, known or not", () => {
    expect(told(true, ["model", "brand_new"], NO_PROMISE)).toBe("passes");
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
    expect(told(false, fields, promise)).toBe("passes");
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
    expect(told(false, ["model", "messages", field], promise)).toBe(`unsupported_parameter ${field}`);
  });

  it.each([
    ["messages.0.attachments", { messages: [{ role: "user", content: "x", attachments: [] }] }],
    [
      "messages.0.content.0.source",
      { messages: [{ role: "user", content: [{ type: "text", source: "x" }] }] },
    ],
    [
      "input.0.content.0.detail",
      { input: [{ role: "user", content: [{ type: "input_text", detail: "x" }] }] },
    ],
    ["instructions.0.url", { instructions: [{ url: "x" }] }],
    ["tools.0.server_url", { tools: [{ type: "function", server_url: "x" }] }],
  ])("a member %s, which nobody has reviewed, is refused", (path, body) => {
    expect(toldOf(false, body, promise)).toBe(`unsupported_parameter ${path}`);
  });

  it("an image in line draws on nothing outside, and still waits for its review", () => {
    const url = "data:image/png;base64,iVBORw0KGgo=";
    for (const part of [
      { type: "image_url", image_url: { url } },
      { type: "input_image", image_url: url },
    ]) {
      const body = { messages: [{ role: "user", content: [part] }] };
      expect(toldOf(readPrompt(body).outsideContent, body, promise)).toBe(
        "unsupported_parameter messages.0.content.0.image_url",
      );
    }
  });

  it("an image that Azure would fetch draws on more", () => {
    const part = { type: "image_url", image_url: { url: "https://x.test/a.png" } };
    const body = { messages: [{ role: "user", content: [part] }] };
    expect(toldOf(readPrompt(body).outsideContent, body, promise)).toBe("unsupported_parameter -");
  });

  it("the caller's own words are not members: schemas, arguments, metadata", () => {
    const tool = { name: "f", parameters: { type: "object", properties: { url: { anything: 1 } } } };
    const answered = {
      role: "assistant",
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    };
    const body = {
      messages: [answered, { role: "tool", tool_call_id: "1", content: [{ type: "text", text: "x" }] }],
      tools: [{ type: "function", function: tool }],
      metadata: { anything: "goes" },
      response_format: { type: "json_schema", json_schema: { anything: "goes" } },
    };
    expect(toldOf(false, body, promise)).toBe("passes");
  });

  it("a prompt that draws on more than its body is refused", () => {
    expect(told(true, ["model", "messages"], promise)).toBe("unsupported_parameter -");
  });

  it("an /v1/enforce has no body to inspect", () => {
    expect(told(false, null, promise)).toBe("passes");
  });
});

describe("candidates with obligations of their own", () => {
  const [free] = candidatesUnder(NO_PROMISE);
  const [placed] = candidatesUnder(NO_PROMISE, { dataResidency: "eu" });
  const [listed] = candidatesUnder(NO_PROMISE, { allowedTools: ["function", "web_search"] });

  const left = (body: JsonObject, outsideContent = false) => {
    const inspected = inspect([placed, listed, free], { action: "chat", outsideContent, body });
    return inspected.ok ? inspected.value : inspected.error.code;
  };

  it("drop out alone where the body does not keep them", () => {
    expect(left({ messages: [] })).toEqual([placed, listed, free]);
    expect(left({ messages: [], brand_new: 1 })).toEqual([free]);
    expect(left({ messages: [], web_search_options: {} }, true)).toEqual([listed, free]);
    expect(left({ messages: [], service_tier: "auto" })).toEqual([listed, free]);
  });

  it("refuse with what the first of them objects to, where none is left", () => {
    const inspected = inspect([listed, placed], {
      action: "chat",
      outsideContent: false,
      body: { messages: [], brand_new: 1 },
    });
    expect(inspected).toMatchObject({
      ok: false,
      error: { code: "unsupported_parameter", field: "brand_new" },
    });
  });

  it.each([
    ["brand_new", { brand_new: [{ type: "mcp" }] }],
    ["input.0.brand_new", { input: [{ role: "user", content: "x", brand_new: [] }] }],
    [
      "input.1.type",
      {
        input: [
          { role: "user", content: "x" },
          { type: "more_tools", tools: [] },
        ],
      },
    ],
    ["messages.0.extra", { messages: [{ role: "user", content: "x", extra: {} }] }],
    ["instructions.0.type", { instructions: [{ type: 1 }] }],
  ])("a list of tools does not let %s bring one unseen", (field, body) => {
    expect(inspect([listed], { action: "chat", outsideContent: false, body })).toMatchObject({
      ok: false,
      error: { code: "unsupported_parameter", field },
    });
  });

  it("a list of tools leaves all else alone: images, tool calls, any part of a message", () => {
    const content = [{ type: "image_url", image_url: { url: "https://x.test/a.png" }, brand_new: 1 }];
    const messages = [
      { role: "user", content },
      { role: "tool", tool_call_id: "1", content: "x" },
    ];
    const input = [
      { role: "user", content },
      { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "1", output: "x" },
      "text",
    ];
    for (const body of [{ messages }, { input }, { input: "text", tools: [{ type: "mcp", brand_new: 1 }] }])
      expect(inspect([listed], { action: "chat", outsideContent: true, body }).ok).toBe(true);
  });
});

describe("pictures and sound under a promise", () => {
  const told = (action: "image" | "audio", body: JsonObject, outsideContent = false) => {
    const inspected = inspect(candidatesUnder(eu), { action, outsideContent, body });
    return inspected.ok ? "passes" : `${inspected.error.code} ${inspected.error.field ?? "-"}`;
  };

  it("have parameters of their own, and none that nobody has reviewed", () => {
    expect(told("image", { prompt: "x", image: [null, null], size: "auto", n: 2 })).toBe("passes");
    expect(told("audio", { file: null, language: "en", include: ["logprobs"] })).toBe("passes");
    expect(told("image", { prompt: "x", messages: [] })).toBe("unsupported_parameter messages");
    expect(told("audio", { input: "x", brand_new: null })).toBe("unsupported_parameter brand_new");
    expect(told("audio", { file: null, known_speaker_references: ["https://x.test/a"] })).toBe(
      "unsupported_parameter known_speaker_references",
    );
  });

  it("are none that Azure would fetch", () => {
    expect(told("image", { prompt: "x", image: "https://x.test/a.png" }, true)).toBe(
      "unsupported_parameter -",
    );
  });
});
