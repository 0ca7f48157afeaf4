// Which texts of a body a model may read: all of them, wherever they stand, but for what is known to be something else.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { charactersIn, mapPromptTexts, promptTexts } from "../../../src/azure/prompt-texts.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";

const part = (text: string) => ({ type: "text", text });
const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } };

describe("the texts of a prompt", () => {
  it.each<[what: string, body: JsonObject, texts: readonly string[]]>([
    ["chat", { messages: [{ role: "user", content: "a" }] }, ["a"]],
    [
      "parts beside an image",
      { messages: [{ role: "user", content: [part("a"), image, part("b")] }] },
      ["a", "b"],
    ],
    [
      "calls and their answers",
      {
        messages: [
          {
            role: "assistant",
            tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }],
          },
          { role: "tool", tool_call_id: "call_1", content: "c" },
        ],
      },
      ["f", "{}", "c"],
    ],
    [
      "a response",
      {
        instructions: "a",
        input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "b" }] }],
      },
      ["a", "b"],
    ],
    [
      "an answer of a function",
      { input: [{ type: "function_call_output", call_id: "c", output: "o" }] },
      ["o"],
    ],
    ["completions", { prompt: ["a", "b"], suffix: "s" }, ["a", "b", "s"]],
    ["embeddings", { input: ["a"] }, ["a"]],
    [
      "tools",
      {
        tools: [
          {
            type: "function",
            function: {
              name: "f",
              description: "d",
              parameters: { type: "object", properties: { id: { enum: ["x y"] } } },
            },
          },
        ],
      },
      ["f", "d", "x y"],
    ],
    ["a member nobody knows", { brand_new: { anything: ["a"] } }, ["a"]],
    ["settings", { model: "m", user: "u", stop: ["x"], metadata: { a: "b" }, temperature: 1 }, []],
    [
      "a text in the place of a mark",
      { messages: [{ role: "<script>", content: [{ type: "text", id: "x y" }] }] },
      ["<script>", "x y"],
    ],
    ["a text in the place of a background", { background: "<script> it" }, ["<script> it"]],
    ["a background", { background: "transparent" }, []],
    ["an answer in the background", { background: true }, []],
    [
      "a text in the place of an address",
      { messages: [{ image_url: "data:image/png,<script" }, { url: "see https://x.test" }] },
      ["data:image/png,<script", "see https://x.test"],
    ],
    [
      "sound",
      { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "AAAA" } }] }] },
      [],
    ],
  ])("%s", (_what, body, texts) => {
    expect(promptTexts(body)).toEqual(texts);
  });

  it.each<[what: string, body: JsonObject]>([
    ["token numbers", { prompt: [1, 2] }],
    ["several prompts in token numbers", { input: [[1], [2]] }],
    ["token numbers among texts", { prompt: ["a", [1]] }],
    ["a file", { messages: [{ role: "user", content: [{ type: "file", file: { file_data: "x" } }] }] }],
    [
      "a file of a response",
      { input: [{ role: "user", content: [{ type: "input_file", file_data: "x" }] }] },
    ],
  ])("%s cannot be read", (_what, body) => {
    expect(promptTexts(body)).toBeNull();
  });

  it("are replaced where they stand, and nothing else is", () => {
    const body = { model: "ab", messages: [{ role: "ab", content: [part("ab"), image] }], n: 1, tools: null };
    expect(mapPromptTexts(body, (text) => text.replace("b", ""))).toEqual({
      ...body,
      messages: [{ role: "ab", content: [part("a"), image] }],
    });
  });

  it("that do not change leave the body the same object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (body) => {
        const marked = JSON.parse(JSON.stringify(body)) as JsonObject;
        expect(mapPromptTexts(marked, (text) => text)).toBe(marked);
        expect(JSON.stringify(mapPromptTexts(marked, (text) => `${text}x`)).length).toBe(
          JSON.stringify(marked).length + (promptTextsAnyway(marked) ?? 0),
        );
      }),
    );
  });
});

const promptTextsAnyway = (body: JsonObject): number => {
  let texts = 0;
  mapPromptTexts(body, (text) => {
    texts += 1;
    return text;
  });
  return texts;
};

it("characters are code points", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ud83d", "\ude00\ud83d", "a\ud83d")),
      (text) => {
        expect(charactersIn(text)).toBe([...text].length);
      },
    ),
  );
});
