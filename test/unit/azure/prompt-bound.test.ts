// The prompt bound is never below what any byte-level tokenizer can count, and absent where the body is not all there is.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promptTokenBound, readPrompt } from "../../../src/azure/prompt-bound.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { chatBody } from "./azure-fixture.ts";

const boundOf = (body: JsonObject, model = "gpt-4o"): number | null =>
  promptTokenBound(readPrompt(body), model);

/** The finest a byte-pair tokenizer can cut: one token for each byte. */
const byteTokens = (text: string): number => new TextEncoder().encode(text).length;
const anyText = fc.string({ unit: "binary", maxLength: 60 });

/** A message costs three tokens besides its texts, a reply three more (OpenAI's cookbook). */
const chatOverhead = (messages: number): number => 3 * messages + 3;

describe("the bound", () => {
  it("covers every byte of every chat message and the template around it", () => {
    const message = fc.record(
      {
        role: fc.constantFrom("system", "user", "assistant"),
        content: fc.oneof(
          anyText,
          fc.array(fc.record({ type: fc.constant("text"), text: anyText }), { maxLength: 3 }),
        ),
        name: anyText,
      },
      { requiredKeys: ["role", "content"] },
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const texts = messages.flatMap(({ role, content, name }) => [
          role,
          name ?? "",
          ...(typeof content === "string" ? [content] : content.map(({ text }) => text)),
        ]);
        const counted =
          texts.reduce((sum, text) => sum + byteTokens(text), 0) + chatOverhead(messages.length);
        expect(boundOf({ messages })).toBeGreaterThanOrEqual(counted);
      }),
    );
  });

  it("is at least the number of words, in any script", () => {
    const word = fc.constantFrom("tollgate", "Übung", "水门", "🙂", "'s");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), (words) => {
        expect(boundOf({ input: words.join(" ") })).toBeGreaterThanOrEqual(words.length);
      }),
    );
  });

  it("counts bytes, not characters", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("é", "水", "🙂"),
        fc.integer({ min: 1, max: 2_000 }),
        (character, times) => {
          const content = character.repeat(times);
          expect(boundOf({ messages: [{ role: "user", content }] })).toBeGreaterThanOrEqual(
            byteTokens(content) + chatOverhead(1),
          );
        },
      ),
    );
  });

  it("counts lone surrogates as no less than what Azure gets for them", () => {
    expect(boundOf({ prompt: "\ud800".repeat(10) })).toBeGreaterThanOrEqual(30);
  });

  it("counts a prompt in tokens, one for each number", () => {
    const tokens = fc.array(fc.nat({ max: 200_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(tokens, fc.array(tokens, { maxLength: 5 }), (prompt, input) => {
        const around = byteTokens('{"prompt":}');
        expect(boundOf({ prompt })).toBe(around + prompt.length);
        expect(boundOf({ input })).toBe(around - 1 + input.flat().length);
      }),
    );
  });

  it("grows with tools, schemas and instructions, which are prompt as well", () => {
    const text = "a".repeat(500);
    const plain = boundOf(chatBody) ?? 0;
    for (const more of [
      { tools: [{ type: "function", function: { name: "f", description: text } }] },
      { tools: [{ type: "custom", custom: { name: "f", description: text } }] },
      { response_format: { type: "json_schema", json_schema: { name: text } } },
      { instructions: text },
      { prediction: { type: "content", content: text } },
    ]) {
      expect(boundOf({ ...chatBody, ...more })).toBeGreaterThanOrEqual(plain + 500);
    }
  });
});

const part = (content: JsonObject): JsonObject => ({ messages: [{ role: "user", content: [content] }] });
const item = (content: JsonObject): JsonObject => ({
  input: [{ type: "message", role: "user", content: [content] }],
});

describe("a body that draws in more than it holds", () => {
  it.each<[name: string, body: JsonObject]>([
    ["an image written as chat does not", part({ type: "image_url", image_url: "https://x.test/a.png" })],
    ["an image without a URL", item({ type: "input_image", detail: "low" })],
    ["an image with a file", item({ type: "input_image", image_url: "data:,", file_id: "file-1" })],
    [
      "an image with more than an image",
      part({ type: "image_url", image_url: { url: "data:,", frames: 30 } }),
    ],
    ["an image beside text", part({ type: "image_url", image_url: { url: "data:," }, text: "x" })],
    ["spoken input", part({ type: "input_audio", input_audio: { data: "AA==", format: "wav" } })],
    ["an earlier spoken answer", { messages: [{ role: "assistant", audio: { id: "audio_1" } }] }],
    ["a file", part({ type: "file", file: { file_data: "AA==" } })],
    ["a file item", item({ type: "input_file", file_url: "https://x.test/a.pdf" })],
    ["a part of a kind nobody knows", part({ type: "hologram", text: "x" })],
    ["a part whose kind is no text", part({ type: 7 })],
    ["a stored item", { input: [{ type: "item_reference", id: "msg_1" }] }],
    [
      "an image a tool returned without a URL",
      { input: [{ type: "function_call_output", output: [{ type: "input_image" }] }] },
    ],
    [
      "a part nested in a part",
      { messages: [{ content: [{ type: "text", content: [{ type: "image_url" }] }] }] },
    ],
    ["data sources", { ...chatBody, data_sources: [{ type: "azure_search" }] }],
    ["web search", { ...chatBody, web_search_options: {} }],
    ["a web search tool", { input: "x", tools: [{ type: "web_search" }] }],
    ["a file search tool", { input: "x", tools: [{ type: "function" }, { type: "file_search" }] }],
    ["a remote MCP tool", { input: "x", tools: [{ type: "mcp", server_url: "https://x.test" }] }],
    [
      "a code interpreter",
      { input: "x", tools: [{ type: "code_interpreter", container: { type: "auto" } }] },
    ],
    ["a tool without a kind", { input: "x", tools: [{ name: "f" }] }],
    ["tools that are no list", { input: "x", tools: { type: "function" } }],
  ])("%s has no bound", (_name, body) => {
    expect(boundOf(body)).toBeNull();
    expect(readPrompt(body).outsideContent).toBe(true);
  });

  it.each<[name: string, body: JsonObject]>([
    ["text parts", part({ type: "text", text: "x" })],
    ["text items", item({ type: "input_text", text: "x" })],
    ["nulls", { ...chatBody, tools: null, data_sources: null, web_search_options: null }],
    [
      "an SDK's own answer sent back",
      { messages: [{ role: "assistant", content: "x", audio: null, refusal: null }] },
    ],
    ["tool calls and their results", { messages: [{ role: "tool", tool_call_id: "1", content: "x" }] }],
    ["a tool's text result", { input: [{ type: "function_call_output", call_id: "1", output: "x" }] }],
    ["functions", { input: "x", tools: [{ type: "function", name: "f" }] }],
    ["text that names an image", part({ type: "text", text: '{"type":"image_url"}' })],
  ])("%s have one", (_name, body) => {
    expect(boundOf(body)).toBe(byteTokens(JSON.stringify(body)));
    expect(readPrompt(body).outsideContent).toBe(false);
  });
});

describe("an image", () => {
  /** A header of 64 × 64, and a megabyte that nobody reads. */
  const header = [...Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1"), 0, 0, 0, 64, 0, 0, 0, 64];
  const inline = `data:image/png;base64,${Buffer.concat([Buffer.from(header), Buffer.alloc(1_000_000)]).toString("base64")}`;
  const broken = "data:image/png;base64,AA==";
  const remote = "https://x.test/a.png";
  const inChat = (url: string) => part({ type: "image_url", image_url: { url, detail: "high" } });
  const inResponses = (url: string) => item({ type: "input_image", image_url: url, file_id: null });

  it.each([
    ["chat", inChat],
    ["Responses", inResponses],
  ])("of %s in line costs its tokens, not its bytes", (_name, body) => {
    expect(boundOf(body(inline))).toBe(byteTokens(JSON.stringify(body(""))) + 85 + 170);
    expect(readPrompt(body(inline)).outsideContent).toBe(false);
  });

  it("that cannot be read costs the model's most", () => {
    expect(boundOf(inChat(broken))).toBe(byteTokens(JSON.stringify(inChat(""))) + 85 + 8 * 170);
  });

  it.each([
    ["chat", inChat],
    ["Responses", inResponses],
  ])("of %s that Azure would fetch costs the model's most, and is content from outside", (_name, body) => {
    expect(boundOf(body(remote))).toBe(byteTokens(JSON.stringify(body(remote))) + 85 + 8 * 170);
    expect(readPrompt(body(remote)).outsideContent).toBe(true);
  });

  it("is counted each time, also where a tool returned it", () => {
    const image = { type: "input_image", image_url: inline };
    const output = { input: [{ type: "function_call_output", call_id: "1", output: [image, image] }] };
    expect(readPrompt(output).images).toHaveLength(2);
    expect(boundOf(output)).toBeGreaterThan(2 * 255);
    expect(boundOf(output)).toBeLessThan(1_000);
  });

  it("has no bound on a model that is not listed", () => {
    expect(boundOf(inChat(inline), "unheard-of")).toBeNull();
    expect(boundOf(chatBody, "unheard-of")).not.toBeNull();
  });
});
