/** Attacks with nothing but a token and a key. What an official SDK sends arrives, and what Azure streams comes back. */
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { NotFoundError } from "openai";
import { beforeAll, describe, expect, it } from "vitest";
import {
  backend,
  chat,
  gateway,
  type Json,
  post,
  received,
  streamed,
  tenant,
  usage,
} from "./attack-fixture.ts";

describe("official SDKs notice nothing (G10)", () => {
  let token: string;
  beforeAll(async () => {
    ({ token } = await tenant("transparent"));
  });

  it("numbers beyond 2^53 arrive as they were sent", async () => {
    const text =
      '{"messages":[],"seed":9223372036854775807,"tools":[{"type":"function","function":{"name":"f",' +
      '"parameters":{"type":"object","properties":{"id":{"type":"integer","maximum":9223372036854775807}}}}}]}';
    await post("/openai/deployments/raw/chat/completions?api-version=2024-10-21", token, text);
    expect(received[0]?.text).toContain('"seed":9223372036854775807');
    expect(received[0]?.text).toContain('"maximum":9223372036854775807');
  });

  it("own __proto__ keys and lone surrogates in a body arrive", async () => {
    const text = '{"messages":[{"role":"user","content":"\\ud800"}],"metadata":{"__proto__":"x"}}';
    const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21";
    expect((await post(path, token, text)).status).toBe(200);
    expect(received[0]?.text).toContain('"__proto__":"x"');
    expect(received[0]?.text.toLowerCase()).toContain("\\ud800");
  });

  it("a client request id in UTF-8 does not make Azure unreachable", async () => {
    const { hostname, port } = new URL(gateway.url);
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = request(
        {
          hostname,
          port,
          method: "POST",
          path: "/openai/deployments/raw/chat/completions?api-version=2024-10-21",
          headers: {
            "content-type": "application/json",
            "api-key": token,
            "x-ms-client-request-id": Buffer.from("日本").toString("latin1"),
          },
        },
        (incoming) => {
          incoming.resume();
          resolve(incoming.statusCode ?? 0);
        },
      );
      outgoing.on("error", reject);
      outgoing.end('{"messages":[]}');
    });
    expect(status).toBe(200);
  });

  it("an answer comes byte for byte, unpacked, and without what Azure says of its clusters", async () => {
    const text = '{ "id":"x","seed":9223372036854775807, "new":{"__proto__":1},"usage":null }\n';
    backend.answer = (outgoing) => {
      outgoing.writeHead(200, {
        "content-type": "application/json; charset=utf-8",
        "content-encoding": "gzip",
        "x-request-id": "6c4f1b4e-5806-4057-bcf7-6e731f2056b1",
        "x-ratelimit-limit-tokens": "-1",
        "x-ratelimit-remaining-requests": "449",
        "x-aml-cluster": "hyena-japaneast-02",
        "x-ms-deployment-name": "internal",
        "set-cookie": "a=b",
        "portcullis-decision": "forged",
      });
      outgoing.end(gzipSync(text));
    };
    const junk = Array.from({ length: 20 }, (_, index) => [`x-custom-${index}`, "1"]);
    const path = "/openai/deployments/raw/chat/completions?api-version=2024-10-21&api-key=x&deployment=y";
    const answer = await post(path, token, { messages: [] }, Object.fromEntries(junk));
    expect(answer.text).toBe(text);
    const told = Object.fromEntries(answer.headers);
    expect(told).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-request-id": "6c4f1b4e-5806-4057-bcf7-6e731f2056b1",
      "x-ratelimit-remaining-requests": "449",
      "portcullis-decision": expect.stringMatching(/^decision_/),
    });
    for (const name of ["x-ratelimit-limit-tokens", "x-aml-cluster", "x-ms-deployment-name", "set-cookie"])
      expect(told).not.toHaveProperty(name);
    expect(received[0]?.path).toBe("/openai/deployments/raw/chat/completions?api-version=2024-10-21");
    const custom = Object.keys(received[0]?.headers ?? {}).filter((name) => name.startsWith("x-"));
    expect(custom).toEqual([]);
  });

  it("AzureOpenAI answers Responses, whose path has no deployment in it", async () => {
    const answered = await gateway.azure(token).responses.create({ model: "gpt-4o-mini", input: "hi" });
    expect(answered.output_text).toBeTruthy();
  });

  it("the v1 surface keeps `api-version=preview`", async () => {
    await post("/openai/v1/chat/completions?api-version=preview", token, { model: "raw", messages: [] });
    expect(received[0]?.path).toBe("/openai/v1/chat/completions?api-version=preview");
  });

  it("HEAD, OPTIONS and an empty or compressed body are refused, not failed", async () => {
    const path = `${gateway.url}/openai/deployments/raw/chat/completions?api-version=2024-10-21`;
    for (const method of ["HEAD", "OPTIONS", "GET", "PUT"])
      expect((await fetch(path, { method, headers: { "api-key": token } })).status).toBe(405);
    const empty = await fetch(path, {
      method: "POST",
      headers: { "api-key": token, "content-type": "application/json" },
    });
    expect(empty.status).toBe(400);
    const zipped = await fetch(path, {
      method: "POST",
      headers: { "api-key": token, "content-type": "application/json", "content-encoding": "gzip" },
      body: new Uint8Array(gzipSync('{"messages":[]}')),
    });
    expect([400, 415]).toContain(zipped.status);
    expect(received).toHaveLength(0);
  });
});

describe("event streams", () => {
  let agent: { id: string; token: string };
  beforeAll(async () => {
    agent = await tenant("streams");
  });
  const event = (data: Json) => `data: ${JSON.stringify(data)}\n\n`;
  const delta = { id: "x", choices: [{ index: 0, delta: { content: "hi" } }], usage: null };
  const last = { id: "x", choices: [], usage };
  const stream = (more: Json = {}) => chat(agent.token, { stream: true, ...more }, "raw");
  const charged = (headers: Headers) =>
    gateway.recorded(
      `tenant=streams&agent=${agent.id}`,
      (r) => r.kind === "completion" && r.decisionId === headers.get("portcullis-decision"),
    );

  it("comments, event and id lines, and data without a space are passed and metered", async () => {
    backend.answer = streamed(
      ": keep-alive\n\n",
      `event: chunk\nid: 1\ndata:${JSON.stringify(delta)}\n\n`,
      `data:${JSON.stringify(last)}\r\n\r\n`,
      "data:[DONE]\n\n",
    );
    const { text, headers } = await stream();
    expect(text).toContain(": keep-alive");
    expect(text).toContain("id: 1");
    expect(text).not.toContain("total_tokens");
    expect(text).not.toContain("upstream_broken");
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5, end: "complete" });
  });

  it("lines that end in CR alone are events too", async () => {
    backend.answer = streamed(
      event(delta).replaceAll("\n", "\r"),
      event(last).replaceAll("\n", "\r"),
      "data: [DONE]\r\r",
    );
    const { text } = await stream();
    expect(text).toContain('"content":"hi"');
    expect(text).not.toContain("upstream_broken");
  });

  it("an error event inside a 200 stream passes once, charged as reserved", async () => {
    backend.answer = streamed(event(delta), event({ error: { code: "server_error", message: "no" } }));
    const { text, headers } = await stream();
    expect(text.match(/"error"/g)).toHaveLength(1);
    expect(await charged(headers)).toMatchObject({ settlement: "as_reserved" });
  });

  it("half an event is followed by no other: the connection breaks off, as Azure's did", async () => {
    backend.answer = (outgoing) => {
      outgoing.writeHead(200, { "content-type": "text/event-stream" });
      outgoing.write(event(delta));
      outgoing.write('data: {"half', () => outgoing.destroy());
    };
    const asked = { stream_options: { include_usage: true } };
    await expect(stream(asked)).rejects.toThrow();
    const broken = await gateway.recorded(
      `tenant=streams&agent=${agent.id}`,
      ({ kind, end }) => kind === "completion" && end === "upstream_broken",
    );
    expect(broken).toMatchObject({ settlement: "as_reserved" });
  });

  it("usage on several chunks is charged once, by the last", async () => {
    backend.answer = streamed(
      event({ ...delta, usage: { ...usage, total_tokens: 4 } }),
      event({ ...delta, usage }),
      "data: [DONE]\n\n",
    );
    const { headers, text } = await stream({ stream_options: { include_usage: true } });
    expect(text).toContain("[DONE]");
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5 });
  });

  it("an event of several megabytes passes byte for byte", async () => {
    const big = event({ ...delta, padding: "x".repeat(6_000_000) });
    backend.answer = streamed(big, event(last), "data: [DONE]\n\n");
    const { text } = await stream();
    expect(text).toBe(`${big}data: [DONE]\n\n`);
    backend.answer = streamed(big, event(last), "data: [DONE]\n\n");
    const asked = await stream({ stream_options: { include_usage: true } });
    expect(asked.text).toBe(`${big}${event(last)}data: [DONE]\n\n`);
    expect(await charged(asked.headers)).toMatchObject({ chargedTokens: 5, end: "complete" });
  }, 30_000);

  it("an event that reports usage in the caller's own words charges nothing else", async () => {
    const content =
      '"usage": {"prompt_tokens":0,"completion_tokens":0,"total_tokens":0} "type":"error" [DONE]';
    backend.answer = streamed(
      event({ ...delta, choices: [{ index: 0, delta: { content } }] }),
      event(last),
      "data: [DONE]\n\n",
    );
    const { headers } = await stream();
    expect(await charged(headers)).toMatchObject({ chargedTokens: 5, end: "complete" });
  });
});

/** What a promise rejects with. */
const thrown = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("answers that Azure keeps, by the official SDK", () => {
  const model = "gpt-4o-mini";
  let keeper: { readonly token: string };
  let stranger: { readonly token: string };
  beforeAll(async () => {
    keeper = await tenant("keeper", { allowStore: true });
    stranger = await tenant("stranger", { allowStore: true });
  });

  it("responses are read, listed, continued, cancelled and deleted by whoever had them made", async () => {
    const [client, other] = [gateway.openai(keeper.token), gateway.openai(stranger.token)];
    const { responses } = client;
    const { id } = await responses.create({ model, input: "Say hello to the castle.", store: true });
    expect((await responses.retrieve(id)).output_text).toContain("castle");
    expect((await gateway.azure(keeper.token).responses.retrieve(id)).id).toBe(id);
    const items = await responses.inputItems.list(id, { order: "asc", limit: 1 });
    expect(items.data).toMatchObject([{ content: [{ text: "Say hello to the castle." }] }]);
    const next = await responses.create({
      model,
      input: "And again.",
      previous_response_id: id,
      store: true,
    });
    expect(next.previous_response_id).toBe(id);

    const asked = gateway.simulator.requests.length;
    for (const work of [
      () => other.responses.retrieve(id),
      () => other.responses.delete(id),
      () => other.responses.create({ model, input: "hi", previous_response_id: id }),
    ]) {
      const error = await thrown(work());
      expect(error).toBeInstanceOf(NotFoundError);
      expect(error).toMatchObject({ code: "stored_object_unknown" });
    }
    expect(gateway.simulator.requests).toHaveLength(asked);

    const waiting = await responses.create({ model, input: "Later.", background: true });
    expect(waiting.status).toBe("queued");
    expect((await responses.cancel(waiting.id)).status).toBe("cancelled");
    const stream = await responses.create({ model, input: "Streamed.", stream: true, store: true });
    let streamedId = "";
    for await (const event of stream) if (event.type === "response.created") streamedId = event.response.id;
    const types: string[] = [];
    for await (const event of await responses.retrieve(streamedId, { stream: true, starting_after: 0 }))
      types.push(event.type);
    expect(types).toEqual(["response.in_progress", "response.completed"]);

    await responses.delete(id);
    expect(await thrown(responses.retrieve(id))).toMatchObject({ code: "stored_object_unknown" });
  });

  it("of a stream are there while it goes on, to be read and cancelled", async () => {
    const [{ responses }, other] = [gateway.openai(keeper.token), gateway.openai(stranger.token)];
    gateway.simulator.next({ kind: "hang", afterChunks: 1 });
    const stream = await responses.create({ model, input: "Hello.", stream: true, background: true });
    const events = stream[Symbol.asyncIterator]();
    const { value: created } = await events.next();
    const id = created?.type === "response.created" ? created.response.id : "";
    expect((await responses.retrieve(id)).status).toBe("queued");
    expect(await thrown(other.responses.cancel(id))).toMatchObject({ code: "stored_object_unknown" });
    expect((await responses.cancel(id)).status).toBe("cancelled");
    stream.controller.abort();
  });

  it("so are chat completions, but for a list of all of them", async () => {
    const { completions } = gateway.openai(keeper.token).chat;
    const { id } = await completions.create({
      model,
      messages: [{ role: "user", content: "Hi" }],
      store: true,
    });
    expect((await completions.retrieve(id)).choices[0]?.message.content).toBeTruthy();
    expect((await completions.messages.list(id)).data).toMatchObject([{ content: "Hi" }]);
    expect(await thrown(gateway.openai(stranger.token).chat.completions.retrieve(id))).toMatchObject({
      status: 404,
    });
    expect(await thrown(completions.list())).toMatchObject({ status: 404, code: "operation_not_served" });
    expect(await completions.delete(id)).toMatchObject({ deleted: true });
    expect(await thrown(completions.delete(id))).toMatchObject({ code: "stored_object_unknown" });
  });

  it("files, batches and Realtime are refused by name, and no SDK tries again", async () => {
    const { token } = keeper;
    const [openai, azure] = [gateway.openai(token), gateway.azure(token)];
    const batch = { input_file_id: "file-1", endpoint: "/v1/responses", completion_window: "24h" } as const;
    const file = new File(["{}"], "batch.jsonl");
    for (const [work, code] of [
      [() => openai.files.create({ file, purpose: "batch" }), "files_not_served"],
      [() => azure.files.list(), "files_not_served"],
      [() => openai.batches.create(batch), "batches_not_served"],
      [() => azure.batches.create(batch), "batches_not_served"],
    ] as const) {
      const error = await thrown(work());
      expect(error).toBeInstanceOf(NotFoundError);
      const { headers } = error as NotFoundError; // Checked on the line above.
      expect([(error as NotFoundError).code, headers?.get("x-should-retry")]).toEqual([code, "false"]);
    }
    const { hostname, port } = new URL(gateway.url);
    const status = await new Promise<number>((resolve, reject) => {
      const outgoing = request({
        hostname,
        port,
        path: `/openai/v1/realtime?model=${model}&api-key=${token}`,
        headers: {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
      });
      outgoing.on("response", (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode ?? 0);
      });
      outgoing.on("upgrade", () => resolve(101));
      outgoing.on("error", reject);
      outgoing.end();
    });
    expect(status).toBe(404);
    expect(gateway.simulator.requests).toEqual([]);
    const refused = await gateway.recorded(
      "tenant=keeper",
      ({ route }) => route === "POST /openai/v1/files/{rest}",
    );
    expect(refused).toMatchObject({ decision: "denied", surface: "unserved", action: "file" });
  });
});
