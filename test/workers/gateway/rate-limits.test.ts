/** What callers are told of their limits, through the whole gateway: on answers, streams, refusals and /v1/enforce. */
import { expect, it } from "vitest";
import {
  askEnforce,
  backgroundDone,
  type CallOptions,
  call,
  completion,
  newCaller,
  scriptedAzure,
} from "./gateway-fixture.ts";

type Caller = Awaited<ReturnType<typeof newCaller>>;

/** What Azure says of a backend that many share. */
const shared = {
  "x-ratelimit-limit-requests": "450",
  "x-ratelimit-remaining-requests": "449",
  "x-ratelimit-reset-requests": "86400",
  "x-ratelimit-limit-tokens": "450000",
  "x-ratelimit-remaining-tokens": "449356",
};
const answered = (): Response => {
  const { body } = completion();
  return new Response(body, { headers: { "content-type": "application/json", ...shared } });
};
const streamed = (): Response =>
  new Response('data: {"choices":[],"usage":null}\n\ndata: [DONE]\n\n', {
    headers: { "content-type": "text/event-stream", ...shared },
  });

async function told(caller: Caller, answer: () => Response, options: CallOptions = {}) {
  const response = await call(caller, { azure: scriptedAzure(answer) }, options);
  const body = await response.text();
  await backgroundDone();
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

const limitHeaders = (headers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => /^(?:x-)?ratelimit|^retry-after|^x-should/.test(name)),
  );

it("an answer and a stream: the gateway's limit of a meter wins, Azure's word on the other passes", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 3 });
  for (const [left, answer, body] of [
    [2, answered, undefined],
    [1, streamed, JSON.stringify({ messages: [{ role: "user", content: "Hi" }], stream: true })],
  ] as const) {
    const { status, headers } = await told(caller, answer, body === undefined ? {} : { body });
    expect(status).toBe(200);
    expect(limitHeaders(headers)).toEqual({
      ...shared,
      "x-ratelimit-limit-requests": "3",
      "x-ratelimit-remaining-requests": String(left),
      "x-ratelimit-reset-requests": expect.stringMatching(/^\d{1,5}$/),
      "ratelimit-policy": '"agent-requests-day";q=3;w=86400;qu="requests"',
      ratelimit: expect.stringMatching(new RegExp(`^"agent-requests-day";r=${left};t=\\d{1,5}$`)),
    });
    expect(Number(headers["x-ratelimit-reset-requests"])).toBeLessThanOrEqual(86_400);
  }
});

it("a call that Azure fails is told what it left as well", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 3 });
  const { status, headers } = await told(caller, () => {
    throw new Error("Azure is out of reach.");
  });
  expect(status).toBe(502);
  expect(headers["x-ratelimit-remaining-requests"]).toBe("2");
});

it("without a limit there is nothing to tell", async () => {
  const { headers } = await told(await newCaller(), answered);
  expect(limitHeaders(headers)).toEqual(shared);
});

it("limits of agent and tenant together, the tighter share in x-ratelimit-*", async () => {
  const caller = await newCaller({ maxTokensPerMinute: 10_000 }, { limits: { maxTokensPerDay: 2_000 } });
  const { headers } = await told(caller, answered);
  expect(headers["x-ratelimit-limit-tokens"]).toBe("2000");
  expect(headers["ratelimit-policy"]).toContain('"agent-tokens-minute";q=10000;w=60;qu="tokens"');
  expect(headers["ratelimit-policy"]).toContain('"tenant-tokens-day";q=2000;w=86400;qu="tokens"');
});

it("an exhausted day stops SDKs at once, and says in the body which limit bound and when it frees", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 1 });
  await told(caller, answered);
  const { status, headers, body } = await told(caller, answered);
  expect(status).toBe(429);
  expect(headers).toMatchObject({
    "x-should-retry": "false",
    "x-ratelimit-limit-requests": "1",
    "x-ratelimit-remaining-requests": "0",
    "ratelimit-policy": '"agent-requests-day";q=1;w=86400;qu="requests"',
  });
  const resetSeconds = Number(headers["x-ratelimit-reset-requests"]);
  expect(headers.ratelimit).toBe(`"agent-requests-day";r=0;t=${resetSeconds}`);
  expect("retry-after" in headers).toBe(resetSeconds <= 60);
  const { error } = JSON.parse(body);
  expect(error).toMatchObject({
    code: "request_quota_exceeded",
    type: "portcullis_refusal",
    limit: { scope: "agent", meter: "requests", window: "day", unit: "requests", limit: 1, left: 0 },
  });
  expect(error.limit.resetsAt).toMatch(/T00:00:00\.000Z$/);
  expect(body + JSON.stringify(headers)).not.toMatch(/policy[:_]|token:/);
});

it("a minute names a wait in both units, never above a minute", async () => {
  const caller = await newCaller({ maxRequestsPerMinute: 1 });
  await told(caller, answered);
  const { headers, body } = await told(caller, answered);
  expect(headers["x-should-retry"]).toBe("true");
  const [seconds, ms] = [Number(headers["retry-after"]), Number(headers["retry-after-ms"])];
  expect(seconds).toBe(Math.ceil(ms / 1_000));
  expect(ms).toBeGreaterThan(50_000);
  expect(ms).toBeLessThanOrEqual(60_000);
  expect(Number(headers["x-ratelimit-reset-requests"])).toBeGreaterThanOrEqual(seconds);
  expect(JSON.parse(body).error.limit).toMatchObject({ window: "minute", left: 0 });
});

it("Azure's own 429 keeps its hint, cut to a minute", async () => {
  const throttled = () =>
    Response.json(
      { error: { code: "429", message: "later" } },
      { status: 429, headers: { "retry-after": "86400", "retry-after-ms": "86400000" } },
    );
  const { headers } = await told(await newCaller({ maxRequestsPerDay: 3 }), throttled);
  expect(headers).toMatchObject({ "retry-after": "60", "retry-after-ms": "60000" });
});

it("/v1/enforce tells the same: with what it allows, with what it denies, and nothing on a replay", async () => {
  const { token } = await newCaller({ maxRequestsPerDay: 1 });
  const enforced = async (requestId: string) => {
    const response = await askEnforce({ capabilityToken: token, requestId });
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.json(),
    };
  };
  const policy = '"agent-requests-day";q=1;w=86400;qu="requests"';
  expect(await enforced("one")).toMatchObject({
    status: 200,
    headers: { "x-ratelimit-remaining-requests": "0", "ratelimit-policy": policy },
    body: { decision: "allowed" },
  });
  const replayed = await enforced("one");
  expect(replayed.body).toMatchObject({ decision: "allowed" });
  expect(limitHeaders(replayed.headers)).toEqual({});
  expect(await enforced("two")).toMatchObject({
    status: 200,
    headers: { "x-ratelimit-remaining-requests": "0", "ratelimit-policy": policy },
    body: {
      decision: "denied",
      reasons: [
        {
          code: "request_quota_exceeded",
          limit: { scope: "agent", meter: "requests", window: "day", limit: 1, left: 0 },
        },
      ],
    },
  });
});
