/** What reached the simulator, the control endpoints, and a close that waits for nobody. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";

let simulator: Simulator;
beforeEach(async () => {
  simulator = await startSimulator({ apiKey: "another-key" });
});
afterEach(() => simulator.close());

const chat = (body: string) =>
  fetch(`${simulator.url}/openai/v1/chat/completions?api-version=v1`, {
    method: "POST",
    headers: { "API-Key": "another-key", "X-Mixed": "Kept As Is" },
    body,
  });
const valid = JSON.stringify({ model: "gpt-4", messages: [{ role: "user", content: "hello" }] });
const control = (method: string, path: string, body?: unknown) =>
  fetch(`${simulator.url}/_simulator${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("requests", () => {
  it("keeps method, path with query, headers in lower case and the parsed body", async () => {
    await chat(valid);
    expect(simulator.requests).toEqual([
      expect.objectContaining({
        method: "POST",
        path: "/openai/v1/chat/completions?api-version=v1",
        headers: expect.objectContaining({ "api-key": "another-key", "x-mixed": "Kept As Is" }),
        body: JSON.parse(valid),
        deployment: "gpt-4",
        status: 200,
        clientDisconnected: false,
        outcome: "answered",
      }),
    ]);
  });

  it("keeps text that is not JSON, and requests that were refused", async () => {
    await chat("no json");
    expect(simulator.requests[0]).toMatchObject({ body: "no json", status: 400 });
  });

  it("resolves waitForRequest with the next request, and forgets on clear", async () => {
    await chat(valid);
    const next = simulator.waitForRequest();
    await chat("second");
    expect((await next).body).toBe("second");
    simulator.clear();
    expect(simulator.requests).toEqual([]);
  });

  it("keeps a request whose body never came", async () => {
    const { port } = new URL(simulator.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write("POST /openai/v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    await expect.poll(() => simulator.requests.length).toBe(1);
    socket.destroy();
    expect(await simulator.requests[0]?.finished).toBe("client_gone");
    expect(simulator.requests[0]?.body).toBeUndefined();
  });
});

describe("control endpoints", () => {
  it("queue a fault, alone or with others, and show the requests", async () => {
    const alone = await control("POST", "/faults", {
      kind: "status",
      status: 503,
      body: { busy: true },
      deployment: "gpt-4",
    });
    expect([alone.status, await alone.json()]).toEqual([201, { queued: 1 }]);
    await control("POST", "/faults", { faults: [{ kind: "reply", text: "told" }, { kind: "no-usage" }] });

    const first = await chat(valid);
    expect([first.status, await first.json()]).toEqual([503, { busy: true }]);
    const second = await (await chat(valid)).json();
    expect(second).toHaveProperty("choices.0.message.content", "told");
    expect(second).not.toHaveProperty("usage");

    expect(await (await control("GET", "/requests")).json()).toMatchObject({
      requests: [
        { deployment: "gpt-4", status: 503, outcome: "answered" },
        { status: 200, isFinished: true },
      ],
    });
  });

  it.each([{ kind: "unknown" }, { kind: "cut" }, { kind: "cut", afterChunks: 1, more: 1 }, [], "text", null])(
    "refuse %j",
    async (body) => {
      expect((await control("POST", "/faults", body)).status).toBe(400);
    },
  );

  it("clear requests and faults together", async () => {
    await chat(valid);
    await control("POST", "/faults", { kind: "status", status: 500 });
    expect((await control("DELETE", "/requests")).status).toBe(204);
    expect(simulator.requests).toEqual([]);
    expect((await chat(valid)).status).toBe(200);
  });
});

describe("close", () => {
  it("ends hanging and slow requests at once", async () => {
    simulator.next({ kind: "hang" });
    simulator.next({ kind: "slow", beforeHeadersMs: 600_000 });
    const answers = Promise.allSettled([chat(valid), chat(valid)]);
    await expect
      .poll(() => simulator.requests.filter((request) => request.body !== undefined).length)
      .toBe(2);
    const requests = [...simulator.requests];
    await simulator.close();
    expect((await answers).map((answer) => answer.status)).toEqual(["rejected", "rejected"]);
    expect(await Promise.all(requests.map((request) => request.finished))).toEqual([
      "simulator_closed",
      "simulator_closed",
    ]);
  });

  it("rejects who still waits for a request", async () => {
    const waiting = simulator.waitForRequest();
    await simulator.close();
    await expect(waiting).rejects.toThrow("closed");
  });
});

describe("main", () => {
  it.each([
    { kind: "hang" },
    { kind: "slow", beforeHeadersMs: 600_000 },
    { kind: "slow", betweenChunksMs: 600_000 },
  ])("prints its URL and exits on SIGTERM, even in the middle of %j", async (fault) => {
    const child = spawn("node_modules/.bin/node", ["dev/simulator/main.ts"], {
      env: { PATH: process.env.PATH, SIMULATOR_PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const [line] = await once(child.stdout, "data");
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(line))?.[0];
    await fetch(`${url}/_simulator/faults`, { method: "POST", body: JSON.stringify(fault) });
    const answer = fetch(`${url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { "api-key": "simulator-key" },
      body: valid,
    }).then((response) => response.text());
    const outcome = answer.then(
      () => "answered",
      () => "broken",
    );
    const statuses = async () => (await fetch(`${url}/_simulator/requests`)).json();
    await expect.poll(statuses).toMatchObject({ requests: [{ status: 200 }] });
    child.kill("SIGTERM");
    expect(await outcome).toBe("broken");
    expect(await exited).toEqual([0, null]);
  });
});
