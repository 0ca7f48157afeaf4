// The check of backends: which calls prove what a deployment serves, and what their answers are taken for.
import { describe, expect, it } from "vitest";
import { wavSeconds } from "../../../dev/simulator/wav-seconds.ts";
import { checkDeployment } from "../../../src/admin/check-deployment.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import { Deployment } from "../../../src/azure/deployment.ts";
import { joinedBytes } from "../../../src/kernel/joined-bytes.ts";
import { BACKEND_CHECK_MAX_MS, PICTURE_CHECK_MAX_MS } from "../../../src/kernel/limits.ts";
import { parseMultipart } from "../../../src/kernel/multipart.ts";
import { ok } from "../../../src/kernel/result.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const backend = {
  id: `backend_${"1".repeat(32)}`,
  endpoint: "https://contoso.openai.azure.com",
  azureDeployment: "at-azure",
  region: "swedencentral",
  sku: "DataZoneStandard",
  credential: { kind: "api_key", secret: "AZURE_KEY" },
};

type Answer = (operation: string, request: AzureRequest) => Response | Promise<Response>;

interface Given {
  readonly answer?: Answer;
  readonly withPictures?: boolean;
  /** The limit that passes as soon as it is set. */
  readonly lateMs?: number;
  readonly key?: string;
}

/** Each operation's good answer. */
const good: Readonly<Record<string, () => Response>> = {
  "chat/completions": () => Response.json({ model: "gpt-4o-2024-08-06", choices: [{ message: {} }] }),
  completions: () => Response.json({ model: "instruct", choices: [{ text: "" }] }),
  responses: () => Response.json({ model: "at-azure", status: "incomplete", output: [] }),
  embeddings: () => Response.json({ model: "embedding-3", data: [{ embedding: [0.1] }] }),
  "images/generations": () => Response.json({ created: 1, data: [{ b64_json: "x".repeat(400_000) }] }),
  "audio/speech": () => new Response(Uint8Array.of(255), { headers: { "content-type": "audio/mpeg" } }),
  "audio/transcriptions": () => Response.json({ text: "" }),
  "audio/translations": () => Response.json({ text: "you" }),
};
const goodAnswer: Answer = (operation) => good[operation]?.() ?? new Response(null, { status: 404 });
const error = (status: number, code: unknown, more: object = {}) =>
  Response.json({ error: { code, message: `of ${KEY}`, ...more } }, { status });
const unsupported = () => error(400, "OperationNotSupported");
/** A model of these operations and no others. */
const only =
  (...operations: readonly string[]): Answer =>
  (operation, request) =>
    operations.includes(operation) ? goodAnswer(operation, request) : unsupported();

async function check(
  deployment: object,
  { answer = goodAnswer, withPictures, lateMs, key = KEY }: Given = {},
) {
  const requests: AzureRequest[] = [];
  const asked: string[] = [];
  let refusals = 0;
  const found = await checkDeployment(
    {
      azure: {
        async send(request) {
          const operation = new URL(request.url).pathname.replace(/^.*\/(?:v1|at-azure)\//, "");
          requests.push(request);
          asked.push(operation);
          return answer(operation, request);
        },
      },
      credentials: {
        credentialOf: async ({ endpoint }) =>
          ok({ header: ["authorization", `Bearer ${key}`], endpoint, refused: () => (refusals += 1) }),
      },
      isLocal: false,
      clock: () => 0,
      startTimer: (ms, fire) => {
        if (ms === lateMs) queueMicrotask(fire);
        return () => {};
      },
    },
    Deployment.parse({ name: "d", model: "m", maxOutputTokens: 0, backends: [backend], ...deployment }),
    withPictures ?? false,
  );
  return { found, requests, asked, refusals };
}

const chat = { model: "gpt-4o", maxOutputTokens: 10 };
const outcomesOf = ({ found }: Awaited<ReturnType<typeof check>>) =>
  found.map(({ operation, outcome }) => `${operation} ${outcome}`);

describe("what a deployment serves is called", () => {
  it.each<[what: string, deployment: object, answer: Answer, asked: readonly string[]]>([
    ["text", chat, goodAnswer, ["chat/completions"]],
    ["embeddings", { model: "text-embedding-3-small" }, goodAnswer, ["embeddings"]],
    ["a model that is not known and generates no text", {}, goodAnswer, ["embeddings"]],
    ["whisper", { model: "whisper" }, goodAnswer, ["audio/transcriptions", "audio/translations"]],
    [
      "a later transcriber, which translates nothing",
      { model: "gpt-4o-transcribe" },
      goodAnswer,
      ["audio/transcriptions"],
    ],
    ["speech", { model: "gpt-4o-mini-tts" }, goodAnswer, ["audio/speech"]],
    [
      "each action that is stated",
      { ...chat, actions: ["chat", "response", "completion", "embedding"] },
      goodAnswer,
      ["chat/completions", "responses", "completions", "embeddings"],
    ],
    ["an action alone", { ...chat, actions: ["response"] }, only("responses"), ["responses"]],
  ])("once for each operation: %s", async (_what, deployment, answer, asked) => {
    const checked = await check(deployment, { answer });
    expect(checked.asked).toEqual(asked);
    expect(outcomesOf(checked)).toEqual(asked.map((operation) => `${operation} answered`));
  });

  it("as something else where Azure says that the model does not support it", async () => {
    const responses = await check(chat, { answer: only("responses") });
    expect(responses.asked).toEqual(["chat/completions", "responses"]);
    expect(outcomesOf(responses)).toEqual(["responses answered"]);
    const sound = await check({ actions: ["audio"] }, { answer: only("audio/speech") });
    expect(outcomesOf(sound)).toEqual(["audio/speech answered"]);
    const none = await check(chat, { answer: only("embeddings") });
    expect(none.found).toMatchObject([
      { operation: "chat/completions", outcome: "failed", reason: "OperationNotSupported" },
    ]);
  });

  it("with the least that it can be called with, and nothing of anybody's", async () => {
    const actions = ["chat", "completion", "response", "embedding", "image", "audio"];
    const { requests, asked } = await check({ ...chat, actions, model: "tts" }, { withPictures: true });
    const bodies = requests.map(({ body }) => JSON.parse(String(body)));
    expect(Object.fromEntries(asked.map((operation, index) => [operation, bodies[index]]))).toEqual({
      "chat/completions": {
        model: "at-azure",
        messages: [{ role: "user", content: "ping" }],
        max_tokens: 1,
      },
      completions: { model: "at-azure", prompt: "ping", max_tokens: 1 },
      responses: { model: "at-azure", input: "ping", max_output_tokens: 16, store: false },
      embeddings: { model: "at-azure", input: "ping" },
      "images/generations": {
        model: "at-azure",
        prompt: "a dot",
        n: 1,
        size: "1024x1024",
        quality: "low",
      },
      "audio/speech": { model: "at-azure", input: "ping", voice: "alloy" },
    });
  });

  it("with a quarter of a second of silence where it listens", async () => {
    const { requests } = await check({ model: "whisper" });
    for (const { headers, body } of requests) {
      const boundary = headers.get("content-type")?.split("boundary=")[1] ?? "";
      const parts = parseMultipart(joinedBytes(Array.isArray(body) ? body : []), boundary, 9) ?? [];
      expect(parts.map(({ name }) => name)).toEqual(["model", "file"]);
      const file = parts[1]?.value;
      const bytes = typeof file === "object" ? file.bytes : new Uint8Array();
      expect(wavSeconds(bytes)).toBe(0.25);
      expect(bytes.subarray(44).every((byte) => byte === 0)).toBe(true);
    }
    expect(requests).toHaveLength(2);
  });

  it("in the words of older models of pictures", async () => {
    const bodyOf = async (model: string) =>
      JSON.parse(
        String((await check({ model, actions: ["image"] }, { withPictures: true })).requests[0]?.body),
      );
    expect(await bodyOf("dall-e-3")).toMatchObject({ size: "1024x1024", quality: "standard" });
    expect(await bodyOf("dall-e-2")).toEqual({ model: "at-azure", prompt: "a dot", n: 1, size: "256x256" });
  });

  it("completions on a dated path, which alone they have", async () => {
    const urlOf = async (apiVersion: string) =>
      (await check({ ...chat, actions: ["completion"], backends: [{ ...backend, apiVersion }] })).requests[0]
        ?.url;
    const path = "https://contoso.openai.azure.com/openai/deployments/at-azure/completions?api-version=";
    expect(await urlOf("v1")).toBe(`${path}2024-10-21`);
    expect(await urlOf("2024-06-01")).toBe(`${path}2024-06-01`);
  });
});

describe("a picture that nobody asked for", () => {
  const picture = { model: "gpt-image-1" };

  it("is not made, and the credential is proven for nothing", async () => {
    const { found, asked } = await check(picture, { answer: unsupported });
    expect(asked).toEqual(["embeddings"]);
    expect(found).toMatchObject([
      {
        operation: "images/generations",
        outcome: "not_called",
        status: null,
        reason: expect.stringMatching(/images=true.*--images/),
      },
    ]);
  });

  it.each<[what: string, answer: Answer, found: object]>([
    [
      "a credential that is not taken",
      () => error(401, "PermissionDenied"),
      { outcome: "refused", status: 401 },
    ],
    [
      "a deployment that is not there",
      () => error(404, "DeploymentNotFound"),
      { outcome: "failed", status: 404, reason: "DeploymentNotFound" },
    ],
    ["a model of something else", goodAnswer, { outcome: "failed", status: 200, reason: "makes embeddings" }],
  ])("does not hide %s", async (_what, answer, expected) => {
    expect((await check(picture, { answer })).found).toMatchObject([
      { ...expected, operation: "images/generations" },
    ]);
  });
});

describe("an answer", () => {
  const wrong: Answer = () => Response.json({ model: "gpt-4o", error: null });

  it.each(Object.keys(good))("with a good status and something else in it is none: %s", async (operation) => {
    const answers: readonly Answer[] = [
      wrong,
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      () => new Response(null, { headers: { "content-type": "audio/mpeg" } }),
      () => Response.json({ choices: [], data: [], output: [] }),
    ];
    const actions: Readonly<Record<string, object>> = {
      "chat/completions": { actions: ["chat"] },
      completions: { actions: ["completion"] },
      responses: { actions: ["response"] },
      embeddings: { actions: ["embedding"] },
      "images/generations": { actions: ["image"] },
      "audio/speech": { model: "tts" },
    };
    for (const answer of answers) {
      const { found } = await check(actions[operation] ?? { model: "whisper" }, {
        answer,
        withPictures: true,
      });
      expect(found.find((one) => one.operation === operation)).toMatchObject({
        outcome: "failed",
        status: 200,
        reason: "answer not understood",
        model: null,
      });
    }
  });

  it("names its model where Azure does", async () => {
    const modelOf = async (deployment: object) => (await check(deployment)).found[0]?.model;
    expect(await modelOf(chat)).toBe("gpt-4o-2024-08-06");
    expect(await modelOf({ model: "whisper" })).toBeNull();
  });

  it.each<[what: string, answer: () => Response, found: object]>([
    ["429: a rate limit", () => error(429, "429"), { outcome: "busy", status: 429, reason: null }],
    ["403: a firewall", () => error(403, "403"), { outcome: "refused", status: 403, reason: null }],
    ["an unknown path or version", () => error(404, "404"), { outcome: "failed", status: 404, reason: null }],
    [
      "a filter",
      () => error(400, "content_filter", { innererror: { code: "ResponsibleAIPolicyViolation" } }),
      { outcome: "failed", status: 400, reason: "content_filter" },
    ],
    [
      "an error without a code",
      () => error(500, null, { type: "server_error" }),
      { outcome: "failed", status: 500, reason: "server_error" },
    ],
    [
      "a model that thought for as long as it may",
      () =>
        error(400, null, {
          type: "invalid_request_error",
          message:
            "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.",
        }),
      { outcome: "answered", status: 400, reason: "stopped at the bound of the check" },
    ],
  ])("is told by its kind: %s", async (_what, answer, expected) => {
    const { found, refusals } = await check(chat, { answer });
    expect(found).toMatchObject([{ ...expected, model: null }]);
    expect(refusals).toBe(found[0]?.outcome === "refused" ? 1 : 0);
    expect(JSON.stringify(found)).not.toContain(KEY);
  });

  it("that repeats the credential, whole or in part, is not passed on", async () => {
    const jwt = `eyJhbGciOiJSUzI1NiJ9.${"a1".repeat(40)}.${"b2".repeat(40)}`;
    for (const [key, said] of [
      [KEY, KEY],
      [KEY, KEY.slice(3, 20)],
      [KEY, `x_${KEY}`],
      [jwt, jwt],
      [jwt, "a1".repeat(20)],
    ] as const) {
      const told = [
        await check(chat, { key, answer: () => error(400, said, { type: said }) }),
        await check(chat, { key, answer: () => Response.json({ model: said, choices: [{ message: {} }] }) }),
      ];
      expect(JSON.stringify(told.map(({ found }) => found))).not.toContain(said);
    }
  });

  const begun = (more: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("{"));
          more(controller);
        },
      }),
    );

  it("that breaks off is none, and one that never ends is late", async () => {
    const broken = await check(chat, { answer: () => begun((body) => body.error(new Error(KEY))) });
    expect(broken.found).toMatchObject([{ outcome: "failed", status: 200, reason: "answer broke off" }]);
    const endless: Answer = (_operation, { signal }) =>
      begun((body) => signal.addEventListener("abort", () => body.error(new Error(KEY))));
    const late = { outcome: "unreachable", status: null, reason: "no answer in time" };
    const text = await check(chat, { answer: endless, lateMs: BACKEND_CHECK_MAX_MS });
    expect(text.found).toMatchObject([late]);
    const pictures = { answer: endless, lateMs: PICTURE_CHECK_MAX_MS, withPictures: true };
    expect((await check({ model: "gpt-image-1" }, pictures)).found).toMatchObject([late]);
  });

  it("of a backend that nothing was heard of is not waited for again", async () => {
    const checked = await check({ model: "whisper" }, { answer: () => Promise.reject(new Error("gone")) });
    expect(checked.asked).toEqual(["audio/transcriptions"]);
    expect(outcomesOf(checked)).toEqual([
      "audio/transcriptions unreachable",
      "audio/translations unreachable",
    ]);
  });
});
