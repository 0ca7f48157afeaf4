// What Azure gets: the reserved bound written in, nothing stored, usage reported, and all else as the caller wrote it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ForwardPlan, forwardedBody } from "../../../src/azure/forwarded-body.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { backendOf, chatBody, deploymentOf, responsesBody } from "./azure-fixture.ts";

const planOf = (name: OperationName, changes: Partial<ForwardPlan> = {}): ForwardPlan => ({
  operation: operations[name],
  deployment: deploymentOf({ maxOutputTokens: 1_000 }),
  backend: backendOf(),
  stream: false,
  maxOutputTokens: null,
  canReportUsage: true,
  allowStore: false,
  ...changes,
});
const chat = (body: JsonObject, changes: Partial<ForwardPlan> = {}) =>
  forwardedBody({ ...chatBody, ...body }, planOf("chat/completions", changes));

describe("the output bound", () => {
  it("is cut in every parameter the caller named", () => {
    expect(chat({ max_tokens: 900, max_completion_tokens: 50 }, { maxOutputTokens: 100 })).toMatchObject({
      max_tokens: 100,
      max_completion_tokens: 50,
    });
  });

  it("is cut to the deployment's cap where no limit applies", () => {
    expect(chat({ max_tokens: 5_000, max_completion_tokens: 20 })).toMatchObject({
      max_tokens: 1_000,
      max_completion_tokens: 20,
    });
  });

  it("is added where the caller named none, in the parameter the deployment takes", () => {
    expect(chat({}, { maxOutputTokens: 100 })).toMatchObject({ max_tokens: 100 });
    const reasoning = deploymentOf({ outputParameter: "max_completion_tokens" });
    const body = chat({}, { maxOutputTokens: 100, deployment: reasoning });
    expect(body).toMatchObject({ max_completion_tokens: 100 });
    expect(body).not.toHaveProperty("max_tokens");
    expect(forwardedBody({ prompt: "x" }, planOf("completions", { maxOutputTokens: 16 }))).toMatchObject({
      max_tokens: 16,
    });
    expect(forwardedBody(responsesBody, planOf("responses", { maxOutputTokens: 9 }))).toMatchObject({
      max_output_tokens: 9,
    });
  });

  it("is added where the caller wrote null, which bounds nothing", () => {
    expect(chat({ max_tokens: null }, { maxOutputTokens: 100 })).toMatchObject({ max_tokens: 100 });
  });

  it("is never written into a call without output", () => {
    const body = { input: "x", model: "e" };
    expect(forwardedBody(body, planOf("embeddings", { maxOutputTokens: 5 }))).toEqual({
      ...body,
      model: "gpt-4-eu",
    });
  });

  it("holds, whatever the caller names", () => {
    const named = fc.option(fc.integer({ min: 1, max: 2_000 }), { nil: undefined });
    fc.assert(
      fc.property(named, named, fc.integer({ min: 1, max: 1_000 }), (one, other, bound) => {
        const caller = {
          ...(one === undefined ? {} : { max_tokens: one }),
          ...(other === undefined ? {} : { max_completion_tokens: other }),
        };
        const body = chat(caller, { maxOutputTokens: bound });
        const written = [body.max_tokens, body.max_completion_tokens].filter((value) => value !== undefined);
        expect(written.length).toBeGreaterThan(0);
        for (const value of written) expect(value).toBeLessThanOrEqual(bound);
      }),
    );
  });
});

describe("storage at Azure", () => {
  it("is off on responses, whatever the caller says", () => {
    for (const store of [true, false, null, undefined, "yes"]) {
      expect(forwardedBody({ ...responsesBody, store }, planOf("responses")).store).toBe(false);
    }
    expect(forwardedBody(responsesBody, planOf("responses")).store).toBe(false);
  });

  it("is on where it is both asked for and allowed, and never where a body says nothing", () => {
    const allowStore = true;
    expect(chat({ store: true }, { allowStore }).store).toBe(true);
    expect(chat({}, { allowStore })).not.toHaveProperty("store");
    for (const [store, forwarded] of [
      [true, true],
      [false, false],
      [null, false],
      [undefined, false],
    ]) {
      const body = { ...responsesBody, store };
      expect(forwardedBody(body, planOf("responses", { allowStore })).store).toBe(forwarded);
    }
  });

  it("is off on chat when the caller asks for it, and otherwise not mentioned", () => {
    expect(chat({ store: true }).store).toBe(false);
    expect(chat({})).not.toHaveProperty("store");
  });
});

describe("usage reporting", () => {
  const included = { include_usage: true };

  it("is switched on for streams of chat and completions", () => {
    expect(chat({ stream: true }, { stream: true }).stream_options).toEqual(included);
    const completion = forwardedBody({ prompt: "x", stream: true }, planOf("completions", { stream: true }));
    expect(completion.stream_options).toEqual(included);
  });

  it("keeps the caller's other stream options, and overrules false", () => {
    const body = chat(
      { stream_options: { include_usage: false, include_obfuscation: false } },
      { stream: true },
    );
    expect(body.stream_options).toEqual({ include_usage: true, include_obfuscation: false });
    expect(chat({ stream_options: null }, { stream: true }).stream_options).toEqual(included);
  });

  it("is not asked of an api-version that does not know it, of responses, nor of whole answers", () => {
    expect(chat({}, { stream: true, canReportUsage: false })).not.toHaveProperty("stream_options");
    expect(forwardedBody(responsesBody, planOf("responses", { stream: true }))).not.toHaveProperty(
      "stream_options",
    );
    expect(chat({})).not.toHaveProperty("stream_options");
  });
});

describe("everything else", () => {
  it("the model becomes the backend's own deployment name", () => {
    expect(chat({}).model).toBe("gpt-4-eu");
    expect(forwardedBody(responsesBody, planOf("responses")).model).toBe("gpt-4-eu");
    expect(forwardedBody({ prompt: "x" }, planOf("completions"))).not.toHaveProperty("model");
  });

  it("unknown fields stay as they are, and the caller's body is left alone", () => {
    const body = Object.freeze({ ...chatBody, brand_new: { deep: [1, null] }, temperature: 2 });
    expect(forwardedBody(body, planOf("chat/completions"))).toEqual({ ...body, model: "gpt-4-eu" });
  });
});
