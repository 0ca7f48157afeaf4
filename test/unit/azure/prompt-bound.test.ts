// The prompt bound is never below what any byte-level tokenizer can count, and absent where the body is not all there is.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promptTokenBound } from "../../../src/azure/prompt-bound.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { chatBody } from "./azure-fixture.ts";

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
        expect(promptTokenBound({ messages })).toBeGreaterThanOrEqual(counted);
      }),
    );
  });

  it("is at least the number of words, in any script", () => {
    const word = fc.constantFrom("tollgate", "Übung", "水门", "🙂", "'s");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), (words) => {
        expect(promptTokenBound({ input: words.join(" ") })).toBeGreaterThanOrEqual(words.length);
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
          expect(promptTokenBound({ messages: [{ role: "user", content }] })).toBeGreaterThanOrEqual(
            byteTokens(content) + chatOverhead(1),
          );
        },
      ),
    );
  });

  it("counts lone surrogates as no less than what Azure gets for them", () => {
    expect(promptTokenBound({ prompt: "\ud800".repeat(10) })).toBeGreaterThanOrEqual(30);
  });

  it("covers a prompt in tokens, one for each number", () => {
    const tokens = fc.array(fc.nat({ max: 200_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(tokens, fc.array(tokens, { maxLength: 5 }), (prompt, input) => {
        expect(promptTokenBound({ prompt })).toBeGreaterThanOrEqual(prompt.length);
        expect(promptTokenBound({ input })).toBeGreaterThanOrEqual(input.flat().length);
      }),
    );
  });

  it("grows with tools, schemas and instructions, which are prompt as well", () => {
    const text = "a".repeat(500);
    const plain = promptTokenBound(chatBody) ?? 0;
    for (const more of [
      { tools: [{ type: "function", function: { name: "f", description: text } }] },
      { tools: [{ type: "custom", custom: { name: "f", description: text } }] },
      { response_format: { type: "json_schema", json_schema: { name: text } } },
      { instructions: text },
      { prediction: { type: "content", content: text } },
    ]) {
      expect(promptTokenBound({ ...chatBody, ...more })).toBeGreaterThanOrEqual(plain + 500);
    }
  });
});

const part = (content: JsonObject): JsonObject => ({ messages: [{ role: "user", content: [content] }] });
const item = (content: JsonObject): JsonObject => ({
  input: [{ type: "message", role: "user", content: [content] }],
});

describe("a body that draws in more than it holds", () => {
  it.each<[name: string, body: JsonObject]>([
    ["an image by URL", part({ type: "image_url", image_url: { url: "https://x.test/a.png" } })],
    ["an image in line", part({ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } })],
    ["spoken input", part({ type: "input_audio", input_audio: { data: "AA==", format: "wav" } })],
    ["an earlier spoken answer", { messages: [{ role: "assistant", audio: { id: "audio_1" } }] }],
    ["a file", part({ type: "file", file: { file_data: "AA==" } })],
    ["an image item", item({ type: "input_image", image_url: "https://x.test/a.png" })],
    ["a file item", item({ type: "input_file", file_url: "https://x.test/a.pdf" })],
    ["a part of a kind nobody knows", part({ type: "hologram", text: "x" })],
    ["a part whose kind is no text", part({ type: 7 })],
    ["a stored item", { input: [{ type: "item_reference", id: "msg_1" }] }],
    [
      "an image a tool returned",
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
    expect(promptTokenBound(body)).toBeNull();
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
    expect(promptTokenBound(body)).toBe(byteTokens(JSON.stringify(body)));
  });
});
