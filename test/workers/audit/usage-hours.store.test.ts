// Usage counted by the database as records come in: exact under repetition and disorder, tenants apart.
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import { AbandonedRecord, type AuditRecord, CompletionRecord } from "../../../src/audit/audit-record.ts";
import { createUsageHours, usageStatement } from "../../../src/audit/usage-hours.store.ts";
import {
  UsageGroup,
  UsageInterval,
  type UsageQuestion,
  WHOLE_RANGE,
} from "../../../src/audit/usage-question.ts";
import { homeStoresOf } from "../../../src/bindings.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import type { Home } from "../../../src/residency/home.ts";
import { decisionRecord } from "../../unit/audit/record-fixture.ts";
import { plansOf, watchedDatabase } from "./watched-database.ts";

const dbOf = (home: Home) => homeStoresOf(env, home).db;
const log = createAuditLog({ dbOf });
const usage = createUsageHours({ dbOf });
const tenantId = TenantId.parse("tenant-a");
const agents = [1, 2].map((n) => AgentId.parse(`agent_${String(n).padStart(32, "0")}`));
const [agentOne = AgentId.parse(""), agentTwo = AgentId.parse("")] = agents;
const hourAt = (hour: number) => `2026-05-01T${String(hour).padStart(2, "0")}:30:00.000Z`;

const common = {
  v: 1,
  home: "eu",
  tenantId,
  requestId: "r",
  decisionId: `decision_${"0".repeat(32)}`,
  agentId: agentOne,
  action: "chat",
  resource: "api://azure-openai/models/gpt",
  chargedTokens: 30,
  chargedCostNanoUsd: 700,
};
let numbers = 0;
const numbered = () => {
  numbers += 1;
  return { source: "agent-ledger/x", n: numbers };
};

function completion(changes: object = {}): CompletionRecord {
  return CompletionRecord.parse({
    ...common,
    ...numbered(),
    kind: "completion",
    at: hourAt(10),
    end: "complete",
    upstreamStatus: 200,
    backend: null,
    usage: { promptTokens: 20, cachedPromptTokens: 5, completionTokens: 10, totalTokens: 30 },
    settlement: "used",
    ledger: "settled",
    durationMs: 1,
    ...changes,
  });
}

const abandoned = (changes: object = {}): AbandonedRecord =>
  AbandonedRecord.parse({
    ...common,
    ...numbered(),
    kind: "abandoned",
    at: hourAt(10),
    decisionNumber: 1,
    reason: "abandoned",
    ...changes,
  });

const store = async (...records: AuditRecord[]) => expect((await log.store("eu", records)).ok).toBe(true);

const day: UsageQuestion = {
  tenantId,
  interval: "hour",
  groupBy: [],
  from: "2026-05-01T00",
  to: "2026-05-02T00",
  limit: 200,
};

async function asked(changes: Partial<UsageQuestion> = {}) {
  const page = await usage.sums("eu", { ...day, ...changes });
  if (!page.ok) throw new Error(page.error.code);
  return page.value;
}
const sums = async (changes: Partial<UsageQuestion> = {}) => (await asked(changes)).items;

const empty = async () => {
  for (const table of ["audit_records", "usage_hours"]) await env.EU_DB.exec(`DELETE FROM ${table}`);
};
beforeEach(empty);

describe("what one record counts", () => {
  const nothing = {
    promptTokens: 0,
    cachedPromptTokens: 0,
    completionTokens: 0,
    totalTokens: 0,
    costNanoUsd: 0,
    unpricedRequests: 0,
  };
  it.each([
    [
      "used",
      {},
      {
        requests: 1,
        promptTokens: 20,
        cachedPromptTokens: 5,
        completionTokens: 10,
        totalTokens: 30,
        costNanoUsd: 700,
        unpricedRequests: 0,
      },
    ],
    [
      "charged as reserved",
      { usage: null, settlement: "as_reserved", chargedTokens: 400 },
      { ...nothing, requests: 1, totalTokens: 400, costNanoUsd: 700 },
    ],
    [
      "without a price",
      { chargedCostNanoUsd: null },
      { requests: 1, totalTokens: 30, costNanoUsd: 0, unpricedRequests: 1 },
    ],
    [
      "lost by its ledger: what Azure reported",
      { ledger: "unknown", chargedTokens: null, chargedCostNanoUsd: null, usageCostNanoUsd: 600 },
      { requests: 1, totalTokens: 30, costNanoUsd: 600, unpricedRequests: 0 },
    ],
  ])("%s", async (_, changes, expected) => {
    await store(completion(changes));
    expect(await sums()).toEqual([
      expect.objectContaining({ time: "2026-05-01T10", agent: "", deployment: "", endUser: "", ...expected }),
    ]);
  });

  it.each([
    ["a call that Azure did not bill", completion({ settlement: "released", usage: null, chargedTokens: 0 })],
    [
      "one whose ledger will record it as abandoned",
      completion({ ledger: "unreached", chargedTokens: null, chargedCostNanoUsd: null }),
    ],
    ["a decision", decisionRecord({ at: hourAt(10) })],
  ])("nothing: %s", async (_, record) => {
    await store(record);
    expect(await sums()).toEqual([]);
  });

  it("an abandoned call as it was charged", async () => {
    await store(abandoned({ endUser: "hash", chargedTokens: 90 }));
    expect(await sums({ groupBy: ["endUser"] })).toEqual([
      {
        ...nothing,
        time: "2026-05-01T10",
        agent: "",
        deployment: "",
        endUser: "hash",
        requests: 1,
        totalTokens: 90,
        costNanoUsd: 700,
      },
    ]);
  });

  it("a resource that is no deployment under no deployment", async () => {
    await store(
      completion({ resource: "api://azure-openai/models/a/b" }),
      completion({ resource: "api://crm" }),
    );
    expect(await sums({ groupBy: ["deployment"] })).toMatchObject([{ deployment: "", requests: 2 }]);
  });
});

it("a correction takes the place of the abandoned call, in the hour of each, whichever comes first", async () => {
  const records = [
    abandoned({ at: hourAt(10), chargedTokens: 90, chargedCostNanoUsd: null }),
    completion({
      at: hourAt(12),
      ledger: "corrected",
      replaces: { at: hourAt(10), requests: 1, tokens: 90, costNanoUsd: null },
    }),
  ];
  for (const order of [records, records.toReversed()]) {
    await empty();
    for (const record of order) await store(record);
    expect(await sums()).toMatchObject([
      { time: "2026-05-01T12", requests: 1, totalTokens: 30, costNanoUsd: 700, unpricedRequests: 0 },
    ]);
  }
});

it("equals the sum over the records, however often and in whatever order they are stored", async () => {
  const made = fc.record({
    agent: fc.constantFrom(...agents),
    hour: fc.integer({ min: 0, max: 23 }),
    deployment: fc.constantFrom("gpt", "mini"),
    endUser: fc.constantFrom(null, "hash-1", "hash-2"),
    tokens: fc.integer({ min: 0, max: 1_000 }),
    cost: fc.option(fc.integer({ min: 0, max: 10 ** 12 })),
    ending: fc.constantFrom("completed", "abandoned", "corrected"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(made, { maxLength: 20 }), fc.infiniteStream(fc.nat()), async (calls, draws) => {
      await empty();
      const records = calls.flatMap(({ agent, hour, deployment, endUser, tokens, cost, ending }) => {
        const shared = {
          agentId: agent,
          resource: `api://azure-openai/models/${deployment}`,
          endUser,
          chargedTokens: tokens,
          chargedCostNanoUsd: cost,
        };
        const late = { at: hourAt((hour + 1) % 24), ledger: "corrected" };
        const replaces = { at: hourAt(hour), requests: 1, tokens: 2_000, costNanoUsd: cost };
        const given: Record<typeof ending, () => AuditRecord[]> = {
          completed: () => [completion({ ...shared, at: hourAt(hour) })],
          abandoned: () => [abandoned({ ...shared, at: hourAt(hour) })],
          corrected: () => [
            abandoned({ ...shared, at: hourAt(hour), chargedTokens: 2_000 }),
            completion({ ...shared, ...late, replaces }),
          ],
        };
        return given[ending]();
      });
      const next = () => draws.next().value ?? 0;
      const twice = [...records, ...records.filter(() => next() % 2 === 0)]
        .map((record) => ({ record, place: next() }))
        .sort((a, b) => a.place - b.place);
      for (let index = 0; index < twice.length; index += 7) {
        await store(...twice.slice(index, index + 7).map(({ record }) => record));
      }
      const totals = calls.reduce(
        (sum, { tokens, cost }) => ({
          requests: sum.requests + 1,
          totalTokens: sum.totalTokens + tokens,
          costNanoUsd: sum.costNanoUsd + (cost ?? 0),
          unpricedRequests: sum.unpricedRequests + (cost === null ? 1 : 0),
        }),
        { requests: 0, totalTokens: 0, costNanoUsd: 0, unpricedRequests: 0 },
      );
      for (const groupBy of [[], UsageGroup.options]) {
        const rows = await sums({ groupBy });
        const added = (key: keyof typeof totals) => rows.reduce((sum, row) => sum + row[key], 0);
        expect({
          requests: added("requests"),
          totalTokens: added("totalTokens"),
          costNanoUsd: added("costNanoUsd"),
          unpricedRequests: added("unpricedRequests"),
        }).toEqual(totals);
      }
    }),
    { numRuns: 25 },
  );
});

it("counts records from before there was a count as it counts new ones", async () => {
  const corrected = { replaces: { at: hourAt(9), requests: 1, tokens: 30, costNanoUsd: 700 } };
  await store(
    completion(),
    completion({ agentId: agentTwo, endUser: "hash" }),
    abandoned({ at: hourAt(9) }),
    completion(corrected),
  );
  const byTrigger = await env.EU_DB.prepare("SELECT * FROM usage_hours").all();
  const migration = env.HOME_MIGRATIONS.find(({ name }) => name.startsWith("0002"));
  const backfill = migration?.queries.find(
    (query) => /^INSERT INTO usage_hours/m.test(query) && !/TRIGGER/.test(query),
  );
  await env.EU_DB.exec("DELETE FROM usage_hours");
  await env.EU_DB.prepare(backfill ?? "").run();
  expect((await env.EU_DB.prepare("SELECT * FROM usage_hours").all()).results).toEqual(byTrigger.results);
});

describe("a question", () => {
  beforeEach(() =>
    store(
      completion({ at: "2026-04-30T23:59:59.999Z" }),
      completion({ at: "2026-05-01T00:00:00.000Z", endUser: "hash-1" }),
      completion({ at: hourAt(10), agentId: agentTwo }),
      completion({ at: hourAt(10), resource: "api://azure-openai/models/mini" }),
      completion({ at: hourAt(10), tenantId: "tenant-b" }),
      completion({ at: "2026-05-02T00:00:00.000Z" }),
    ),
  );

  it("is about one tenant and the hours between", async () => {
    expect(await sums()).toMatchObject([
      { time: "2026-05-01T00", requests: 1 },
      { time: "2026-05-01T10", requests: 2 },
    ]);
    expect(await sums({ tenantId: TenantId.parse("tenant-b") })).toMatchObject([{ requests: 1 }]);
    expect(await sums({ interval: "day", from: "2026-04-01T00", to: "2026-05-03T00" })).toMatchObject([
      { time: "2026-04-30", requests: 1 },
      { time: "2026-05-01", requests: 3 },
      { time: "2026-05-02", requests: 1 },
    ]);
  });

  it("is summed over the whole range: who used what, once each", async () => {
    const range = { from: "2026-04-01T00", to: "2026-05-03T00", interval: "total" } as const;
    expect(await sums(range)).toMatchObject([{ time: WHOLE_RANGE, requests: 5, costNanoUsd: 5 * 700 }]);
    expect(await sums({ ...range, groupBy: ["deployment"] })).toMatchObject([
      { deployment: "gpt", requests: 4, costNanoUsd: 4 * 700 },
      { deployment: "mini", requests: 1, costNanoUsd: 700 },
    ]);
    expect(await sums({ ...range, groupBy: ["endUser"], agentId: agentTwo })).toMatchObject([
      { requests: 1 },
    ]);
  });

  it("filters", async () => {
    expect(await sums({ agentId: agentTwo })).toMatchObject([{ requests: 1 }]);
    expect(await sums({ deployment: "mini" })).toMatchObject([{ time: "2026-05-01T10", requests: 1 }]);
    expect(await sums({ endUser: "hash-1" })).toMatchObject([{ time: "2026-05-01T00", requests: 1 }]);
    expect(await sums({ agentId: agentTwo, deployment: "mini", endUser: "hash-1" })).toEqual([]);
  });

  it.each<[Partial<UsageQuestion>]>([
    [{ groupBy: [...UsageGroup.options] }],
    [{ groupBy: ["deployment"], interval: "day" }],
    [{ groupBy: ["agent"], agentId: agentOne }],
    [{ groupBy: ["agent", "deployment"], interval: "total" }],
  ])("pages through %j one by one", async (changes) => {
    const whole = await sums(changes);
    const paged = [];
    let cursor: string | undefined;
    do {
      const page = await asked({ ...changes, limit: 1, cursor });
      paged.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(whole);
    expect(whole.length).toBeGreaterThan(1);
  });

  it.each(["x", "eA", btoa('["a"]')])("refuses the cursor %s", async (cursor) => {
    expect(await usage.sums("eu", { ...day, cursor })).toMatchObject({
      error: { code: "query_invalid", field: "cursor" },
    });
  });
});

describe("every statement is one search of an index", () => {
  const groupings = [[], ["agent"], ["deployment"], ["endUser"], [...UsageGroup.options]] as const;
  const shapes = groupings.flatMap((groupBy) =>
    UsageInterval.options.flatMap((interval) =>
      [undefined, agentOne].flatMap((agentId) =>
        [undefined, "gpt"].map((deployment) => ({
          groupBy,
          interval,
          agentId,
          deployment,
          endUser: deployment,
        })),
      ),
    ),
  );
  it.each(shapes)("%j", async (shape) => {
    const { db, asked: statements } = watchedDatabase(env.EU_DB);
    const page = await createUsageHours({ dbOf: () => db }).sums("eu", { ...day, ...shape });
    expect(page.ok).toBe(true);
    const [plan = ""] = await plansOf(env.EU_DB, statements);
    // Groups that the index does not have in their order are sorted; they are few beside the rows that are summed.
    const steps = plan.split("\n").filter((step) => !step.includes("USE TEMP B-TREE"));
    const index = shape.agentId === undefined ? "PRIMARY KEY" : "INDEX usage_by_agent";
    expect(steps).toHaveLength(1);
    expect(steps[0]).toContain(`SEARCH usage_hours USING ${index} (`);
    expect(steps[0]).toContain("hour>? AND hour<?");
    expect(usageStatement(shape)).toBe(statements[0]?.sql);
  });

  it("and so is what the trigger reads of a record", async () => {
    const { results } = await env.EU_DB.prepare(
      "EXPLAIN QUERY PLAN SELECT * FROM record_usage WHERE source = 'x' AND n = 1",
    ).all<{ detail: string }>();
    const reads = results.filter(({ detail }) => /audit_records/.test(detail));
    expect(reads).toHaveLength(3);
    for (const { detail } of reads)
      expect(detail).toBe("SEARCH audit_records USING PRIMARY KEY (source=? AND n=?)");
  });
});
