// Usage is what Azure reported or nothing: a report that is not well-formed must never count as zero.
import { describe, expect, it } from "vitest";
import { operations } from "../../../src/azure/operation.ts";
import { usageOfAnswer, usageOfEvent } from "../../../src/azure/usage.ts";

const chatUsage = { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 };
const responsesUsage = { input_tokens: 20, output_tokens: 5, total_tokens: 25 };
const read = { promptTokens: 20, cachedPromptTokens: 0, completionTokens: 5, totalTokens: 25 };
const chat = operations["chat/completions"];
const { responses, embeddings } = operations;

describe("a whole answer", () => {
  it("reports in its operation's spelling", () => {
    expect(usageOfAnswer(chat, { usage: chatUsage })).toEqual(read);
    expect(usageOfAnswer(responses, { usage: responsesUsage })).toEqual(read);
    expect(usageOfAnswer(chat, { usage: responsesUsage })).toBeNull();
    expect(usageOfAnswer(responses, { usage: chatUsage })).toBeNull();
  });

  it("of embeddings has no completion", () => {
    expect(usageOfAnswer(embeddings, { usage: { prompt_tokens: 8, total_tokens: 8 } })).toEqual({
      promptTokens: 8,
      cachedPromptTokens: 0,
      completionTokens: 0,
      totalTokens: 8,
    });
  });

  it("never counts less in total than in its parts, nor less than Azure's total", () => {
    expect(usageOfAnswer(chat, { usage: { ...chatUsage, total_tokens: 1 } })?.totalTokens).toBe(25);
    expect(usageOfAnswer(chat, { usage: { ...chatUsage, total_tokens: 99 } })?.totalTokens).toBe(99);
  });
});

describe("what Azure read from its cache", () => {
  it.each<[details: unknown, cachedPromptTokens: number]>([
    [{ cached_tokens: 3, audio_tokens: 0 }, 3],
    [{ cached_tokens: 20 }, 20],
    [{ cached_tokens: 99 }, 20],
    [{ cached_tokens: -3 }, 0],
    [{ cached_tokens: "3" }, 0],
    [{ cached_tokens: null }, 0],
    [{}, 0],
    [null, 0],
    [[3], 0],
  ])("told as %j, is %i of the prompt, in both spellings", (details, cachedPromptTokens) => {
    const expected = { ...read, cachedPromptTokens };
    expect(usageOfAnswer(chat, { usage: { ...chatUsage, prompt_tokens_details: details } })).toEqual(
      expected,
    );
    expect(usageOfAnswer(responses, { usage: { ...responsesUsage, input_tokens_details: details } })).toEqual(
      expected,
    );
  });
});

const malformed: readonly unknown[] = [
  undefined,
  null,
  {},
  [],
  "25",
  25,
  { prompt_tokens: 20 },
  { completion_tokens: 5, total_tokens: 25 },
  { ...chatUsage, prompt_tokens: -1 },
  { ...chatUsage, completion_tokens: -5 },
  { ...chatUsage, completion_tokens: null },
  { ...chatUsage, total_tokens: -25 },
  { ...chatUsage, total_tokens: "25" },
  { ...chatUsage, prompt_tokens: 1.5 },
  { ...chatUsage, prompt_tokens: 1e300 },
  { ...chatUsage, prompt_tokens: 2 ** 53 },
  { ...chatUsage, prompt_tokens: Number.NaN },
  { ...chatUsage, prompt_tokens: true },
  { input_tokens: 20, total_tokens: 25 },
  { ...responsesUsage, output_tokens: -1 },
  { ...responsesUsage, input_tokens: null },
];

describe("a report that is missing or malformed", () => {
  it.each(malformed.map((usage) => [usage]))("%j is none, never zero", (usage) => {
    for (const operation of Object.values(operations)) {
      expect(usageOfAnswer(operation, { usage })).toBeNull();
      expect(usageOfEvent(operation, { usage })).toBeNull();
      expect(usageOfEvent(operation, { response: { usage } })).toBeNull();
    }
  });

  it.each([null, "text", [chatUsage], 5])("an answer of %j reports nothing", (answer) => {
    expect(usageOfAnswer(chat, answer)).toBeNull();
    expect(usageOfEvent(responses, answer)).toBeNull();
  });
});

describe("one event of a stream", () => {
  it("reports where its operation puts it, and nowhere else", () => {
    expect(usageOfEvent(chat, { choices: [], usage: chatUsage })).toEqual(read);
    expect(usageOfEvent(chat, { response: { usage: chatUsage } })).toBeNull();
    expect(usageOfEvent(responses, { response: { usage: responsesUsage } })).toEqual(read);
    expect(usageOfEvent(responses, { usage: responsesUsage })).toBeNull();
  });
});
