// However a stream is cut into chunks, it passes byte for byte, and the meter reads the same off it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { operations } from "../../../src/azure/operation.ts";
import { createStreamMeter, type StreamMeter } from "../../../src/azure/stream-meter.ts";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import { textOf } from "./azure-fixture.ts";

const chat = operations["chat/completions"];
const { responses } = operations;

// After a recorded stream of 2026-08 (reference, section 4.1), with text of one to four bytes a character.
const promptFilter =
  'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}\n\n';
const chunk = (content: string) =>
  `data: {"choices":[{"content_filter_results":{},"delta":{"content":${JSON.stringify(content)}},"finish_reason":null,"index":0}],"id":"chatcmpl-1","obfuscation":"zR","usage":null}\n\n`;
const usageChunk =
  'data: {"choices":[],"created":1785610058,"id":"chatcmpl-1","latency_checkpoint":{"engine_ttft_ms":28},"usage":{"completion_tokens":11,"completion_tokens_details":{"reasoning_tokens":0},"prompt_tokens":23,"total_tokens":34}}\n\n';
const done = "data: [DONE]\n\n";
const words =
  chunk("Hé 水门 🙂") + chunk('{"usage":{"prompt_tokens":1}} [DONE]') + chunk("\n\ndata: [DONE]\n\n");
const chatStream = promptFilter + words + usageChunk + done;
const chatUsage = { promptTokens: 23, cachedPromptTokens: 0, completionTokens: 11, totalTokens: 34 };

const responseEvents = [
  'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","status":"in_progress","usage":null}}\n\n',
  'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"水门 🙂","logprobs":[]}\n\n',
  'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","status":"completed","usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":0},"output_tokens":3,"total_tokens":10}}}\n\n',
];
const responsesStream = responseEvents.join("");
const responsesUsage = { promptTokens: 7, cachedPromptTokens: 0, completionTokens: 3, totalTokens: 10 };

/** The chunks that the cuts make. */
function chunksOf(bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge));
}

function feed(meter: StreamMeter, bytes: Uint8Array, cuts: readonly number[]): string {
  const passed = chunksOf(bytes, cuts).map((chunk) => meter.push(chunk).slice());
  return textOf(new Uint8Array(passed.flatMap((part) => [...part])));
}

const anyCuts = (text: string) => fc.array(fc.nat({ max: utf8Bytes(text).length }), { maxLength: 40 });
const everyByte = (text: string) => Array.from(utf8Bytes(text), (_, index) => index);
const crlf = (text: string) => text.replaceAll("\n", "\r\n");

const streams = [
  { name: "chat", operation: chat, text: chatStream, usage: chatUsage },
  { name: "chat with CRLF", operation: chat, text: crlf(chatStream), usage: chatUsage },
  { name: "responses", operation: responses, text: responsesStream, usage: responsesUsage },
  { name: "responses with CRLF", operation: responses, text: crlf(responsesStream), usage: responsesUsage },
  {
    name: "chat with comments and spaceless fields",
    operation: chat,
    text: `: keep-alive\n\n${chatStream.replaceAll("data: ", "data:")}`,
    usage: chatUsage,
  },
] as const;

describe.each(streams)("a $name stream", ({ operation, text, usage }) => {
  it("passes byte for byte, however it is cut, and is metered and finished", () => {
    fc.assert(
      fc.property(anyCuts(text), (cuts) => {
        const meter = createStreamMeter(operation, false);
        expect(feed(meter, utf8Bytes(text), cuts)).toBe(text);
        expect(meter.usage).toEqual(usage);
        expect(meter.finished).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("passes byte for byte one byte at a time and in one piece", () => {
    for (const cuts of [everyByte(text), []]) {
      expect(feed(createStreamMeter(operation, false), utf8Bytes(text), cuts)).toBe(text);
    }
  });

  it("passes every whole event of each beginning of it, and no half one", () => {
    const blank = text.includes("\r\n") ? "\r\n\r\n" : "\n\n";
    for (let length = 0; length <= utf8Bytes(text).length; length += 7) {
      const beginning = utf8Bytes(text).slice(0, length);
      const passed = feed(createStreamMeter(operation, false), beginning, [Math.floor(length / 2)]);
      const wholeEvents = textOf(beginning).split(blank).slice(0, -1);
      expect(passed).toBe(wholeEvents.map((event) => event + blank).join(""));
    }
  });
});

describe("the usage chunk that only the gateway asked for", () => {
  it.each([
    ["LF", chatStream, usageChunk],
    ["CRLF", crlf(chatStream), crlf(usageChunk)],
  ])("is all that stays behind (%s)", (_name, text, hidden) => {
    fc.assert(
      fc.property(anyCuts(text), (cuts) => {
        const meter = createStreamMeter(chat, true);
        expect(feed(meter, utf8Bytes(text), cuts)).toBe(text.replace(hidden, ""));
        expect(meter.usage).toEqual(chatUsage);
        expect(meter.finished).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("passes when it carries choices, and so do chunks that merely have none", () => {
    const withChoices = usageChunk.replace('"choices":[]', '"choices":[{"index":0}]');
    const text = promptFilter + withChoices + done;
    expect(feed(createStreamMeter(chat, true), utf8Bytes(text), [])).toBe(text);
  });

  it("passes when its usage is no usage", () => {
    const text = usageChunk.replace('"total_tokens":34', '"total_tokens":-34') + done;
    const meter = createStreamMeter(chat, true);
    expect(feed(meter, utf8Bytes(text), [])).toBe(text);
    expect(meter.usage).toBeNull();
  });

  it("nothing of responses is ever hidden", () => {
    expect(feed(createStreamMeter(responses, true), utf8Bytes(responsesStream), [])).toBe(responsesStream);
  });
});

describe("the bytes that are passed", () => {
  it("are the very ones that came, where a chunk is whole events and all of them pass", () => {
    const meter = createStreamMeter(chat, true);
    for (const text of [promptFilter + words, done]) {
      const bytes = utf8Bytes(text);
      expect(meter.push(bytes).buffer).toBe(bytes.buffer);
    }
  });

  it("leave out the hidden chunk alone, whatever stands around it in one piece", () => {
    for (const [text, passed] of [
      [usageChunk, ""],
      [words + usageChunk, words],
      [usageChunk + done, done],
      [`${words + usageChunk + done}data: ha`, words + done],
      [usageChunk + words + usageChunk + done, words + done],
    ] as const) {
      expect(textOf(createStreamMeter(chat, true).push(utf8Bytes(text)))).toBe(passed);
    }
  });
});

describe("any events in any order, however cut", () => {
  const shapes = [
    promptFilter,
    chunk("Hé 水门 🙂"),
    usageChunk,
    done,
    ...responseEvents,
    ": keep-alive\n\n",
    'data: {"error":{"code":"429"}}\n\n',
    'id: 5\ndata: {"choices":[],\ndata: "usage":{"prompt_tokens":1,"total_tokens":1}}\n\n',
    "data:[DONE]\n\n",
    "data\n\n",
    "\n\n",
    "data: \n\n",
  ];
  const event = fc.tuple(fc.constantFrom(...shapes), fc.constantFrom("\n", "\r\n", "\r"));

  const told = ({ usage, finished, heldBytes }: StreamMeter) => ({ usage, finished, heldBytes });

  it("give the same bytes, usage and end, passed or watched", () => {
    fc.assert(
      fc.property(
        fc.array(
          event.map(([text, newline]) => text.replaceAll("\n", newline)),
          { maxLength: 12 },
        ),
        fc.array(fc.nat({ max: 2_000 }), { maxLength: 40 }),
        fc.boolean(),
        fc.constantFrom(chat, responses),
        fc.constantFrom("", "data", ": ha\n", "\r"),
        (events, cuts, hide, operation, half) => {
          const sent = utf8Bytes(events.join("") + half);
          const whole = createStreamMeter(operation, hide);
          const passed = feed(whole, sent, []);
          const inPieces = createStreamMeter(operation, hide);
          expect(feed(inPieces, sent, cuts)).toBe(passed);
          expect(told(inPieces)).toEqual(told(whole));
          const watching = createStreamMeter(operation, hide);
          for (const chunk of chunksOf(sent, cuts)) watching.watch(chunk);
          expect(told(watching)).toEqual(told(whole));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("what the meter says", () => {
  it.each<[name: string, text: string, finished: boolean]>([
    ["a stream without its end", promptFilter + words + usageChunk, false],
    ["a stream cut inside its last event", chatStream.slice(0, -1), false],
    ["[DONE] inside a text", words, false],
    [
      "a filter's error inside a chunk",
      'data: {"choices":[{"content_filter_results":{"error":{"code":"x"}}}]}\n\n',
      false,
    ],
    ["an error event", 'data: {"error":{"code":"429","message":"x"}}\n\n', true],
    ["nothing", "", false],
  ])("%s", (_name, text, finished) => {
    const meter = createStreamMeter(chat, false);
    feed(meter, utf8Bytes(text), []);
    expect(meter.finished).toBe(finished);
  });

  // No document says what ends the stream of a response that is cancelled: this, or nothing, which has broken off.
  it.each(["response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"])(
    "%s ends a responses stream",
    (type) => {
      const meter = createStreamMeter(responses, false);
      meter.push(utf8Bytes(`data: ${JSON.stringify({ type, response: { usage: null } })}\n\n`));
      expect(meter.finished).toBe(true);
      expect(meter.usage).toBeNull();
    },
  );

  it("responses that only began are not finished", () => {
    const meter = createStreamMeter(responses, false);
    feed(meter, utf8Bytes(responseEvents.slice(0, 2).join("")), []);
    expect([meter.finished, meter.usage]).toEqual([false, null]);
  });

  it.each([
    ["chat", chat, chatStream, "chatcmpl-1", promptFilter.length],
    ["responses", responses, responsesStream, "resp_1", 0],
  ] as const)(
    "tells the id of a %s stream once, with the event that has it",
    (_, operation, text, id, before) => {
      const told: string[] = [];
      const meter = createStreamMeter(operation, false, (storedId) => told.push(storedId));
      const bytes = utf8Bytes(text);
      const ownAt = utf8Bytes(text.slice(0, text.indexOf("\n\n", before) + 2)).length;
      meter.push(bytes.slice(0, ownAt - 1));
      expect([told, meter.storedId]).toEqual([[], null]);
      meter.push(bytes.slice(ownAt - 1, ownAt));
      expect([told, meter.storedId]).toEqual([[id], id]);
      meter.push(bytes.slice(ownAt));
      expect(told).toEqual([id]);
    },
  );

  it("passes what is not JSON, and not UTF-8, untouched", () => {
    const odd = new Uint8Array([...utf8Bytes('data: {"usage":{ oops\n\ndata: '), 0xff, 0xfe, 10, 10]);
    const meter = createStreamMeter(chat, true);
    expect([...meter.push(odd)]).toEqual([...odd]);
    expect([meter.finished, meter.usage]).toEqual([false, null]);
  });

  it("is told by what stands beside bytes that are not UTF-8, passed or watched", () => {
    const odd = new Uint8Array([...utf8Bytes(words), 0xff, 0xfe, 10, 10, ...utf8Bytes(usageChunk + done)]);
    for (const way of ["push", "watch"] as const) {
      const meter = createStreamMeter(chat, false);
      meter[way](odd);
      expect([meter.finished, meter.usage]).toEqual([true, chatUsage]);
    }
  });

  it("reads data that spans several lines as one", () => {
    const meter = createStreamMeter(chat, false);
    meter.push(
      utf8Bytes(
        'data: {"choices":[],\ndata: "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
      ),
    );
    expect(meter.usage).toEqual({
      promptTokens: 1,
      cachedPromptTokens: 0,
      completionTokens: 2,
      totalTokens: 3,
    });
  });
});
