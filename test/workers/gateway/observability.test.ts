// What operators see: stage durations on answers, one line per unexpected failure, and no secret in any line.
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compose } from "../../../src/compose.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import {
  adminKey,
  backgroundDone,
  call,
  completion,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const stagesOf = (response: Response): Record<string, number> =>
  Object.fromEntries(
    (response.headers.get("server-timing") ?? "").split(", ").map((metric) => {
      const [name = "", duration = ""] = metric.split(";dur=");
      return [name, Number(duration)];
    }),
  );

describe("Server-Timing", () => {
  const azure = scriptedAzure(() => completion());

  it("tells each stage of an allowed call, and where the time went", async () => {
    const caller = await newCaller();
    let nowMs = Date.now();
    const slow = scriptedAzure(() => {
      nowMs += 250;
      return completion();
    });
    const response = await call(caller, { azure: slow, clock: () => nowMs });
    expect(response.status).toBe(200);
    expect(stagesOf(response)).toEqual({
      authenticate: 0,
      snapshot: 0,
      reserve: 0,
      upstream: 250,
      total: 250,
    });
  });

  it("stops where a refusal came", async () => {
    const caller = await newCaller();
    const forged = await call({ ...caller, token: "aaa.bbb.ccc" }, { azure });
    expect(Object.keys(stagesOf(forged))).toEqual(["authenticate", "total"]);
    const unknown = await call({ ...caller, deployment: "none" }, { azure });
    expect(Object.keys(stagesOf(unknown))).toEqual(["authenticate", "snapshot", "reserve", "total"]);
  });

  it("counts the look-up of the API key into the authentication of an /v1/enforce", async () => {
    const { token } = await newCaller();
    let nowMs = Date.now();
    const find: typeof ports.apiKeys.find = async (hash) => {
      nowMs += 40;
      return ports.apiKeys.find(hash);
    };
    const routes = createEnforceRoutes(async () => ({ ...ports, clock: () => nowMs, apiKeys: { find } }));
    const ask = {
      requestId: "one",
      capabilityToken: token,
      action: "chat",
      resourceId: "api://azure-openai/models/gpt",
    };
    const response = await routes.fetch(
      new Request("https://gateway.test/v1/enforce", {
        method: "POST",
        headers: { "x-api-key": adminKey, "content-type": "application/json" },
        body: JSON.stringify(ask),
      }),
    );
    expect(await response.json()).toMatchObject({ decision: "allowed" });
    expect(stagesOf(response)).toEqual({ authenticate: 40, snapshot: 0, reserve: 0, total: 40 });
  });

  it("stands on streams, which it does not hold up", async () => {
    const caller = await newCaller();
    const streaming = scriptedAzure(
      () => new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } }),
    );
    const body = JSON.stringify({ messages: [], stream: true });
    const response = await call(caller, { azure: streaming }, { body });
    expect(stagesOf(response)).toHaveProperty("upstream");
    expect(await response.text()).toContain("[DONE]");
    await backgroundDone();
  });
});

describe("a log line", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("of a failing request names the request, and holds no token, key, prompt or message", async () => {
    const lines: string[] = [];
    for (const level of ["debug", "error", "info", "log", "warn"] as const)
      vi.spyOn(console, level).mockImplementation((...told: unknown[]) => {
        lines.push(told.map(String).join(" "));
      });

    const caller = await newCaller();
    const prompt = "The-prompt-of-the-caller";
    const key = `pk_${"k".repeat(43)}`;
    const secrets = [caller.token, prompt, key, adminKey, "simulator-key"];
    const throwing = async (): Promise<never> => {
      throw new Error(secrets.join(" "), { cause: secrets });
    };
    const body = JSON.stringify({ messages: [{ role: "user", content: prompt }] });
    const azure = scriptedAzure(() => completion());
    const answers: Response[] = [];

    const { snapshots, ledgers } = ports;
    for (const ill of [
      { snapshots: { ...snapshots, load: throwing } },
      { ledgers: { ...ledgers, reserve: throwing } },
      { ledgers: { ...ledgers, settle: throwing } },
      { records: { send: throwing } },
      { verifier: { verify: throwing } },
    ])
      answers.push(await call(caller, { azure, ...ill }, { body }));
    // Expected trouble is answered and recorded, not logged.
    await call(caller, { azure: { send: throwing } }, { body });
    await call({ ...caller, token: `${caller.token}x` }, { azure }, { body });

    const enforcing = createEnforceRoutes(async () => ({ ...ports, verifier: { verify: throwing } }));
    const question = JSON.stringify({
      requestId: "r",
      capabilityToken: caller.token,
      action: "chat",
      resourceId: "api://azure-openai/models/gpt",
      context: { note: prompt },
    });
    const headers = { "x-api-key": adminKey, "content-type": "application/json" };
    answers.push(
      await enforcing.fetch(
        new Request("https://gateway.test/v1/enforce", { method: "POST", headers, body: question }),
      ),
    );

    const platformDb = new Proxy(env.PLATFORM_DB, {
      get(target, member) {
        // A key that is found, and then a bug.
        const value: unknown = member === "batch" ? throwing : Reflect.get(target, member);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { controlPlane } = await compose({ ...env, PLATFORM_DB: platformDb }, () => {});
    const change = JSON.stringify({ name: prompt, scopes: ["enforce"] });
    answers.push(
      await controlPlane.fetch(
        new Request("https://gateway.test/v1/api-keys", {
          method: "POST",
          headers,
          body: change,
        }),
      ),
    );
    await backgroundDone();

    const failed = answers.filter(({ status }) => status === 500);
    expect(failed.length).toBeGreaterThanOrEqual(6);
    const told = lines.map((line): unknown => JSON.parse(line));
    for (const { headers: answered } of failed)
      expect(told).toContainEqual({
        level: "error",
        event: "request_failed",
        error: "Error",
        requestId: answered.get("x-request-id"),
      });
    expect(told).toHaveLength(failed.length);
    for (const secret of secrets) expect(lines.join("\n")).not.toContain(secret);
    for (const answer of answers) {
      const text = await answer.text();
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
  });
});
