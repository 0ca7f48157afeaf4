/** Never over: parallel calls of the real SDK against limits on requests, tokens and whole tenants. */
import { RateLimitError } from "openai";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.clear());

const messages = [{ role: "user" as const, content: "Hi" }];

async function tenantWith(id: string, limits: object, constraints: object) {
  await gateway.admin("POST", "/v1/tenants", { id, name: id, limits });
  await gateway.admin("POST", "/v1/policies", {
    name: "chat",
    tenantId: id,
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/*"],
    constraints,
  });
}

async function outcomes(work: readonly Promise<unknown>[]) {
  const settled = await Promise.allSettled(work);
  const refused = settled.filter((result) => result.status === "rejected").map(({ reason }) => reason);
  return { allowed: settled.length - refused.length, refused };
}

it("200 parallel calls against 50 a day: exactly 50 reach Azure", async () => {
  await tenantWith("fifty", {}, { maxRequestsPerDay: 50 });
  const { token } = await gateway.agent({ tenantId: "fifty" });
  const client = gateway.azure(token);
  const calls = Array.from({ length: 200 }, () =>
    client.chat.completions.create({ model: "m", messages, max_tokens: 5 }),
  );
  const { allowed, refused } = await outcomes(calls);
  expect(allowed).toBe(50);
  expect(gateway.simulator.requests).toHaveLength(50);
  for (const error of refused) {
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: "request_quota_exceeded" });
    expect(error.headers.get("x-should-retry")).toBe("false");
  }
});

it("a limit of a whole tenant holds across its agents", async () => {
  await tenantWith("shared", { maxRequestsPerDay: 30 }, {});
  const agents = await Promise.all(Array.from({ length: 5 }, () => gateway.agent({ tenantId: "shared" })));
  const calls = agents.flatMap(({ token }) => {
    const client = gateway.azure(token);
    return Array.from({ length: 20 }, () =>
      client.chat.completions.create({ model: "m", messages, max_tokens: 5 }),
    );
  });
  const { allowed } = await outcomes(calls);
  expect(allowed).toBe(30);
  expect(gateway.simulator.requests).toHaveLength(30);
});

it("tokens: reserved at most, settled with what Azure reported, streams alike; never over in between", async () => {
  await tenantWith("tokens", {}, { maxTokensPerDay: 10_000 });
  const { id, token } = await gateway.agent({ tenantId: "tokens" });
  const client = gateway.azure(token);
  const call = (stream: boolean, maxTokens: number) => async () => {
    if (!stream)
      return void (await client.chat.completions.create({ model: "m", messages, max_tokens: maxTokens }));
    for await (const _ of await client.chat.completions.create({
      model: "m",
      messages,
      max_tokens: maxTokens,
      stream: true,
    }));
  };
  const results = await Promise.allSettled(
    Array.from({ length: 60 }, (_, index) => call(index % 2 === 0, 100 + 37 * (index % 9))()),
  );
  const failed = results.filter((result) => result.status === "rejected");
  for (const { reason } of failed) expect(reason).toMatchObject({ code: "token_quota_exceeded" });
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(60);

  const completions = await allCompletions(id, 60 - failed.length);
  for (const { usage, chargedTokens } of completions)
    expect(chargedTokens).toBe((usage as { totalTokens: number }).totalTokens);
  const charged = completions.reduce((sum, { chargedTokens }) => sum + Number(chargedTokens), 0);
  expect(charged).toBeLessThanOrEqual(10_000);

  // What was not used is free again: what is left fits to the token, one more does not.
  const left = 10_000 - charged;
  const ask = async (promptTokens: number) => {
    const question = {
      requestId: `exactly-${promptTokens}`,
      capabilityToken: token,
      action: "chat",
      resourceId: "api://azure-openai/models/gpt-4o-mini",
      context: { promptTokens, maxOutputTokens: 1 },
    };
    return (await gateway.admin("POST", "/v1/enforce", question)).body;
  };
  expect(await ask(left)).toMatchObject({ decision: "denied", reasons: [{ code: "token_quota_exceeded" }] });
  expect(await ask(left - 1)).toMatchObject({ decision: "allowed", obligations: { reservedTokens: left } });
  expect(await ask(0)).toMatchObject({ decision: "denied" });
});

/** The SDK with its own idea of retries, and every answer it got. */
function counted(token: string) {
  const answers: Response[] = [];
  const client = gateway.azure(token).withOptions({
    maxRetries: 2,
    fetch: async (input, init) => {
      const answer = await fetch(input, init);
      answers.push(answer);
      return answer;
    },
  });
  const call = () => client.chat.completions.create({ model: "m", messages, max_tokens: 5 });
  return { answers, call, client };
}

it("the SDK stops at once on an exhausted day, and is told in seconds when to come back to a minute", async () => {
  await tenantWith("daily", {}, { maxRequestsPerDay: 1 });
  const day = counted((await gateway.agent({ tenantId: "daily" })).token);
  await day.call();
  await expect(day.call()).rejects.toMatchObject({ status: 429, code: "request_quota_exceeded" });
  expect(day.answers.map(({ status }) => status)).toEqual([200, 429]);

  await tenantWith("minutely", {}, { maxRequestsPerMinute: 1 });
  const minute = counted((await gateway.agent({ tenantId: "minutely" })).token);
  await minute.call();
  const error = await minute.client
    .withOptions({ maxRetries: 0 })
    .chat.completions.create({ model: "m", messages })
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof RateLimitError)) throw error;
  // What the SDK reads first, and ignores above a minute.
  const waitMs = Number(error.headers.get("retry-after-ms"));
  expect(waitMs).toBeGreaterThan(0);
  expect(waitMs).toBeLessThanOrEqual(60_000);
  expect(error.headers.get("x-should-retry")).toBe("true");
  expect(error.error).toMatchObject({ limit: { scope: "agent", window: "minute", limit: 1, left: 0 } });
});

it("the SDK comes back by itself when a place under way is free again", async () => {
  await tenantWith("single", {}, { maxConcurrentRequests: 1 });
  const { answers, call, client } = counted((await gateway.agent({ tenantId: "single" })).token);
  gateway.simulator.next({ kind: "slow", betweenChunksMs: 80 });
  const stream = await client.chat.completions.create({ model: "m", messages, max_tokens: 5, stream: true });
  const second = call();
  await expect.poll(() => answers.at(1)?.status).toBe(429);
  expect(answers.at(1)?.headers.get("retry-after-ms")).toBe("1000");
  for await (const _ of stream);
  await second;
  // On a slow machine the first call may still be under way a second later.
  expect(answers.map(({ status }) => status).join()).toMatch(/^200,429(,429)?,200$/);
});

async function allCompletions(agentId: string, count: number): Promise<readonly Record<string, unknown>[]> {
  let found: readonly Record<string, unknown>[] = [];
  await gateway.recorded(`tenant=tokens&agent=${agentId}&limit=200`, () => true);
  for (let tries = 0; tries < 100 && found.length < count; tries += 1) {
    const page = await gateway.admin("GET", `/v1/audit?tenant=tokens&agent=${agentId}&limit=200`);
    found = (page.body.items ?? []).filter(({ kind }) => kind === "completion");
    if (found.length < count) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(found).toHaveLength(count);
  return found;
}
