/** Images and audio with the official package: forms in, base64, text, events and bytes out, and what is refused. */
import OpenAI, { AzureOpenAI, BadRequestError, NotFoundError, toFile } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";
import { silentWav } from "../../src/admin/silent-wav.ts";
import { collect } from "./collect.ts";

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterEach(() => simulator.clear());
afterAll(() => simulator.close());

const azure = (deployment?: string) =>
  new AzureOpenAI({
    endpoint: simulator.url,
    apiKey: simulator.apiKey,
    apiVersion: "2025-04-01-preview",
    maxRetries: 0,
    ...(deployment === undefined ? {} : { deployment }),
  });
const v1 = () =>
  new OpenAI({ baseURL: `${simulator.url}/openai/v1`, apiKey: simulator.apiKey, maxRetries: 0 });

const picture = () => toFile(Uint8Array.from([0x89, 0x50, 0xff, 0x00]), "cat.png", { type: "image/png" });
const sound = () => toFile(Uint8Array.from([0xff, 0xfb, 0x00]), "hello.mp3", { type: "audio/mpeg" });
const castle = { model: "gpt-image-1", prompt: "a castle" };

describe("images", () => {
  it("are generated with the documented tokens, each its own", async () => {
    const answer = await v1().images.generate({ ...castle, size: "1024x1536", quality: "low", n: 2 });
    expect(answer.data).toHaveLength(2);
    expect(answer.data?.[0]?.b64_json).not.toBe(answer.data?.[1]?.b64_json);
    expect(answer.usage).toMatchObject({ input_tokens: 2, output_tokens: 816, total_tokens: 818 });
  });

  it("of dall-e-3 come one at a time, and tell no usage", async () => {
    const ask = { model: "dall-e-3", prompt: "a castle", quality: "hd", size: "1792x1024" } as const;
    const answer = await v1().images.generate(ask);
    expect(answer.data).toMatchObject([{ url: expect.stringMatching(/^https:/) }]);
    expect(answer.usage).toBeUndefined();
    await expect(v1().images.generate({ ...ask, n: 2 })).rejects.toBeInstanceOf(BadRequestError);
    await expect(v1().images.generate({ ...ask, size: "auto" })).rejects.toBeInstanceOf(BadRequestError);
  });

  it("are streamed, with the usage in the last event", async () => {
    const stream = await azure("gpt-image-1").images.generate({ ...castle, stream: true, partial_images: 2 });
    const events = await collect(stream);
    expect(events.map(({ type }) => type)).toEqual([
      "image_generation.partial_image",
      "image_generation.partial_image",
      "image_generation.completed",
    ]);
    expect(events.at(-1)).toMatchObject({ usage: { output_tokens: 1_256 } });
  });

  it("are edited on all three paths; without a deployment in the path, the form names it", async () => {
    const image = await picture();
    await azure().images.edit({ ...castle, image: [image, image] });
    await v1().images.edit({ ...castle, image });
    const form = new FormData();
    for (const [name, value] of Object.entries(castle)) form.append(name, value);
    form.append("image", image);
    const path = "/openai/images/edits?api-version=2025-04-01-preview";
    const headers = { "api-key": simulator.apiKey };
    const answer = await fetch(simulator.url + path, { method: "POST", headers, body: form });
    expect(await answer.json()).toMatchObject({ usage: { input_tokens_details: { image_tokens: 194 } } });
    expect(simulator.requests.map(({ path: asked, deployment }) => [asked, deployment])).toEqual([
      ["/openai/deployments/gpt-image-1/images/edits?api-version=2025-04-01-preview", "gpt-image-1"],
      ["/openai/v1/images/edits", "gpt-image-1"],
      [path, "gpt-image-1"],
    ]);
    expect(simulator.requests[0]?.body).toContainEqual([
      "image[]",
      expect.objectContaining({ filename: "cat.png", type: "image/png", bytes: 4 }),
    ]);
  });

  it("are refused by the content filter in its spelling for pictures", async () => {
    simulator.next({ kind: "prompt-blocked" });
    const error = await v1()
      .images.generate(castle)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: "contentFilter" });
  });
});

describe("audio", () => {
  it("is transcribed in every format", async () => {
    const told = "You played 3 bytes of audio/mpeg from hello.mp3.";
    const file = await sound();
    const json = await v1().audio.transcriptions.create({ model: "gpt-4o-transcribe", file });
    expect(json).toMatchObject({ text: told, usage: { type: "tokens", input_tokens: 30 } });
    const ask = { model: "whisper", file };
    const verbose = await azure().audio.transcriptions.create({ ...ask, response_format: "verbose_json" });
    expect(verbose).toMatchObject({ text: told, usage: { type: "duration", seconds: 3 } });
    for (const response_format of ["text", "srt", "vtt"] as const)
      expect(await v1().audio.transcriptions.create({ ...ask, response_format })).toContain(told);
    expect((await azure().audio.translations.create(ask)).text).toBe(told);
  });

  it("is transcribed as a stream, with the usage in its last event", async () => {
    const file = await sound();
    const stream = await v1().audio.transcriptions.create({ model: "gpt-4o-transcribe", file, stream: true });
    const events = await collect(stream);
    expect(events.at(-1)).toMatchObject({ type: "transcript.text.done", usage: { total_tokens: 38 } });
  });

  it("is spoken as bytes in pieces, or as events with usage", async () => {
    const ask = { model: "gpt-4o-mini-tts", input: "Hello castle", voice: "alloy" };
    const whole = await v1().audio.speech.create(ask);
    expect(whole.headers.get("content-type")).toBe("audio/mpeg");
    expect([...new Uint8Array(await whole.arrayBuffer())].filter((byte) => byte === 0xff)).toHaveLength(2);
    const events = await azure().audio.speech.create({ ...ask, stream_format: "sse" });
    expect(await events.text()).toContain('"type":"speech.audio.done"');
  });

  it("that is too short to be heard is refused, where it says how long it is", async () => {
    const heard = async (seconds: number) =>
      v1().audio.transcriptions.create({
        model: "whisper",
        file: await toFile(silentWav(seconds), "silence.wav", { type: "audio/wav" }),
      });
    expect((await heard(0.1)).text).toContain("silence.wav");
    await expect(heard(0.09)).rejects.toMatchObject({ code: "audio_too_short", param: "file" });
  });

  it("that is larger than Azure takes is refused", async () => {
    const file = await toFile(new Uint8Array(26_214_401), "long.wav");
    const error = await v1()
      .audio.transcriptions.create({ model: "whisper", file })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 413 });
  });
});

describe("refused", () => {
  it("without an api-version on classic paths, and for a model of something else", async () => {
    const answer = await fetch(`${simulator.url}/openai/images/edits`, { method: "POST" });
    expect(answer.status).toBe(404);
    const ask = { model: "whisper", input: "Hello", voice: "alloy" };
    const error = await v1()
      .audio.speech.create(ask)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "OperationNotSupported" });
    const unknown = v1().images.generate({ ...castle, model: "dall-e-9" });
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
  });
});
