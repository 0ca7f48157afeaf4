// The meter reads few events fully, and still reads what a meter would that reads them all.
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Operation, operations } from "../../../src/azure/operation.ts";
import { createStreamMeter } from "../../../src/azure/stream-meter.ts";
import { addedUsage, usageOfEvent } from "../../../src/azure/usage.ts";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import { isJsonObject } from "../../../src/kernel/json.ts";
import { MAX_STREAMED_EVENT_BYTES } from "../../../src/kernel/limits.ts";
import { textOf } from "./azure-fixture.ts";

const chat = operations["chat/completions"];
const { responses } = operations;
const images = operations["images/generations"];
const transcripts = operations["audio/transcriptions"];
const terminal = [
  ...["response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"],
  ...["image_generation.completed", "image_edit.completed", "transcript.text.done", "speech.audio.done"],
];

const usage = fc.oneof(
  fc.record({ prompt_tokens: fc.nat(99), completion_tokens: fc.nat(99), total_tokens: fc.nat(99) }),
  fc.record({ input_tokens: fc.nat(99), output_tokens: fc.nat(99), total_tokens: fc.nat(99) }),
  fc.constantFrom(null, 7, "usage", []),
);
const error = fc.constantFrom(null, "error", { code: "429" }, {});
const text = fc.constantFrom(
  'Hé 水门 🙂 {"usage": {"prompt_tokens":1}}',
  '"type":"error"',
  "[DONE]",
  "data: [DONE]\n\n",
);
const type = fc.constantFrom(
  ...[...terminal, "response.created", "response.output_text.delta"],
  ...["image_generation.partial_image", "image_generation_completed", "transcript.text.delta"],
);
const member = { usage, error, text };
const value = fc.record(
  {
    ...member,
    type,
    choices: fc.constantFrom([], [{ delta: { content: '"error":{' } }]),
    response: fc.record(member, { requiredKeys: [] }),
    nested: fc.array(fc.record({ ...member, type }, { requiredKeys: [] }), { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
/** Over several lines of data where it is indented, which may part any two tokens. */
const data = fc.oneof(
  fc
    .tuple(value, fc.constantFrom(0, 2), fc.constantFrom('": ', '"\n:\n'))
    .map(([one, indent, colon]) => JSON.stringify(one, null, indent).replaceAll('": ', colon)),
  fc.constantFrom("[DONE]", " [DONE]", '{"usage":{', "usage", "", '{"usage" : {"total_tokens":1}}'),
);
const event = fc
  .tuple(
    fc.constantFrom("", "event: x\n", ": comment\n", "id: 5\n"),
    fc.constantFrom("data: ", "data:"),
    data,
  )
  .map(([fields, name, lines]) => `${fields}${lines.replaceAll(/^/gm, name)}\n\n`);

/** Reads every event fully. */
function readFully(operation: Operation, events: readonly string[]) {
  let found = null;
  let finished = false;
  for (const one of events) {
    const lines = one.split("\n").filter((line) => line.startsWith("data:"));
    const whole = lines.map((line) => line.replace(/^data: ?/, "")).join("\n");
    if (whole === "[DONE]") finished = true;
    let read: unknown;
    try {
      read = JSON.parse(whole);
    } catch {
      continue;
    }
    if (!isJsonObject(read)) continue;
    const told = usageOfEvent(operation, read);
    // Pictures add up.
    if (told) found = found && operation === images ? addedUsage(found, told) : told;
    finished ||=
      terminal.some((name) => isJsonObject(read) && read.type === name) || isJsonObject(read.error);
  }
  return { usage: found, finished };
}

afterEach(() => vi.restoreAllMocks());

describe("a meter that reads only what can matter", () => {
  it("reads the same off any stream as one that reads everything", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 6 }),
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.constantFrom(chat, responses, images, transcripts),
        (events, lineEnd, operation) => {
          const meter = createStreamMeter(operation, false);
          const sent = utf8Bytes(events.join("").replaceAll("\n", lineEnd));
          expect(textOf(meter.push(sent))).toBe(textOf(sent));
          const watching = createStreamMeter(operation, false);
          watching.watch(sent);
          for (const { usage, finished } of [meter, watching])
            expect({ usage, finished }).toEqual(readFully(operation, events));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  const chunks = Array.from({ length: 500 }, (_, index) => {
    const delta = {
      content: index % 2 === 0 ? "Hé 水门" : '"usage":{"total_tokens":1}, "error":{}, "type":"error"',
    };
    return `data: ${JSON.stringify({ choices: [{ delta }], usage: null, error: null })}\n\n`;
  });
  const counted = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const ofResponse = (type: string, report: unknown) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, response: { error: null, usage: report } })}\n\n`;
  const ofImage = (type: string, more: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, b64_json: "Zm9v", ...more })}\n\n`;
  const deltas = chunks.map((_, index) =>
    JSON.stringify({ type: "response.output_text.delta", delta: `水门 ${index}` }),
  );

  it.each([
    [
      "chat",
      chat,
      [...chunks, `data: ${JSON.stringify({ choices: [], usage: counted })}\n\n`, "data: [DONE]\n\n"],
    ],
    [
      "responses",
      responses,
      [
        ofResponse("response.created", null),
        ofResponse("response.in_progress", null),
        ...deltas.map((delta) => `event: response.output_text.delta\ndata: ${delta}\n\n`),
        ofResponse("response.completed", { input_tokens: 1, output_tokens: 2, total_tokens: 3 }),
      ],
    ],
    [
      "images",
      images,
      [
        ...deltas.map((_, index) =>
          ofImage("image_generation.partial_image", { partial_image_index: index }),
        ),
        ofImage("image_generation.completed", {
          usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
        }),
      ],
    ],
  ] as const)("reads one event of hundreds: %s", (_name, operation, events) => {
    const parse = vi.spyOn(JSON, "parse");
    const meter = createStreamMeter(operation, false);
    for (const one of events) meter.push(utf8Bytes(one));
    expect(parse).toHaveBeenCalledTimes(1);
    expect([meter.usage?.totalTokens, meter.finished]).toEqual([3, true]);
  });
});

describe("an event of megabytes", () => {
  const image = `data: ${JSON.stringify({ type: "image_generation.partial_image", b64_json: "Zm9v".repeat(500_000) })}`;
  const completed = {
    type: "response.completed",
    response: { usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
  };
  const last = `data: ${JSON.stringify(completed)}\n\n`;

  it.each([
    ["LF", "\n\n", 4_096],
    ["CR LF", "\r\n\r\n", 65_536],
    ["CR", "\r\r", 65_537],
  ])("passes whole, from the byte that completes it on (%s)", (_name, blank, size) => {
    const sent = utf8Bytes(`: hello\n\n${image}${blank}${last}`);
    const meter = createStreamMeter(responses, false);
    const passed: Uint8Array[] = [];
    for (let start = 0; start < sent.length; start += size) {
      const events = meter.push(sent.slice(start, start + size));
      if (events.length > 0) passed.push(events);
    }
    expect(passed.length).toBeLessThanOrEqual(3);
    expect(passed.map(textOf).join("") === textOf(sent)).toBe(true);
    expect([meter.usage?.totalTokens, meter.finished, meter.heldBytes]).toEqual([3, true, 0]);
  });

  it("is within the limit of events with the largest picture, were it not compressed at all", () => {
    const base64Length = Math.ceil((1_536 * 1_024 * 4) / 3) * 4;
    expect(base64Length).toBeLessThan(MAX_STREAMED_EVENT_BYTES * 0.6);
  });

  it("tells how much of it is held", () => {
    const meter = createStreamMeter(responses, false);
    meter.push(utf8Bytes(`${last}data: ha`));
    meter.push(utf8Bytes("lf"));
    expect(meter.heldBytes).toBe("data: half".length);
  });
});
