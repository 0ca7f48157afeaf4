import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type AuditSearch, createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { homeStoresOf } from "../../../src/bindings.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { encodeCursor } from "../../../src/kernel/list-page.ts";
import { changeRecord, decisionRecord, identityOf } from "../../unit/audit/record-fixture.ts";
import { plansOf, watchedDatabase } from "./watched-database.ts";

const log = createAuditLog({ dbOf: (home) => homeStoresOf(env, home).db });
const tenantA = TenantId.parse("tenant-a");
const agentOne = AgentId.parse(`agent_${"0".repeat(31)}1`);
const agentTwo = AgentId.parse(`agent_${"0".repeat(31)}2`);
const at = (second: number) => `2026-05-01T10:00:${String(second).padStart(2, "0")}.000Z`;

const store = async (...records: AuditRecord[]) =>
  expect(await log.store("eu", records)).toEqual({ ok: true, value: undefined });

async function found(search: Partial<AuditSearch> = {}): Promise<string[]> {
  const page = await log.search("eu", { tenantId: tenantA, limit: 100, ...search });
  if (!page.ok) throw new Error(page.error.code);
  return page.value.items.map(identityOf);
}

/** The rows as they lie in the table, and of which type SQLite holds the number. */
async function rowsStored() {
  const { results } = await env.EU_DB.prepare(
    `SELECT *, typeof(n) AS type, hex(source) AS bytes FROM audit_records ORDER BY source, n`,
  ).all();
  return results;
}

/** What a row is to look like, said in the plainest way. */
const insertAlone = (record: AuditRecord) =>
  env.EU_DB.prepare("INSERT INTO audit_records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
    .bind(
      record.source,
      record.n,
      record.kind,
      record.tenantId,
      "agentId" in record ? record.agentId : null,
      "decision" in record ? record.decision : null,
      "decisionId" in record ? record.decisionId : null,
      record.at,
      JSON.stringify(record),
    )
    .run();

beforeEach(async () => {
  for (const db of [env.EU_DB, env.GLOBAL_DB]) await db.prepare("DELETE FROM audit_records").run();
});

describe("store", () => {
  it("gives back each kind of record as it came", async () => {
    const decision = decisionRecord({ at: at(2), detail: { trace: [{ deep: null }] } });
    const change = changeRecord({ at: at(1) });
    await store(decision, change);
    const page = await log.search("eu", { tenantId: tenantA, limit: 10 });
    expect(page).toEqual({ ok: true, value: { items: [decision, change], nextCursor: null } });
  });

  it("keeps one record per identity, the first", async () => {
    await store(decisionRecord({ requestId: "first" }), decisionRecord({ requestId: "same batch" }));
    await store(decisionRecord({ requestId: "later" }), decisionRecord({ n: 2 }));
    const page = await log.search("eu", { tenantId: tenantA, limit: 10 });
    expect(page).toMatchObject({ ok: true, value: { items: [{ n: 2 }, { n: 1, requestId: "first" }] } });
  });

  it("takes a full batch of the queue", async () => {
    await store(...Array.from({ length: 100 }, (_, index) => decisionRecord({ n: index + 1 })));
    expect(await found({ limit: 200 })).toHaveLength(100);
  });

  it("writes each row as an insert of its own would", async () => {
    // Text that JSON, SQLite's JSON and UTF-8 each treat in a way of their own.
    const oddities = [
      "",
      '"',
      "\\",
      "'",
      "\0a",
      "\u2028",
      "\u{1f600}",
      "\ud800",
      "\ufeff",
      "\\u0041",
      "?1",
      "a\nb",
    ];
    let deep: unknown = null;
    for (let depth = 0; depth < 1_500; depth += 1) deep = [deep];
    const records: AuditRecord[] = [
      ...oddities.map((text, index) =>
        decisionRecord({
          source: `odd/${text}`,
          n: index + 1,
          requestId: text,
          detail: { [text]: [text, 0.1, 1e21] },
        }),
      ),
      decisionRecord({ source: "no agent", agentId: null }),
      decisionRecord({ source: "largest", n: Number.MAX_SAFE_INTEGER }),
      { ...decisionRecord({ source: "deep" }), detail: { deep: deep as null } },
      changeRecord(),
    ];
    await store(...records);
    const stored = await rowsStored();
    await env.EU_DB.prepare("DELETE FROM audit_records").run();
    for (const record of records) await insertAlone(record);
    expect(stored).toEqual(await rowsStored());
    expect(stored).toHaveLength(records.length);
    expect(stored.find(({ source }) => source === "largest")).toMatchObject({
      n: Number.MAX_SAFE_INTEGER,
      type: "integer",
    });
  });

  it("asks once for a batch, and looks through no table", async () => {
    const { db, asked } = watchedDatabase(env.EU_DB);
    const watched = createAuditLog({ dbOf: () => db });
    await watched.store("eu", [decisionRecord(), decisionRecord({ n: 2 }), changeRecord()]);
    expect(await plansOf(env.EU_DB, asked)).toEqual([
      expect.stringMatching(/^SCAN json_each VIRTUAL TABLE\b.*$/),
    ]);
  });

  describe("with more than one value may hold", () => {
    const large = (n: number) => decisionRecord({ n, resource: "\u20ac".repeat(120_000) });

    it("splits the batch by bytes", async () => {
      const { db, asked } = watchedDatabase(env.EU_DB);
      const watched = createAuditLog({ dbOf: () => db });
      expect(await watched.store("eu", [1, 2, 3, 4, 5].map(large))).toEqual({ ok: true, value: undefined });
      expect(asked).toHaveLength(3);
      for (const { values } of asked) {
        expect(new TextEncoder().encode(String(values[0])).length).toBeLessThan(1_000_100);
      }
      expect(await found()).toHaveLength(5);
    });

    it("still stores all or nothing", async () => {
      const bad = { ...large(5), tenantId: null } as unknown as AuditRecord; // Breaks NOT NULL.
      expect(await log.store("eu", [...[1, 2, 3, 4].map(large), bad])).toMatchObject({ ok: false });
      expect(await found()).toEqual([]);
    });
  });

  it("takes nothing as nothing", async () => {
    await store();
    expect(await found()).toEqual([]);
  });

  it("stores nothing of a batch that fails", async () => {
    const bad = { ...decisionRecord({ n: 2 }), tenantId: null } as unknown as AuditRecord; // Breaks NOT NULL.
    expect(await log.store("eu", [decisionRecord(), bad])).toMatchObject({
      ok: false,
      error: { code: "audit_unavailable" },
    });
    expect(await found()).toEqual([]);
  });

  it("keeps homes apart", async () => {
    await log.store("global", [decisionRecord({ home: "global" })]);
    expect(await found()).toEqual([]);
  });

  it("refuses while there is no database to ask", async () => {
    const down = createAuditLog({
      dbOf: () => {
        throw new Error("no binding");
      },
    });
    expect(await down.store("eu", [decisionRecord()])).toMatchObject({ ok: false });
  });
});

describe("search", () => {
  beforeEach(async () => {
    await store(
      decisionRecord({ n: 1, at: at(1) }),
      decisionRecord({ n: 2, at: at(2), decision: "denied" }),
      decisionRecord({ n: 3, at: at(2), agentId: agentTwo }),
      decisionRecord({ source: "agent/two", n: 1, at: at(2), agentId: agentTwo, decision: "denied" }),
      changeRecord({ n: 1, at: at(3) }),
      decisionRecord({ source: "agent/b", n: 1, at: at(2), tenantId: "tenant-b" }),
      changeRecord({ source: "control/platform", n: 1, at: at(2), tenantId: "platform" }),
    );
  });

  const cases: readonly [name: string, search: Partial<AuditSearch>, found: string[]][] = [
    [
      "all, newest first",
      {},
      ["control/tenant-a#1", "agent/two#1", "agent/one#3", "agent/one#2", "agent/one#1"],
    ],
    ["one agent", { agentId: agentOne }, ["agent/one#2", "agent/one#1"]],
    ["one outcome", { decision: "denied" }, ["agent/two#1", "agent/one#2"]],
    ["one agent's outcome", { agentId: agentTwo, decision: "denied" }, ["agent/two#1"]],
    ["from, inclusive", { from: at(3) }, ["control/tenant-a#1"]],
    ["to, exclusive", { to: at(2) }, ["agent/one#1"]],
    ["from and to", { from: at(2), to: at(3) }, ["agent/two#1", "agent/one#3", "agent/one#2"]],
    ["an empty span", { from: at(2), to: at(2) }, []],
    ["another tenant", { tenantId: TenantId.parse("tenant-b") }, ["agent/b#1"]],
    ["the platform", { tenantId: "platform" }, ["control/platform#1"]],
    ["an unknown tenant", { tenantId: TenantId.parse("tenant-c") }, []],
  ];
  it.each(cases)("finds %s", async (_name, search, expected) => {
    expect(await found(search)).toEqual(expected);
  });

  it.each(cases)("pages through %s, each record once", async (_name, search, expected) => {
    for (const limit of [1, 2]) {
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages <= expected.length; pages += 1) {
        const page = await log.search("eu", { tenantId: tenantA, limit, cursor, ...search });
        if (!page.ok) throw new Error(page.error.code);
        expect(page.value.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.value.items.map(identityOf));
        if (page.value.nextCursor === null) break;
        cursor = page.value.nextCursor;
      }
      expect(seen).toEqual(expected);
    }
  });

  it("finds decisions alone, on one index, without sorting", async () => {
    const { db, asked } = watchedDatabase(env.EU_DB);
    const watched = createAuditLog({ dbOf: () => db });
    const page = await watched.decisions("eu", { tenantId: tenantA, limit: 2 });
    if (!page.ok || page.value.nextCursor === null) throw new Error("There is a second page.");
    expect(page.value.items.map(identityOf)).toEqual(["agent/two#1", "agent/one#3"]);
    const rest = await watched.decisions("eu", {
      tenantId: tenantA,
      limit: 9,
      cursor: page.value.nextCursor,
      from: at(1),
      to: at(3),
    });
    expect(rest).toMatchObject({ ok: true, value: { items: [{ n: 2 }, { n: 1 }], nextCursor: null } });
    for (const plan of await plansOf(env.EU_DB, asked)) {
      expect(plan).toMatch(/^SEARCH audit_records USING INDEX audit_by_tenant \(tenant_id=\? AND at>\?/);
      expect(plan).not.toMatch(/SCAN|TEMP B-TREE/);
    }
  });

  it("gives a page that does not move when newer records arrive", async () => {
    const first = await log.search("eu", { tenantId: tenantA, limit: 2 });
    if (!first.ok || first.value.nextCursor === null) throw new Error("There is a second page.");
    await store(decisionRecord({ n: 9, at: at(9) }));
    expect(await found({ cursor: first.value.nextCursor, limit: 1 })).toEqual(["agent/one#3"]);
  });

  it("holds `to` against a cursor from a wider search", async () => {
    const cursor = encodeCursor(JSON.stringify([at(3), "control/tenant-a", 1]));
    expect(await found({ cursor, to: at(2) })).toEqual(["agent/one#1"]);
  });

  it("shows no other tenant through another tenant's cursor", async () => {
    const cursor = encodeCursor(JSON.stringify([at(3), "agent/b", 1]));
    expect(await found({ tenantId: TenantId.parse("tenant-c"), cursor })).toEqual([]);
  });

  it.each(["?", "AAAA", encodeCursor("[]"), encodeCursor('["~","",0]'), encodeCursor(`["${at(1)}",1,1]`)])(
    "refuses the cursor %s",
    async (cursor) => {
      expect(await log.search("eu", { tenantId: tenantA, limit: 1, cursor })).toMatchObject({
        ok: false,
        error: { code: "query_invalid", field: "cursor" },
      });
    },
  );

  it.each([
    ["audit_by_tenant", {}],
    ["audit_by_agent", { agentId: agentOne }],
    ["audit_by_tenant", { decision: "allowed" as const }],
    ["audit_by_refusal", { decision: "denied" as const }],
    ["audit_by_refusal", { decision: "pending_approval" as const }],
    ["audit_by_agent", { agentId: agentOne, decision: "denied" as const }],
  ])("walks %s and sorts nothing", async (index, filter) => {
    const { db, asked } = watchedDatabase(env.EU_DB);
    const watched = createAuditLog({ dbOf: () => db });
    const cursor = encodeCursor(JSON.stringify([at(3), "x", 1]));
    await watched.search("eu", { tenantId: tenantA, limit: 1, ...filter });
    await watched.search("eu", { tenantId: tenantA, limit: 1, ...filter, from: at(1), to: at(3), cursor });
    const plans = await plansOf(env.EU_DB, asked);
    expect(plans).toHaveLength(2);
    for (const plan of plans) {
      expect(plan).toMatch(
        new RegExp(
          `^SEARCH audit_records USING INDEX ${index} \\(tenant_id=\\?.* AND at>\\? AND \\(at,source,n\\)<`,
        ),
      );
      expect(plan).not.toMatch(/SCAN|TEMP B-TREE/);
    }
  });
});
