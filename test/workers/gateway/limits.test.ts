/** Limits through the whole gateway: what each counts by, what a call costs, and what a caller is told. */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import {
  admin,
  askEnforce,
  backend,
  backgroundDone,
  type CallOptions,
  call,
  codeOf,
  completion,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

await admin("POST", "/v1/deployments", {
  name: "priced",
  model: "gpt-4o-2024-11-20",
  maxOutputTokens: 1_000,
  backends: [backend],
});
/** A regional backend costs a tenth more than the list: nano-USD per token. */
const INPUT_NANO = 2_750;
const CACHED_NANO = 1_375;
const OUTPUT_NANO = 11_000;

type Caller = Awaited<ReturnType<typeof newCaller>>;
const body = (fields: object) =>
  JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50, ...fields });

/** The status, or the refusal's code. */
async function told(caller: Caller, options: CallOptions = {}): Promise<string> {
  const response = await call(caller, { azure: scriptedAzure(() => completion()) }, options);
  await backgroundDone();
  return response.ok ? "allowed" : codeOf(response);
}

describe("per end user", () => {
  const as = (user: string | null) => ({ body: body(user === null ? {} : { user }) });

  it("each has a quota of their own, and nobody goes unnamed", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1, quotaScope: "user" });
    expect(await told(caller, as(null))).toBe("end_user_required");
    expect(await told(caller, as(""))).toBe("end_user_required");
    expect(await told(caller, as("bob"))).toBe("allowed");
    expect(await told(caller, as("bob"))).toBe("request_quota_exceeded");
    expect(await told(caller, as("eve"))).toBe("allowed");
    // `safety_identifier` comes first, whatever stands in `user`.
    expect(await told(caller, { body: body({ user: "mallory", safety_identifier: "bob" }) })).toBe(
      "request_quota_exceeded",
    );
  });

  it("is refused with a 400 that says how to name one", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1, quotaScope: "user" });
    const response = await call(caller, { azure: scriptedAzure(() => completion()) }, as(null));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "end_user_required", message: expect.stringContaining("safety_identifier") },
    });
  });
});

describe("per client address", () => {
  const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });

  it("each IPv4 address and each IPv6 network has a quota of its own", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1, quotaScope: "address" });
    expect(await told(caller)).toBe("indeterminate");
    expect(await told(caller, from("192.0.2.1"))).toBe("allowed");
    expect(await told(caller, from("192.0.2.1"))).toBe("request_quota_exceeded");
    expect(await told(caller, from("192.0.2.2"))).toBe("allowed");
    expect(await told(caller, from("2001:db8::1"))).toBe("allowed");
    expect(await told(caller, from("2001:db8::ffff:2"))).toBe("request_quota_exceeded");
    expect(await told(caller, from("2001:db8:0:1::1"))).toBe("allowed");
  });

  it("believes Cloudflare, not a caller's own header", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1, quotaScope: "address" });
    const claimed = { headers: { "cf-connecting-ip": "192.0.2.1", "x-forwarded-for": "198.51.100.1" } };
    expect(await told(caller, claimed)).toBe("allowed");
    const other = { headers: { "cf-connecting-ip": "192.0.2.1", "x-forwarded-for": "198.51.100.2" } };
    expect(await told(caller, other)).toBe("request_quota_exceeded");
  });
});

describe("a cost limit", () => {
  it("refuses a deployment whose price nobody knows", async () => {
    expect(await told(await newCaller({ maxCostPerDay: 1 }))).toBe("price_unknown");
    expect(await told(await newCaller({}, { limits: { maxCostPerMonth: 1 } }))).toBe("price_unknown");
  });

  it("writes what it pays for into the request, and charges what Azure reports", async () => {
    const caller = { ...(await newCaller({ maxCostPerDay: 0.001 })), deployment: "priced" };
    const usage = {
      prompt_tokens: 20,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens: 7,
      total_tokens: 27,
    };
    const azure = scriptedAzure(() => completion(usage));
    const taken: AuditRecord[] = [];
    const records: typeof ports.records = {
      ...ports.records,
      async send(_home, record) {
        taken.push(record);
        return true;
      },
    };
    const long = body({ max_tokens: 900, user: "bob" });
    expect((await call(caller, { azure, records }, { body: long })).status).toBe(200);
    await backgroundDone();

    // The budget cuts the output short, so the prompt is counted: eight tokens for a message, one for "Hello" in quotes.
    const promptBound = JSON.stringify({ ...JSON.parse(long), messages: [] }).length + 8 + 1 + 2;
    const sent = JSON.parse(String(azure.requests[0]?.body)) as { max_tokens: number };
    expect(sent.max_tokens).toBe(Math.floor((1_000_000 - promptBound * INPUT_NANO) / OUTPUT_NANO));
    expect(taken.find(({ kind }) => kind === "completion")).toMatchObject({
      usage: { promptTokens: 20, cachedPromptTokens: 8, completionTokens: 7 },
      chargedCostNanoUsd: 12 * INPUT_NANO + 8 * CACHED_NANO + 7 * OUTPUT_NANO,
      endUser: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("is used up by what calls cost", async () => {
    const caller = { ...(await newCaller({ maxCostPerMonth: 0.001 })), deployment: "priced" };
    const azure = scriptedAzure(() =>
      completion({ prompt_tokens: 10, completion_tokens: 85, total_tokens: 95 }),
    );
    expect((await call(caller, { azure })).status).toBe(200);
    await backgroundDone();
    const refused = await call(caller, { azure });
    expect([refused.status, refused.headers.get("x-should-retry"), await codeOf(refused)]).toEqual([
      429,
      "false",
      "cost_quota_exceeded",
    ]);
  });
});

describe("the other windows", () => {
  it.each([
    [{ maxRequestsPerMinute: 1 }, "request_rate_exceeded"],
    [{ maxTokensPerMinute: 200 }, "token_rate_exceeded"],
  ])("%j is a rate: the next call is told to come back", async (constraints, code) => {
    const caller = await newCaller(constraints);
    const azure = scriptedAzure(() =>
      completion({ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 }),
    );
    expect((await call(caller, { azure })).status).toBe(200);
    await backgroundDone();
    const refused = await call(caller, { azure });
    expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([429, "true"]);
    expect(await codeOf(refused)).toBe(code);
  });

  it.each([
    ["an agent's", { maxConcurrentRequests: 1 }, {}],
    ["a tenant's", {}, { limits: { maxConcurrentRequests: 1 } }],
  ])("%s calls under way are counted while they are", async (_whose, constraints, tenant) => {
    const caller = await newCaller(constraints, tenant);
    const reached = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const azure = scriptedAzure(() => {
      reached.resolve();
      return answer.promise;
    });
    const first = call(caller, { azure });
    await reached.promise;
    expect(await codeOf(await call(caller, { azure }))).toBe("concurrency_exceeded");
    answer.resolve(completion());
    expect((await first).status).toBe(200);
    await backgroundDone();
    expect(await told(caller)).toBe("allowed");
  });
});

describe("/v1/enforce", () => {
  async function enforced({ token }: Caller, requestId: string, more: object = {}): Promise<string> {
    const response = await askEnforce({
      capabilityToken: token,
      requestId,
      resourceId: "api://azure-openai/models/priced",
      context: { promptTokens: 10, maxOutputTokens: 50 },
      ...more,
    });
    const reply = (await response.json()) as { reasons: readonly { code: string }[] };
    return reply.reasons[0]?.code ?? "none";
  }

  it("holds a place under way until its usage is known, and a replay holds no second one", async () => {
    const caller = await newCaller({ maxConcurrentRequests: 1 });
    expect(await enforced(caller, "one")).toBe("allowed");
    expect(await enforced(caller, "two")).toBe("concurrency_exceeded");
    expect(await enforced(caller, "one")).toBe("allowed");
  });

  it("counts by the end user of its context, and by money like any call", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1, quotaScope: "user", maxCostPerDay: 1 });
    expect(await enforced(caller, "unnamed")).toBe("end_user_required");
    const bob = { context: { promptTokens: 10, maxOutputTokens: 50, user: "bob" } };
    expect(await enforced(caller, "bobs", bob)).toBe("allowed");
    expect(await enforced(caller, "bobs-second", bob)).toBe("request_quota_exceeded");
    const unpriced = { ...bob, resourceId: "api://azure-openai/models/gpt" };
    expect(await enforced(caller, "unpriced", unpriced)).toBe("price_unknown");
  });
});
