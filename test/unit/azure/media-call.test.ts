// What calls about pictures and sound may use, what a good answer to them is, and what is refused.
import { describe, expect, it } from "vitest";
import { askedTokens, outputCapOf, serves } from "../../../src/azure/asked-tokens.ts";
import { settlementOfError } from "../../../src/azure/billing.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { pictureTokens } from "../../../src/azure/picture-tokens.ts";
import { readCall } from "../../../src/azure/read-call.ts";
import { createStreamMeter } from "../../../src/azure/stream-meter.ts";
import { usageOfAnswer } from "../../../src/azure/usage.ts";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { type Field, readMediaForm, sound } from "./media-fixture.ts";

const generate = (changes: JsonObject) =>
  readCall(operations["images/generations"], { prompt: "x", ...changes });
const refused = (call: ReturnType<typeof readCall>) =>
  call.ok ? "accepted" : `${call.error.code} at ${call.error.field}`;

function asked(name: OperationName, body: JsonObject, model = "gpt-image-1") {
  const call = readCall(operations[name], body);
  if (!call.ok) throw new Error(call.error.code);
  return {
    ...askedTokens(operations[name], call.value, { model, maxOutputTokens: 0 }),
    choices: call.value.choices,
  };
}

describe("a picture has the tokens of its size and quality", () => {
  it.each<[body: JsonObject, tokens: number | null]>([
    [{ size: "1024x1024", quality: "low" }, 272],
    [{ size: "1536x1024", quality: "medium" }, 1_568],
    [{ size: "1024x1536", quality: "high" }, 6_240],
    [{ size: "1024x1024" }, 4_160],
    [{ quality: "low" }, 408],
    [{}, 6_240],
    [{ size: "auto", quality: null }, 6_240],
    [{ quality: "low", partial_images: 3 }, 708],
    [{ size: "2048x2048", quality: "low" }, null],
    [{ size: "1024x1024", quality: "xhigh" }, null],
    [{ quality: "toString" }, null],
    [{ size: 1 }, null],
    [{ frame_count: 1 }, null],
    [{ complexity: "high" }, null],
  ])("%j: at most %s", (body, tokens) => {
    expect(pictureTokens("gpt-image-1", body)).toBe(tokens);
  });

  it.each(["gpt-image-1.5", "gpt-image-2", "dall-e-3", "gpt-image-1-2025-04-15", "gpt-4o"])(
    "and none of %s's are known",
    (model) => {
      expect(pictureTokens(model, { size: "1024x1024", quality: "low" })).toBeNull();
    },
  );
});

describe("what is asked for", () => {
  it("is the prompt's bytes and the pictures' tokens, which nothing cuts", () => {
    expect(asked("images/generations", { prompt: "a castle", n: 3, quality: "low" })).toEqual({
      promptTokens: 43,
      outputTokens: 408,
      outputIsFixed: true,
      choices: 3,
    });
  });

  const unbounded = { promptTokens: null, outputTokens: 0, outputIsFixed: true };
  it("is not bounded for models that are not listed, edits, transcripts and speech", () => {
    expect(asked("images/generations", { prompt: "x" }, "gpt-image-2")).toMatchObject(unbounded);
    expect(asked("audio/speech", { input: "x", voice: "alloy" })).toMatchObject(unbounded);
    for (const name of ["images/edits", "audio/transcriptions", "audio/translations"] as const) {
      const call = readMediaForm(name, [["prompt", "x"]]);
      if (!call.ok) throw new Error(call.error.code);
      const { value } = call;
      expect(askedTokens(operations[name], value, { model: "gpt-image-1", maxOutputTokens: 0 })).toEqual(
        unbounded,
      );
    }
  });

  it("is a stream where it says so: by `stream`, or for speech by `stream_format`", () => {
    const streams = (name: OperationName, body: JsonObject) => {
      const call = readCall(operations[name], body);
      return call.ok && call.value.stream;
    };
    expect(streams("images/generations", { stream: true })).toBe(true);
    expect(streams("audio/speech", { stream_format: "sse" })).toBe(true);
    expect(streams("audio/speech", { stream_format: "audio" })).toBe(false);
    const heard = readMediaForm("audio/transcriptions", [
      ["file", sound],
      ["stream", "true"],
    ]);
    expect(heard).toMatchObject({ ok: true, value: { stream: true } });
  });

  it("may have any background: that of a picture is no switch, as that of a response is", () => {
    for (const background of ["transparent", "opaque", "auto", null])
      expect(refused(generate({ background }))).toBe("accepted");
    expect(refused(readMediaForm("images/edits", [["background", "transparent"]]))).toBe("accepted");
    expect(refused(readCall(operations.responses, { background: "true" }))).toBe(
      "body_invalid at background",
    );
  });

  it.each<[name: OperationName, field: string]>([
    ["images/generations", "image"],
    ["images/generations", "mask"],
    ["images/generations", "markup"],
    ["audio/speech", "file"],
  ])("of %s in JSON is no file: `%s` can only be an address, and bounds nothing", (name, field) => {
    const promptOf = (value: unknown) => {
      const call = readCall(operations[name], { prompt: "x", input: "x", [field]: value });
      return call.ok && call.value.prompt;
    };
    const unknown = { textTokens: null, images: [], outsideContent: true };
    for (const value of ["https://x.test/a.png", ["https://x.test/a.png"], { url: "https://x.test/a.png" }])
      expect(promptOf(value)).toEqual(unknown);
    expect(promptOf(null)).toMatchObject({ outsideContent: false });
  });

  it("is no further model, no stored voice, no odd count", () => {
    expect(refused(generate({ svg: { model: "gpt-5" } }))).toBe("unsupported_parameter at svg");
    expect(refused(generate({ svg: null }))).toBe("accepted");
    expect(refused(generate({ n: 0 }))).toBe("body_invalid at n");
    expect(refused(generate({ partial_images: -1 }))).toBe("body_invalid at partial_images");
    const speak = (voice: unknown) => refused(readCall(operations["audio/speech"], { input: "x", voice }));
    expect(speak({ id: "voice_1" })).toBe("stored_object_refused at voice");
    expect(speak("voice_1234")).toBe("stored_object_refused at voice");
    expect(speak("alloy")).toBe("accepted");
    const svg = readMediaForm("images/edits", [["svg[model]", "gpt-5"]]);
    expect(refused(svg)).toBe("unsupported_parameter at svg");
    for (const name of ["model[]", "stream[]", "n[]"])
      expect(refused(readMediaForm("images/edits", [[name, name === "n[]" ? "1" : "true"]]))).toMatch(
        /^body_invalid/,
      );
  });
});

describe("a deployment", () => {
  it("that generates text serves text; one that does not, embeddings, pictures and sound", () => {
    const served = (maxOutputTokens: number) =>
      Object.values(operations)
        .filter((operation) => serves({ maxOutputTokens }, operation))
        .map(({ name }) => name);
    expect(served(1_000)).toEqual(["chat/completions", "completions", "embeddings", "responses"]);
    expect(served(0)).toEqual([
      "embeddings",
      "images/generations",
      "images/edits",
      "audio/transcriptions",
      "audio/translations",
      "audio/speech",
    ]);
  });

  it("that says what it serves, serves that; text only where there is room for it", () => {
    const served = (maxOutputTokens: number, ...actions: ("chat" | "audio" | "image")[]) =>
      Object.values(operations)
        .filter((operation) => serves({ maxOutputTokens, actions }, operation))
        .map(({ name }) => name);
    expect(served(0, "image")).toEqual(["images/generations", "images/edits"]);
    expect(served(100, "chat")).toEqual(["chat/completions"]);
    expect(served(0, "chat")).toEqual([]);
    expect(served(100, "chat", "audio")).toHaveLength(4);
  });

  it("caps what a caller of /v1/enforce says of text, and of nothing else", () => {
    expect(outputCapOf("chat", { maxOutputTokens: 10 })).toBe(10);
    expect(outputCapOf("embedding", { maxOutputTokens: 0 })).toBe(0);
    expect(outputCapOf("image", { maxOutputTokens: 0 })).toBe(Number.MAX_SAFE_INTEGER);
    expect(outputCapOf("chat", null)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe("a good answer", () => {
  it.each<[format: string | null, answer: string]>([
    [null, "json"],
    ["json", "json"],
    ["verbose_json", "json"],
    ["diarized_json", "json"],
    ["text", "text"],
    ["srt", "text"],
    ["vtt", "text"],
  ])("to a transcript as %s is %s", (format, answer) => {
    const fields: readonly Field[] = [
      ["file", sound],
      ...(format === null ? [] : [["response_format", format] as const]),
    ];
    expect(readMediaForm("audio/transcriptions", fields)).toMatchObject({ ok: true, value: { answer } });
  });

  it("of pictures is JSON whatever is asked for, of speech bytes", () => {
    expect(generate({ response_format: "text" })).toMatchObject({ value: { answer: "json" } });
    expect(readCall(operations["audio/speech"], { input: "x", response_format: "wav" })).toMatchObject({
      value: { answer: "bytes" },
    });
  });
});

const reported = { input_tokens: 10, output_tokens: 272, total_tokens: 282 };
const usage = { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 272, totalTokens: 282 };

describe("usage", () => {
  it("is read off pictures and transcripts; seconds are no tokens", () => {
    const details = { input_tokens_details: { image_tokens: 0, text_tokens: 10 } };
    expect(usageOfAnswer(operations["images/edits"], { usage: { ...reported, ...details } })).toEqual(usage);
    const heard = operations["audio/transcriptions"];
    expect(usageOfAnswer(heard, { usage: { type: "tokens", ...reported } })).toEqual(usage);
    expect(usageOfAnswer(heard, { usage: { type: "duration", seconds: 3 } })).toBeNull();
    expect(usageOfAnswer(heard, { text: "x" })).toBeNull();
  });

  it.each<[name: OperationName, type: string]>([
    ["images/generations", "image_generation.completed"],
    ["images/edits", "image_edit.completed"],
    ["audio/transcriptions", "transcript.text.done"],
    ["audio/speech", "speech.audio.done"],
  ])("of a stream of %s stands in %s, which also ends it", (name, type) => {
    const meter = createStreamMeter(operations[name], true);
    meter.push(utf8Bytes(`event: x\ndata: {"type":"x.partial_image","b64_json":"QUJD"}\n\n`));
    expect(meter.finished).toBe(false);
    const last = utf8Bytes(`event: ${type}\ndata: ${JSON.stringify({ type, usage: reported })}\n\n`);
    expect(meter.push(last)).toEqual(last);
    expect([meter.finished, meter.usage]).toEqual([true, usage]);
    const silent = createStreamMeter(operations[name], true);
    silent.push(utf8Bytes(`data: {"type":"${type}"}\n\n`));
    expect([silent.finished, silent.usage]).toEqual([true, null]);
  });

  it("of several pictures in one stream is added", () => {
    const meter = createStreamMeter(operations["images/generations"], true);
    const event = utf8Bytes(
      `data: ${JSON.stringify({ type: "image_generation.completed", usage: reported })}\n\n`,
    );
    meter.push(event);
    meter.push(event);
    expect(meter.usage).toMatchObject({ totalTokens: 564, completionTokens: 544 });
    expect(meter.pictures).toBe(2);
  });

  it("of pictures counts those that came, and no error for one", () => {
    const meter = createStreamMeter(operations["images/generations"], true, null, 2);
    meter.push(utf8Bytes('data: {"type":"image_generation.partial_image","b64_json":"QUJD"}\n\n'));
    meter.push(utf8Bytes('data: {"type":"image_generation.completed"}\n\n'));
    meter.push(utf8Bytes('data: {"type":"error","error":{"code":"429"}}\n\n'));
    expect([meter.finished, meter.isShort, meter.pictures]).toEqual([true, false, 1]);
    const spoken = createStreamMeter(operations["audio/speech"], true);
    spoken.push(utf8Bytes('data: {"type":"speech.audio.done"}\n\n'));
    expect(spoken.pictures).toBe(0);
  });
});

it("a filtered picture costs what is reserved: nobody tells whether it had been made", () => {
  const codes = ["contentFilter", "content_policy_violation", "moderation_blocked", "content_filter"];
  for (const code of codes) {
    const settled = (name: OperationName) =>
      settlementOfError(operations[name], 400, { error: { code } }, 10);
    expect(settled("images/generations")).toEqual({ kind: "as_reserved" });
    expect(settled("chat/completions").kind).toBe("used");
  }
  const other = { error: { code: "OperationNotSupported" } };
  expect(settlementOfError(operations["images/edits"], 400, other, 10)).toEqual({ kind: "released" });
});
