// What policies in shadow would have changed, counted by the database as decisions come in: once each, tenants apart.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { DecisionRecord } from "../../../src/audit/audit-record.ts";
import { createShadowFlips } from "../../../src/audit/shadow-flips.store.ts";
import type { ShadowQuestion } from "../../../src/audit/shadow-sums.ts";
import { homeStoresOf } from "../../../src/bindings.ts";
import { DecisionId, PolicyId, TenantId } from "../../../src/kernel/ids.ts";
import type { Home } from "../../../src/residency/home.ts";
import { decisionRecord } from "../../unit/audit/record-fixture.ts";
import { plansOf, watchedDatabase } from "./watched-database.ts";

const dbOf = (home: Home) => homeStoresOf(env, home).db;
const log = createAuditLog({ dbOf });
const policyId = PolicyId.parse(`policy_${"0".repeat(31)}1`);
const agent = (index: number) => `agent_${String(index).padStart(32, "0")}`;
const denied = { policyId, to: "denied", code: "denied_by_policy", basis: "ask" } as const;

let made = 0;
function decided(changes: Partial<Record<keyof DecisionRecord, unknown>> = {}, flips: object[] = []) {
  made += 1;
  const decisionId = DecisionId.parse(`decision_${String(made).padStart(32, "0")}`);
  const shadow = { judged: 1, flips, more: 0 };
  return decisionRecord({ n: made, decisionId, shadow, ...changes });
}

const question: ShadowQuestion = {
  policyId,
  tenantId: TenantId.parse("tenant-a"),
  from: "2026-05-01T00",
  to: "2026-05-02T00",
  fromRevision: 0,
  toRevision: 1_000,
};

async function sums(changes: Partial<ShadowQuestion> = {}, flips = createShadowFlips({ dbOf })) {
  const found = await flips.sums("eu", { ...question, ...changes });
  if (!found.ok) throw new Error(found.error.code);
  return found.value;
}

const count = async (table: string) =>
  (await env.EU_DB.prepare(`SELECT count(*) AS rows FROM ${table}`).first<{ rows: number }>())?.rows;

beforeEach(async () => {
  for (const table of ["audit_records", "shadow_decisions", "shadow_flips"])
    await env.EU_DB.exec(`DELETE FROM ${table}`);
});

it("a decision that is stored twice counts once, by outcome, code and agent", async () => {
  const other = { ...denied, policyId: `policy_${"0".repeat(31)}2` };
  const records = [
    decided({}, [denied, other]),
    decided({}, [denied]),
    decided({ agentId: agent(2) }, [{ ...denied, code: "outside_boundary" }]),
    decided({ decision: "denied" }, [{ ...denied, to: "allowed", code: "allowed", basis: "admission" }]),
    decided(),
  ];
  await log.store("eu", records);
  await log.store("eu", records);
  const found = await sums();
  expect(found.decisions).toBe(5);
  expect(found.flips).toHaveLength(3);
  expect(found.flips).toEqual(
    expect.arrayContaining([
      { to: "denied", code: "denied_by_policy", basis: "ask", flips: 2 },
      { to: "denied", code: "outside_boundary", basis: "ask", flips: 1 },
      { to: "allowed", code: "allowed", basis: "admission", flips: 1 },
    ]),
  );
  expect(found.agents[0]).toEqual({ tenantId: "tenant-a", agentId: agent(1), to: "denied", flips: 2 });
  expect(found.agents).toHaveLength(3);
  const samples = found.samples.map(({ decisionId }) => decisionId);
  expect(samples).toContain(records[0]?.decisionId);
  expect(samples).not.toContain(records[1]?.decisionId);
});

it("revisions tell one version of a policy from the next, within one hour", async () => {
  await log.store("eu", [
    decided({ revisions: { tenant: 4, platform: 1 } }, [denied]),
    decided({ revisions: { tenant: 5, platform: 1 } }, [denied]),
    decided({ revisions: { tenant: 6, platform: 1 } }),
  ]);
  const flips = async (fromRevision: number, toRevision: number) => {
    const found = await sums({ fromRevision, toRevision });
    return [found.decisions, found.flips[0]?.flips ?? 0];
  };
  expect(await flips(0, 5)).toEqual([1, 1]);
  expect(await flips(5, 1_000)).toEqual([2, 1]);
  expect(await flips(6, 1_000)).toEqual([1, 0]);
});

it("hours are apart, and a policy of the platform counts the decisions of all tenants", async () => {
  await log.store("eu", [
    decided({ at: "2026-05-01T10:59:59.999Z" }, [denied]),
    decided({ at: "2026-05-01T11:00:00.000Z" }, [denied]),
    decided({ tenantId: "tenant-b" }, [denied]),
  ]);
  const hour = { from: "2026-05-01T10", to: "2026-05-01T11" };
  expect(await sums(hour)).toMatchObject({ decisions: 1, flips: [{ flips: 2 }] });
  expect(await sums({ ...hour, tenantId: null })).toMatchObject({ decisions: 2, flips: [{ flips: 2 }] });
});

it("decisions beside which nothing was in shadow cost no row", async () => {
  await log.store("eu", [decided({ shadow: null })]);
  expect([await count("shadow_decisions"), await count("shadow_flips")]).toEqual([0, 0]);
});

it("a record that SQLite cannot parse is stored all the same", async () => {
  let deep: unknown = null;
  for (let depth = 0; depth < 1_500; depth += 1) deep = [deep];
  const record = { ...decided({}, [denied]), detail: { deep: deep as null } };
  const nested = { ...decided({ shadow: null }), detail: { shadow: { flips: [] } } };
  expect((await log.store("eu", [record, nested])).ok).toBe(true);
  expect([await count("audit_records"), await count("shadow_decisions")]).toEqual([2, 0]);
});

it("every sum is read from one range of an index", async () => {
  const { db, asked } = watchedDatabase(env.EU_DB);
  const watched = createShadowFlips({ dbOf: () => db });
  await sums({}, watched);
  await sums({ tenantId: null }, watched);
  const plans = await plansOf(env.EU_DB, asked);
  expect(plans).toHaveLength(8);
  for (const plan of plans) expect(plan).toMatch(/^SEARCH shadow_/);
  expect(plans[3]).toMatch(/tenant_id=\? AND hour>\? AND hour<\?/);
  expect(plans[7]).toMatch(/shadow_decisions_by_hour \(hour>\? AND hour<\?/);
});
