/** The rows of the client matrix about images and audio; what they cost, and bytes under attack: pictures-and-sound.ts. */
import { toFile } from "openai";
import { expect } from "vitest";
import type { MatrixRow } from "./client-matrix.ts";

const imageModel = "gpt-image-1";
const transcriber = "gpt-4o-transcribe";
const castle = { prompt: "a castle", size: "1024x1024", quality: "low" } as const;
const png = () =>
  toFile(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), "castle.png", { type: "image/png" });
const mp3 = () => toFile(Uint8Array.of(0xff, 0xfb, 0x00, 0x0d), "hello.mp3", { type: "audio/mpeg" });
const heard = "4 bytes of audio/mpeg from hello.mp3";

async function typesOf(events: AsyncIterable<{ readonly type: string }>): Promise<readonly string[]> {
  const types: string[] = [];
  for await (const { type } of events) types.push(type);
  return types;
}

export const mediaRows: readonly MatrixRow[] = [
  {
    feature: "images: generated (`images.generate`)",
    deployment: imageModel,
    async check({ client, model }) {
      const { data, usage } = await client.images.generate({ ...castle, model });
      expect(data?.[0]?.b64_json).toMatch(/^[\w+/]+=*$/);
      expect(usage?.output_tokens).toBeGreaterThan(0);
    },
  },
  {
    feature: "images: generated, streamed with `partial_images`",
    deployment: imageModel,
    async check({ client, model }) {
      const ask = { ...castle, model, stream: true, partial_images: 1 } as const;
      expect(await typesOf(await client.images.generate(ask))).toEqual([
        "image_generation.partial_image",
        "image_generation.completed",
      ]);
    },
  },
  {
    feature: "images: edited, several at once and with a mask, whole and streamed (`images.edit`)",
    deployment: imageModel,
    async check({ client, model }) {
      const [image, second, mask] = await Promise.all([png(), png(), png()]);
      const ask = { model, prompt: "a moat", image: [image, second], mask };
      expect((await client.images.edit(ask)).data?.[0]?.b64_json).toBeTruthy();
      const types = await typesOf(await client.images.edit({ ...ask, stream: true }));
      expect(types.at(-1)).toBe("image_edit.completed");
    },
  },
  {
    feature: "audio: transcribed, as JSON and as plain text",
    deployment: transcriber,
    async check({ client, model }) {
      const ask = { model, file: await mp3() };
      expect((await client.audio.transcriptions.create(ask)).text).toContain(heard);
      const text = await client.audio.transcriptions.create({ ...ask, response_format: "text" });
      expect(text).toContain(heard);
    },
  },
  {
    feature: "audio: transcribed, streamed",
    deployment: transcriber,
    async check({ client, model }) {
      const ask = { model, file: await mp3(), stream: true } as const;
      const types = await typesOf(await client.audio.transcriptions.create(ask));
      expect(types[0]).toBe("transcript.text.delta");
      expect(types.at(-1)).toBe("transcript.text.done");
    },
  },
  {
    feature: "audio: translated",
    deployment: "whisper",
    async check({ client, model }) {
      expect((await client.audio.translations.create({ model, file: await mp3() })).text).toContain(heard);
    },
  },
  {
    feature: "audio: speech, as bytes and as events",
    deployment: "gpt-4o-mini-tts",
    async check({ client, model }) {
      const ask = { model, input: "Hello castle", voice: "alloy" };
      const sound = await client.audio.speech.create(ask);
      expect(sound.headers.get("content-type")).toBe("audio/mpeg");
      expect((await sound.arrayBuffer()).byteLength).toBeGreaterThan(0);
      const events = await client.audio.speech.create({ ...ask, stream_format: "sse" });
      expect(await events.text()).toContain("speech.audio.done");
    },
  },
];
