/** What administrators see of quotas and usage, through the control plane, of calls that went through the gateway. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { compose } from "../../../src/compose.ts";
import type { TenantId } from "../../../src/kernel/ids.ts";
import {
  admin,
  adminKey,
  backend,
  backgroundDone,
  call,
  completion,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const { auditLog } = await compose(env);
/** Records go into the log as the queue's consumer puts them there. */
const records = {
  send: async (home: AuditRecord["home"], record: AuditRecord) => (await auditLog.store(home, [record])).ok,
};
const azure = scriptedAzure(() => completion());
type Caller = Awaited<ReturnType<typeof newCaller>>;

async function chat(caller: Caller, user?: string): Promise<void> {
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50, user });
  expect((await call(caller, { azure, records }, { body })).status).toBe(200);
  await backgroundDone();
}

const quotasOf = async (agentId: string, query = "") =>
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers.
  (await admin("GET", `/v1/quotas/${agentId}${query}`)) as any;

async function refusal(path: string, key = adminKey) {
  const { controlPlane } = await compose(env);
  const response = await controlPlane.fetch(
    new Request(`https://gateway.test${path}`, { headers: { "x-api-key": key } }),
  );
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

it("an agent's counters are told with the limits they belong to, and looking changes nothing", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 10, maxTokensPerMinute: 1_000 });
  expect(await quotasOf(caller.agentId)).toMatchObject({
    agentId: caller.agentId,
    tenantId: caller.tenantId,
    agent: { version: 1, status: "active" },
    openReservations: 0,
    chargesAhead: false,
    items: [],
    nextCursor: null,
  });
  await chat(caller);
  const policy = { kind: "policy", name: "chat", state: "current" };
  const first = await quotasOf(caller.agentId);
  expect(first.items).toMatchObject([
    {
      owner: policy,
      scope: "agent",
      subject: null,
      meter: "requests",
      window: "day",
      limit: 10,
      used: 1,
      reserved: 0,
      left: 9,
    },
    { owner: policy, meter: "tokens", window: "minute", limit: 1_000, used: 12, left: 988, tenantWide: null },
  ]);
  const midnight = new Date();
  midnight.setUTCHours(24, 0, 0, 0);
  expect(first.items[0].resetsAt).toBe(midnight.toISOString());
  expect((await quotasOf(caller.agentId)).items[0]).toEqual(first.items[0]);
});

it("what is under way is told as reserved", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 10, maxConcurrentRequests: 3 });
  const looks: unknown[] = [];
  const looking = scriptedAzure(async () => {
    looks.push(await quotasOf(caller.agentId));
    return completion();
  });
  await call(caller, { azure: looking, records });
  expect(looks).toMatchObject([
    {
      openReservations: 1,
      items: [
        { meter: "concurrent", window: "open", used: 1, reserved: 1, left: 2, resetsAt: null },
        { meter: "requests", used: 1, reserved: 1, left: 9 },
      ],
    },
  ]);
  await backgroundDone();
  expect(await quotasOf(caller.agentId)).toMatchObject({
    openReservations: 0,
    items: [{ meter: "requests" }],
  });
});

it("a tenant-wide limit is told with what all agents hold of it", async () => {
  const caller = await newCaller({}, { limits: { maxRequestsPerDay: 100, maxConcurrentRequests: 5 } });
  const agentId = String((await admin("POST", "/v1/agents", { name: "b", tenantId: caller.tenantId })).id);
  const token = String((await admin("POST", "/v1/tokens", { agentId })).token);
  await chat({ ...caller, agentId, token });
  const looks: { items: { meter: string }[] }[] = [];
  const looking = scriptedAzure(async () => {
    looks.push(await quotasOf(caller.agentId));
    return completion();
  });
  await call(caller, { azure: looking, records });
  const [concurrent, requests] = looks[0]?.items ?? [];
  const owner = { kind: "tenant", id: caller.tenantId, name: caller.tenantId, state: "current" };
  expect(concurrent).toMatchObject({
    owner,
    scope: "tenant",
    meter: "concurrent",
    limit: 5,
    used: 1,
    left: 4,
    tenantWide: { held: 1, heldByAll: 1 },
  });
  expect(requests).toMatchObject({ owner, scope: "tenant", meter: "requests", limit: 100, used: 1 });
  const { left, tenantWide } = requests as unknown as {
    left: number;
    tenantWide: { held: number; heldByAll: number };
  };
  expect(tenantWide.heldByAll).toBeGreaterThanOrEqual(2);
  expect(tenantWide.held).toBeGreaterThanOrEqual(1);
  expect(left).toBe(100 - tenantWide.heldByAll);
});

it("a counter outlives its policy, and says so; end users are told by their hash, page by page", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 10, quotaScope: "user" });
  for (const user of ["alice", "bob", "carol"]) await chat(caller, user);
  const first = await quotasOf(caller.agentId, "?limit=2");
  const rest = await quotasOf(caller.agentId, `?limit=2&cursor=${first.nextCursor}`);
  expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([2, 1, null]);
  const hashes = await Promise.all(
    ["alice", "bob", "carol"].map((user) => ports.hashEndUser(caller.tenantId as TenantId, user)),
  );
  const items = [...first.items, ...rest.items];
  expect(items.map(({ subject }) => subject)).toEqual(hashes.sort());
  const policyId = items[0].owner.id;
  await admin("DELETE", `/v1/policies/${policyId}`);
  expect((await quotasOf(caller.agentId)).items[0]).toMatchObject({
    owner: { kind: "policy", id: policyId, name: null, state: "gone" },
    limit: null,
    left: null,
    used: 1,
  });
});

it("usage adds up to what was charged, by agent, deployment and end user", async () => {
  const caller = await newCaller();
  await chat(caller, "alice");
  await chat(caller, "alice");
  await chat(caller);
  const hash = await ports.hashEndUser(caller.tenantId as TenantId, "alice");
  const sums = {
    requests: 2,
    promptTokens: 10,
    cachedPromptTokens: 0,
    completionTokens: 14,
    totalTokens: 24,
    costUsd: 0,
    costNanoUsd: 0,
    unpricedRequests: 2,
  };
  const report = await admin(
    "GET",
    `/v1/usage?tenant=${caller.tenantId}&interval=day&groupBy=endUser,agent,deployment`,
  );
  const time = `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`;
  expect(report).toMatchObject({
    tenantId: caller.tenantId,
    interval: "day",
    nextCursor: null,
    items: [
      { time, agentId: caller.agentId, deployment: "gpt", endUser: null, requests: 1 },
      { time, agentId: caller.agentId, deployment: "gpt", endUser: hash, ...sums },
    ],
  });
  const alice = await admin("GET", `/v1/usage?tenant=${caller.tenantId}&endUser=alice`);
  expect(alice.items).toEqual([{ time: expect.stringMatching(/T\d\d:00:00\.000Z$/), ...sums }]);
  const nobody = await admin("GET", `/v1/usage?tenant=${caller.tenantId}&endUser=${hash}`);
  expect(nobody.items).toEqual([]);
});

it("a deployment's own prices come before the list's: in what is reserved, charged and told", async () => {
  const deployment = "at-own-prices";
  // The list has this model for 2.50 and 10 USD.
  await admin("POST", "/v1/deployments", {
    name: deployment,
    model: "gpt-4o",
    maxOutputTokens: 1_000,
    prices: { inputPerMillion: 1_000, outputPerMillion: 2_000 },
    backends: [backend],
  });
  const caller = { ...(await newCaller({ maxCostPerDay: 10 })), deployment };
  const costNow = async () => (await quotasOf(caller.agentId)).items[0].used;
  let reserved = 0;
  const slow = scriptedAzure(async () => {
    reserved = await costNow();
    return completion();
  });
  expect((await call(caller, { azure: slow, records })).status).toBe(200);
  await backgroundDone();
  // 50 tokens of output at 2,000,000 nano-USD, and a prompt.
  expect(reserved).toBeGreaterThan(50 * 2_000_000);
  const costNanoUsd = 5 * 1_000_000 + 7 * 2_000_000;
  expect(await costNow()).toBe(costNanoUsd);
  const report = await admin(
    "GET",
    `/v1/usage?tenant=${caller.tenantId}&interval=total&groupBy=agent,deployment`,
  );
  expect(report).toMatchObject({
    interval: "total",
    items: [
      {
        time: report.from,
        agentId: caller.agentId,
        deployment,
        requests: 1,
        unpricedRequests: 0,
        costNanoUsd,
        costUsd: 0.019,
      },
    ],
  });
});

it("a key of one tenant sees neither usage nor quotas of another", async () => {
  const [one, other] = [await newCaller(), await newCaller()];
  await chat(other);
  const { key } = await admin("POST", "/v1/keys", {
    name: "k",
    scopes: ["usage:read"],
    tenantId: one.tenantId,
  });
  const own = String(key);
  expect(await refusal(`/v1/usage?tenant=${other.tenantId}`, own)).toMatchObject({
    status: 403,
    body: { code: "tenant_mismatch" },
  });
  expect((await refusal(`/v1/usage?agent=${other.agentId}`, own)).body).toMatchObject({
    tenantId: one.tenantId,
    items: [],
  });
  expect(await refusal(`/v1/quotas/${other.agentId}`, own)).toMatchObject({
    status: 404,
    body: { code: "not_found" },
  });
  expect(await refusal(`/v1/quotas/${one.agentId}`, own)).toMatchObject({ status: 200 });
});

it.each([
  ["from=2026-05-02T00:00:00.000Z&to=2026-05-01T00:00:00.000Z", "to"],
  ["from=2026-01-01T00:00:00.000Z&to=2026-02-02T00:00:00.000Z", "to"],
  ["from=2026-01-01T00:00:00.000Z&to=2027-01-03T00:00:00.000Z&interval=day", "to"],
  ["from=2026-01-01T00:00:00.000Z&to=2027-01-03T00:00:00.000Z&interval=total", "to"],
  ["groupBy=agent,", "groupBy"],
  ["cursor=e30", "cursor"],
])("refuses %s", async (query, field) => {
  expect(await refusal(`/v1/usage?${query}`)).toMatchObject({
    status: 400,
    body: { code: "query_invalid", field },
  });
});

it("widens a range to whole hours or days", async () => {
  const range = "from=2026-05-01T10:59:59.999Z&to=2026-05-01T11:00:00.001Z";
  expect(await admin("GET", `/v1/usage?${range}`)).toMatchObject({
    from: "2026-05-01T10:00:00.000Z",
    to: "2026-05-01T12:00:00.000Z",
  });
  expect(await admin("GET", `/v1/usage?${range}&interval=day`)).toMatchObject({
    from: "2026-05-01T00:00:00.000Z",
    to: "2026-05-02T00:00:00.000Z",
  });
});
