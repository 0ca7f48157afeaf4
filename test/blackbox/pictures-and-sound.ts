/**
 * Images and audio with the official SDK, on both of its clients: forms that reach Azure to the byte, answers that are
 * JSON, text, events and bytes, and what is refused before Azure hears of it. Part of official-sdk.test.ts, whose gateway
 * it uses.
 */
import { createHash } from "node:crypto";
import { BadRequestError, PermissionDeniedError, toFile } from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import type { GatewayUnderTest } from "./gateway-under-test.ts";

// Bytes that are no text in any encoding, and line ends that a form's own could be taken for.
const pictureBytes = Uint8Array.from([
  0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x2d, 0x2d, 0xff, 0x00, 0xc3, 0x28,
]);
const soundBytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const picture = () => toFile(pictureBytes, "ça chat.png", { type: "image/png" });
const sound = () => toFile(soundBytes, "hello.mp3", { type: "audio/mpeg" });

const uploaded = (name: string, bytes: Uint8Array, filename: string, type: string) => [
  name,
  { filename, type, bytes: bytes.length, sha256: sha256(bytes) },
];

export function describePicturesAndSound(gatewayOf: () => GatewayUnderTest): void {
  describe("images and audio", () => {
    const tenantId = "studio";
    let gateway: GatewayUnderTest;
    let token: string;
    let agentId: string;

    const policy = (more: object) =>
      gateway.admin("POST", "/v1/policies", {
        name: "images and audio",
        tenantId,
        effect: "allow",
        actions: ["image", "audio"],
        resources: ["api://azure-openai/models/*"],
        ...more,
      });
    const completed = (response: Response) =>
      gateway.recorded(
        `tenant=${tenantId}&agent=${agentId}`,
        (record) =>
          record.kind === "completion" && record.decisionId === response.headers.get("portcullis-decision"),
      );
    const paths = () => gateway.simulator.requests.map(({ path }) => path.replace(/\?.*/, ""));
    const azure = (deployment: string) => gateway.azure(token, deployment);
    /** A token with limits of its own. */
    const limited = async (constraints: object) =>
      gateway.openai(
        await gateway.tokenFor(agentId, {
          authorizationDetails: [
            { type: "model_invocation", actions: ["image", "audio"], locations: ["*"], constraints },
          ],
        }),
      );

    beforeAll(async () => {
      gateway = gatewayOf();
      await gateway.admin("POST", "/v1/tenants", { id: tenantId, name: tenantId });
      await policy({});
      ({ id: agentId, token } = await gateway.agent({ tenantId, name: "studio" }));
    });

    it("pictures are generated on classic paths and v1, and charged what Azure reports", async () => {
      const ask = { model: "gpt-image-1", prompt: "a castle", size: "1024x1024", quality: "low" } as const;
      const { data, response } = await azure("gpt-image-1").images.generate(ask).withResponse();
      expect(data.data?.[0]?.b64_json).toBeTruthy();
      const whole = await gateway.openai(token).images.generate({ ...ask, n: 2 });
      expect(whole.data).toHaveLength(2);
      expect(paths()).toEqual([
        "/openai/deployments/gpt-image-1/images/generations",
        "/openai/v1/images/generations",
      ]);
      expect(await completed(response)).toMatchObject({
        action: "image",
        settlement: "used",
        usage: { promptTokens: 2, completionTokens: 272, totalTokens: 274 },
        chargedTokens: 274,
        // Two tokens of a prompt and 272 of a picture, at the price of a single region.
        chargedCostNanoUsd: 2 * 11_000 + 272 * 44_000,
      });
    });

    it("a stream of a picture passes event by event, and is charged by its last", async () => {
      const ask = { model: "gpt-image-1", prompt: "a castle", quality: "low" } as const;
      const client = gateway.openai(token);
      const { data, response } = await client.images
        .generate({ ...ask, stream: true, partial_images: 2 })
        .withResponse();
      const types: string[] = [];
      for await (const { type } of data) types.push(type);
      const partial = "image_generation.partial_image";
      expect(types).toEqual([partial, partial, "image_generation.completed"]);
      expect(await completed(response)).toMatchObject({
        settlement: "used",
        usage: { completionTokens: 472 },
      });
    });

    it("pictures are edited: files, names and types reach Azure as they are, and the model is the backend's", async () => {
      const image = await picture();
      const ask = { model: "gpt-image-1", prompt: "a moat", n: 1 };
      await azure("gpt-image-1").images.edit({
        ...ask,
        model: "whatever",
        image: [image, image],
        mask: image,
      });
      await gateway.openai(token).images.edit({ ...ask, image });
      const form = new FormData();
      for (const [name, value] of Object.entries({ ...ask, brand_new: "yes" })) form.append(name, `${value}`);
      form.append("image", image);
      const classic = await fetch(`${gateway.url}/openai/images/edits?api-version=2025-04-01-preview`, {
        method: "POST",
        headers: { "api-key": token, "MF-CF-Blob": JSON.stringify({ country: "DE", colo: "FRA" }) },
        body: form,
      });
      expect(classic.status).toBe(200);
      expect(paths()).toEqual([
        "/openai/deployments/gpt-image-1/images/edits",
        "/openai/v1/images/edits",
        "/openai/deployments/gpt-image-1/images/edits",
      ]);
      const [several, one, raw] = gateway.simulator.requests.map(({ body }) => body);
      const file = (name: string) => uploaded(name, pictureBytes, "ça chat.png", "image/png");
      expect(several).toContainEqual(file("image[]"));
      expect(several).toContainEqual(file("mask"));
      expect(several).toContainEqual(["model", "gpt-image-1"]);
      expect(one).toEqual([["model", "gpt-image-1"], ["prompt", "a moat"], ["n", "1"], file("image")]);
      expect(raw).toContainEqual(["brand_new", "yes"]);
    });

    it("sound is transcribed and translated, as JSON, text and events", async () => {
      const file = await sound();
      const heard = "You played 70000 bytes of audio/mpeg from hello.mp3.";
      const client = gateway.openai(token);
      const ask = { model: "gpt-4o-transcribe", file };
      const whole = await azure("gpt-4o-transcribe").audio.transcriptions.create(ask);
      expect(whole.text).toBe(heard);
      expect(gateway.simulator.requests[0]?.body).toContainEqual(
        uploaded("file", soundBytes, "hello.mp3", "audio/mpeg"),
      );
      for (const response_format of ["text", "srt", "vtt"] as const)
        expect(await client.audio.transcriptions.create({ ...ask, response_format })).toContain(heard);
      const translated = await azure("whisper")
        .audio.translations.create({ model: "whisper", file, response_format: "verbose_json" })
        .withResponse();
      expect(translated.data).toMatchObject({ text: heard, duration: 3 });
      // Seconds are no tokens, and none were reserved; they have a price of their own.
      expect(await completed(translated.response)).toMatchObject({
        settlement: "as_reserved",
        chargedTokens: 0,
        units: { unit: "audio_second", count: 3 },
        chargedCostNanoUsd: 3 * 100_000,
      });
      const types = new Set<string>();
      for await (const { type } of await client.audio.transcriptions.create({ ...ask, stream: true }))
        types.add(type);
      expect([...types]).toEqual(["transcript.text.delta", "transcript.text.done"]);
    });

    it("speech comes byte for byte as it is made, or as events", async () => {
      const ask = { model: "gpt-4o-mini-tts", input: "Hello dear castle", voice: "alloy" };
      const { data, response } = await azure("gpt-4o-mini-tts").audio.speech.create(ask).withResponse();
      const bytes = [0, 1, 2].flatMap((index) => [
        0xff,
        index,
        0,
        ...Buffer.from(["Hello", " dear", " castle"][index] ?? ""),
      ]);
      expect(response.headers.get("content-type")).toBe("audio/mpeg");
      expect([...new Uint8Array(await data.arrayBuffer())]).toEqual(bytes);
      const events = await gateway.openai(token).audio.speech.create({ ...ask, stream_format: "sse" });
      expect(await events.text()).toContain("speech.audio.done");
    });

    it("what nobody can bound is refused under a limit of tokens or cost, and nothing else is", async () => {
      const counted = await limited({ maxTokensPerRequest: 10_000, maxCostPerDay: 1, maxRequestsPerDay: 20 });
      const ask = { model: "gpt-image-1", prompt: "a castle", quality: "low" } as const;
      expect((await counted.images.generate(ask)).data).toHaveLength(1);
      const tooMany = counted.images.generate({ ...ask, quality: "high", n: 2 });
      await expect(tooMany).rejects.toBeInstanceOf(PermissionDeniedError);
      const before = gateway.simulator.requests.length;
      const file = await sound();
      const image = await picture();
      for (const unbounded of [
        () => counted.images.edit({ ...ask, image }),
        () => counted.audio.transcriptions.create({ model: "gpt-4o-transcribe", file }),
        () => counted.audio.speech.create({ model: "gpt-4o-mini-tts", input: "Hello", voice: "alloy" }),
      ]) {
        const error = await (unbounded() as Promise<unknown>).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(BadRequestError);
        expect(error).toMatchObject({ code: "unbounded_ask" });
      }
      expect(gateway.simulator.requests).toHaveLength(before);
      const perRequest = await limited({ maxRequestsPerDay: 1 });
      const speak = () =>
        perRequest.audio.speech.create({ model: "gpt-4o-mini-tts", input: "x", voice: "alloy" });
      expect((await speak()).status).toBe(200);
      await expect(speak()).rejects.toMatchObject({ status: 429 });
    });

    it("what is billed by the piece is bounded by its price, charged it, and told in the usage", async () => {
      const client = await limited({ maxCostPerDay: 0.15 });
      const draw = (quality: "standard" | "hd") =>
        client.images.generate({ model: "dall-e-3", prompt: "a castle", size: "1024x1024", quality });
      const drawn = await draw("hd").withResponse();
      const spoken = await client.audio.speech
        .create({ model: "tts", input: "Hello 水门", voice: "alloy" })
        .withResponse();
      await spoken.data.arrayBuffer();
      const plain = await draw("standard").withResponse();
      await expect(draw("standard")).rejects.toMatchObject({ status: 429, code: "cost_quota_exceeded" });
      const told = await Promise.all([drawn, spoken, plain].map(({ response }) => completed(response)));
      const untold = { settlement: "as_reserved", usage: null };
      expect(told).toMatchObject([
        { ...untold, units: { unit: "picture", count: 1 }, chargedCostNanoUsd: 80_000_000 },
        // Its operator's price, and two characters for each of the last.
        { ...untold, units: { unit: "character", count: 10 }, chargedCostNanoUsd: 10 * 12_000 },
        { ...untold, units: { unit: "picture", count: 1 }, chargedCostNanoUsd: 40_000_000 },
      ]);
      const file = await sound();
      const hear = client.audio.transcriptions.create({ model: "whisper", file });
      await expect(hear).rejects.toMatchObject({ code: "unbounded_ask" });
      const usage = await gateway.admin(
        "GET",
        `/v1/usage?tenant=${tenantId}&groupBy=deployment&interval=total`,
      );
      expect(usage.body.items).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            deployment: "dall-e-3",
            requests: 2,
            costNanoUsd: 120_000_000,
            unpricedRequests: 0,
          }),
          expect.objectContaining({
            deployment: "tts",
            requests: 1,
            costNanoUsd: 120_000,
            unpricedRequests: 0,
          }),
        ]),
      );
    });

    it("policies look at the texts of forms, and at nothing that is sound", async () => {
      const looking = await limited({ deniedPatterns: { patterns: ["dragon"], action: "deny" } });
      const image = await picture();
      const edit = (prompt: string) => looking.images.edit({ model: "gpt-image-1", prompt, image });
      await expect(edit("a dragon")).rejects.toMatchObject({ code: "pattern_denied" });
      expect((await edit("a castle")).data).toHaveLength(1);
      const file = await sound();
      const hear = looking.audio.transcriptions.create({ model: "whisper", file });
      await expect(hear).rejects.toMatchObject({ code: "indeterminate" });
      const stripping = await limited({
        deniedPatterns: { patterns: ["dragon"], action: "strip" },
        parameters: { n: { max: 2 } },
      });
      const prompt = "a dragon's castle";
      await stripping.images.edit({ model: "gpt-image-1", prompt, image, n: 2 });
      expect(gateway.simulator.requests.at(-1)?.body).toContainEqual(["prompt", "a 's castle"]);
      const many = stripping.images.edit({ model: "gpt-image-1", prompt, image, n: 3 });
      await expect(many).rejects.toMatchObject({ code: "parameter_not_allowed", param: "n" });
    });

    it("a check calls what they serve, and has a picture made only when asked", async () => {
      const check = async (deployment: string, query = "") =>
        (await gateway.admin("POST", `/v1/deployments/${deployment}/check${query}`)).body.backends;
      const found = (operation: string, outcome = "answered") => ({ operation, outcome });
      const heard = ["audio/transcriptions", "audio/translations"].map((operation) => found(operation));
      expect(await check("whisper")).toMatchObject(heard);
      expect(await check("gpt-4o-transcribe")).toMatchObject([found("audio/transcriptions")]);
      expect(await check("gpt-4o-mini-tts")).toMatchObject([found("audio/speech")]);
      expect(await check("gpt-image-1")).toMatchObject([found("images/generations", "not_called")]);
      expect(paths()).not.toContain("/openai/v1/images/generations");
      expect(await check("gpt-image-1", "?images=true")).toMatchObject([found("images/generations")]);
      expect(gateway.simulator.requests.at(-1)?.body).toMatchObject({ n: 1, quality: "low" });
      expect(gateway.simulator.requests[0]?.body).toContainEqual([
        "file",
        expect.objectContaining({ filename: "silence.wav", type: "audio/wav", seconds: 0.25 }),
      ]);
      gateway.simulator.next({ kind: "garbage" });
      expect(await check("gpt-4o-transcribe")).toMatchObject([
        { outcome: "failed", status: 200, reason: "answer not understood" },
      ]);
      gateway.simulator.next({ kind: "rate-limited" });
      expect(await check("gpt-4o-mini-tts")).toMatchObject([{ outcome: "busy", status: 429 }]);
    });

    it("lists the deployments of these actions, and refuses others by what they serve", async () => {
      const client = await limited({ maxRequestsPerDay: 9 });
      const names = (await client.models.list()).data.map(({ id }) => id).toSorted();
      expect(names).toEqual([
        "dall-e-3",
        "gpt-4o-mini-tts",
        "gpt-4o-transcribe",
        "gpt-image-1",
        "tts",
        "whisper",
      ]);
      const spoken = client.audio.speech.create({ model: "gpt-4o-mini", input: "Hello", voice: "alloy" });
      await expect(spoken).rejects.toMatchObject({ status: 400, code: "operation_not_supported" });
    });
  });
}
