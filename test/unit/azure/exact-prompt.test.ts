// The counted bound lies between what the tokenizer counts with the chat template around it, and the bytes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { savedByCounting } from "../../../src/azure/exact-prompt.ts";
import { promptTokenBound, readPrompt } from "../../../src/azure/prompt-bound.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { anyText, judgedTokens, tokenCounter } from "./tokenizer-fixture.ts";

const encoding = "o200k_base";
const count = await tokenCounter(encoding);
const judged = (text: string): number => judgedTokens(encoding, text);

function bounds(body: JsonObject): { readonly bytes: number; readonly counted: number } {
  const bytes = promptTokenBound(readPrompt(body), "gpt-4o") ?? Number.NaN;
  return { bytes, counted: bytes - savedByCounting(body, count) };
}

/** A message costs three tokens besides its texts, a name one, a reply three more (OpenAI's cookbook). */
function chatTokens(
  messages: readonly { readonly role: string; readonly content: unknown; readonly name?: string }[],
) {
  return messages.reduce((sum, { role, content, name }) => {
    const texts =
      typeof content === "string"
        ? content
        : (content as { text: string }[]).map(({ text }) => text).join("");
    return sum + 3 + judged(role) + judged(texts) + (name === undefined ? 0 : judged(name) + 1);
  }, 3);
}

const message = fc.record(
  {
    role: fc.constantFrom("system", "developer", "user", "assistant", "tool"),
    content: fc.oneof(
      anyText,
      fc.array(fc.record({ type: fc.constant("text"), text: anyText }), { maxLength: 4 }),
    ),
    name: anyText,
  },
  { requiredKeys: ["role", "content"] },
);

describe("the counted bound", () => {
  it("of chat messages covers the whole as the tokenizer counts it, and never exceeds the bytes", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const { bytes, counted } = bounds({ messages });
        expect(counted).toBeGreaterThanOrEqual(chatTokens(messages));
        expect(counted).toBeLessThanOrEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it("of prompts, inputs and instructions does as well", () => {
    fc.assert(
      fc.property(anyText, fc.array(anyText, { maxLength: 4 }), (text, texts) => {
        const all = texts.reduce((sum, entry) => sum + judged(entry), judged(text));
        for (const body of [
          { prompt: text, input: texts },
          { input: text, prompt: texts },
          { instructions: text, input: texts.map((entry) => ({ role: "user", content: entry })) },
          { instructions: text, input: texts.map((output) => ({ type: "function_call_output", output })) },
        ]) {
          const { bytes, counted } = bounds(body);
          expect(counted).toBeGreaterThanOrEqual(all);
          expect(counted).toBeLessThanOrEqual(bytes);
        }
      }),
    );
  });

  it("keeps the bytes of all that is no text of the prompt", () => {
    const long = "many words of a schema ".repeat(40);
    const plain = bounds({ messages: [{ role: "user", content: "Hello" }] }).counted;
    for (const more of [
      { tools: [{ type: "function", function: { name: "f", description: long } }] },
      { response_format: { type: "json_schema", json_schema: { description: long } } },
      { prediction: { type: "content", content: long } },
      { nobody_knows: long },
    ]) {
      const { counted } = bounds({ messages: [{ role: "user", content: "Hello" }], ...more });
      expect(counted).toBeGreaterThanOrEqual(plain + long.length);
    }
    const call = { type: "function", id: "1", function: { name: "f", arguments: long } };
    expect(
      bounds({ messages: [{ role: "assistant", content: null, tool_calls: [call] }] }).counted,
    ).toBeGreaterThan(long.length);
  });

  it("is close: a long text costs its tokens, a short message a dozen", () => {
    const text = "The toll keeper counts every coin twice, and writes it down. ".repeat(200);
    expect(bounds({ messages: [{ role: "user", content: text }] }).counted).toBeLessThan(judged(text) + 30);
    const turns = Array.from({ length: 100 }, () => ({ role: "user", content: "Hello" }));
    expect(bounds({ messages: turns }).counted).toBeLessThan(100 * 13);
    expect(bounds({ messages: turns }).counted).toBeGreaterThanOrEqual(chatTokens(turns));
  });

  it("stays with the bytes for what would take too long to count", () => {
    const text = "word ".repeat(300_000);
    const { bytes, counted } = bounds({ input: [text, "word ".repeat(1_000)] });
    expect(counted).toBeGreaterThan(text.length);
    // What still fits is counted.
    expect(counted).toBeLessThan(bytes - 3_000);
  });
});
