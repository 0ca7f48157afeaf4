/**
 * A call that one backend fails goes to the next, over real ledgers: what is reserved, charged and recorded in each case,
 * and what the caller sees. How a call is led through any sequence of failures: test/unit/gateway/failover.test.ts.
 */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import {
  admin,
  backend,
  backgroundDone,
  call,
  codeOf,
  completion,
  freshIsolate,
  newCaller,
  newPolicy,
  scriptedAzure,
} from "./gateway-fixture.ts";
import { above, openReservationIds, pass, stored } from "./quota-drive.ts";

const LEASE_OVER_MS = 5_000;

const hostOf = (priority: number) => `priority-${priority}.test`;
await admin("POST", "/v1/deployments", {
  name: "spread",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [0, 1, 2].map((priority) => ({
    ...backend,
    endpoint: `https://${hostOf(priority)}`,
    priority,
    sku: priority === 0 ? "ProvisionedManaged" : "Standard",
  })),
});

type Answer = (request: AzureRequest) => Response | Promise<Response>;
const failing =
  (status: number, headers: Record<string, string> = {}): Answer =>
  () =>
    Response.json({ error: { code: String(status), message: "…" } }, { status, headers });
const broken: Answer = () => Promise.reject(new Error("connect ECONNREFUSED 192.0.2.7"));
const whole: Answer = () => completion();
const word = 'data: {"choices":[{"delta":{"content":"Hi"},"index":0}],"usage":null}\n\n';
const usageEvent =
  'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\n';
const stream: Answer = () =>
  new Response(`${word}${usageEvent}data: [DONE]\n\n`, { headers: { "content-type": "text/event-stream" } });
const cutStream: Answer = () => {
  const left = [word];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const event = left.shift();
        if (event === undefined) controller.error(new Error("connection reset"));
        else controller.enqueue(new TextEncoder().encode(event));
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
};

type Caller = Awaited<ReturnType<typeof newCaller>>;
const counted = { maxRequestsPerDay: 10, maxTokensPerDay: 100_000 };
const onSpread = async (constraints: object = {}, tenant: object = {}) => ({
  ...(await newCaller({ ...counted, ...constraints }, tenant)),
  deployment: "spread",
});

/** One call whose attempts are answered so, in turn. */
async function ask(
  caller: Caller,
  answers: readonly Answer[],
  overrides: Partial<GatewayPorts> = {},
  isStream = false,
) {
  const left = [...answers];
  const azure = scriptedAzure((request) => (left.shift() ?? whole)(request));
  const records: AuditRecord[] = [];
  const send = async (_home: unknown, record: AuditRecord) => records.push(record) > 0;
  const body = JSON.stringify({
    messages: [{ role: "user", content: "Hello" }],
    max_tokens: 50,
    stream: isStream,
  });
  const response = await call(caller, { azure, records: { send }, ...overrides }, { body });
  const text = await response.text();
  await backgroundDone();
  const completions = records.filter((record) => record.kind === "completion");
  const decisions = records.filter((record) => record.kind === "decision");
  const { used, open } = await stored(caller);
  const chargedTokens = completions.reduce((sum, record) => sum + (record.chargedTokens ?? 0), 0);
  // Whatever happened, the records tell what the ledger counts, and no number is missing.
  expect(used["agent/tokens/day"] ?? 0).toBe(chargedTokens);
  expect(records.map(({ n }) => n).toSorted((left, right) => left - right)).toEqual(
    records.map((_, index) => index + 1),
  );
  expect(open).toBe(0);
  return {
    response,
    text,
    hosts: azure.requests.map(({ url }) => new URL(url).host),
    decisions,
    completions,
    requests: used["agent/requests/day"] ?? 0,
    chargedTokens,
  };
}

const USED_TOKENS = 12;
const hosts = (...priorities: number[]) => priorities.map(hostOf);

describe("before any byte went to the caller", () => {
  it.each<[name: string, Answer, stream: boolean]>([
    ["a rate limit", failing(429, { "retry-after": "7" }), false],
    ["a refused stream", failing(503), true],
  ])("%s: the next backend answers, under the same reservation", async (_name, failure, isStream) => {
    const answers = [failure, isStream ? stream : whole];
    const asked = await ask(await onSpread({ maxRequestsPerDay: 1 }), answers, {}, isStream);
    expect([asked.response.status, asked.hosts]).toEqual([200, hosts(0, 1)]);
    expect([asked.requests, asked.chargedTokens]).toEqual([1, USED_TOKENS]);
    expect(asked.decisions).toMatchObject([{ decision: "allowed", backend: { sku: "ProvisionedManaged" } }]);
    expect(asked.completions).toMatchObject([
      {
        end: "complete",
        backend: { sku: "Standard" },
        attempts: [
          { end: "upstream_error", backend: { sku: "ProvisionedManaged" } },
          { end: "complete", upstreamStatus: 200, backend: { sku: "Standard" } },
        ],
      },
    ]);
    const told = [...asked.response.headers].flat().join(" ");
    expect(told).not.toMatch(/priority-|ProvisionedManaged|backend_/);
  });

  it.each<[name: string, stream: boolean]>([
    ["a whole answer", false],
    ["a stream", true],
  ])(
    "a broken connection of %s is charged; the next backend has a reservation of its own",
    async (_, isStream) => {
      const asked = await ask(await onSpread(), [broken, isStream ? stream : whole], {}, isStream);
      expect([asked.response.status, asked.hosts]).toEqual([200, hosts(0, 1)]);
      expect(asked.requests).toBe(2);
      expect(asked.completions).toMatchObject([
        { end: "upstream_unreachable", settlement: "as_reserved", backend: { sku: "ProvisionedManaged" } },
        { end: "complete", settlement: "used", chargedTokens: USED_TOKENS, backend: { sku: "Standard" } },
      ]);
      expect(asked.completions[0]?.chargedTokens).toBeGreaterThan(50 + USED_TOKENS);
      expect(asked.decisions.map(({ decision, n }) => [decision, n])).toEqual([
        ["allowed", 1],
        ["allowed", 3],
      ]);
      // What is left is told by the reservation that the answer used.
      expect(asked.response.headers.get("x-ratelimit-remaining-requests")).toBe("8");
    },
  );

  it("every backend busy, one after the other: the last one's answer, and nothing is charged", async () => {
    const busy = [9, 8, 7].map((seconds) => failing(429, { "retry-after": String(seconds) }));
    const asked = await ask(await onSpread(), busy);
    expect([asked.response.status, asked.hosts]).toEqual([429, hosts(0, 1, 2)]);
    expect(asked.response.headers.get("retry-after")).toBe("7");
    expect([asked.requests, asked.chargedTokens]).toEqual([0, 0]);
    expect(asked.completions).toMatchObject([{ settlement: "released", attempts: [{}, {}, {}] }]);
  });

  it("every connection broken: each attempt is charged, and the caller is not told to repeat it", async () => {
    const asked = await ask(await onSpread(), [broken, broken, broken]);
    expect([asked.response.status, asked.hosts]).toEqual([502, hosts(0, 1, 2)]);
    expect(asked.response.headers.get("x-should-retry")).toBe("false");
    expect(asked.text).not.toContain("192.0.2.7");
    expect(asked.requests).toBe(3);
    expect(asked.completions.map(({ settlement }) => settlement)).toEqual(Array(3).fill("as_reserved"));
  });

  it("one call at a time: the attempt that was charged has made room, here and at the tenant's ledger", async () => {
    const caller = await onSpread({ maxConcurrentRequests: 1 }, { limits: { maxConcurrentRequests: 1 } });
    const asked = await ask(caller, [failing(503), broken]);
    expect([asked.response.status, asked.hosts]).toEqual([200, hosts(0, 1, 2)]);
    expect((await above(caller)).permits).toBe(0);
  });
});

describe("no further reservation, no further attempt: the caller gets the failure", () => {
  it("where no quota is left", async () => {
    const asked = await ask(await onSpread({ maxRequestsPerDay: 1 }), [broken]);
    expect([asked.response.status, asked.hosts, asked.requests]).toEqual([502, hosts(0), 1]);
    expect(asked.decisions.map(({ decision, reasons }) => [decision, reasons[0]?.code])).toEqual([
      ["allowed", "allowed"],
      ["denied", "request_quota_exceeded"],
    ]);
    expect(new Set(asked.decisions.map(({ decisionId }) => decisionId)).size).toBe(1);
  });

  it("where the agent was disabled meanwhile", async () => {
    const caller = await onSpread();
    const asked = await ask(caller, [
      async (request) => {
        await admin("PATCH", `/v1/agents/${caller.agentId}`, { status: "disabled" });
        return broken(request);
      },
    ]);
    expect([asked.response.status, asked.hosts]).toEqual([502, hosts(0)]);
    expect(asked.decisions.at(-1)).toMatchObject({
      decision: "denied",
      reasons: [{ code: "agent_disabled" }],
    });
  });

  it("where a policy was written meanwhile: what it says has not been asked", async () => {
    const caller = await onSpread();
    const asked = await ask(caller, [
      async (request) => {
        await newPolicy(caller, { effect: "deny" });
        // By the ledgers' clock, which stands still here, the lease would live on.
        pass(LEASE_OVER_MS);
        return broken(request);
      },
    ]);
    expect([asked.response.status, asked.hosts]).toEqual([502, hosts(0)]);
    expect(asked.decisions).toHaveLength(1);
  });
});

describe("after the first byte", () => {
  it("a stream that breaks ends with an error event; no other backend is asked", async () => {
    const asked = await ask(await onSpread(), [cutStream], {}, true);
    expect([asked.response.status, asked.hosts]).toEqual([200, hosts(0)]);
    expect(asked.text).toContain('"code":"upstream_broken"');
    expect(asked.completions).toMatchObject([
      { end: "upstream_broken", attempts: [{ upstreamStatus: 200 }] },
    ]);
  });
});

it("an isolate remembers the pause that backends asked for, and says when all of them asked for one", async () => {
  const isolate = freshIsolate();
  const caller = await onSpread();
  const clock = () => Date.now();
  const busy = [9, 30, 20].map((seconds) => failing(429, { "retry-after": String(seconds) }));
  expect((await call(caller, { ...isolate, clock, azure: scriptedAzure(busy[0] ?? whole) })).status).toBe(
    429,
  );
  await backgroundDone();
  const again = scriptedAzure(whole);
  const refused = await call(caller, { ...isolate, clock, azure: again });
  expect([refused.status, await codeOf(refused)]).toEqual([429, "backends_busy"]);
  expect(refused.headers.get("retry-after")).toBe("9");
  expect(refused.headers.has("portcullis-receipt")).toBe(false);
  expect(again.requests).toEqual([]);
  await backgroundDone();
  expect(await openReservationIds(caller)).toEqual([]);
});
