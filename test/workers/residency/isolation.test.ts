// What a tenant of one home causes rests in that home alone: a day's traffic, then a look into every store of the others.
import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { configOf, homeStoresOf } from "../../../src/bindings.ts";
import { agentLedgerName, scopeLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { type Home, homeNames } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";
import { changeRecord } from "../../unit/audit/record-fixture.ts";
import { aDayOf, type Day, unsentChange } from "./day-of-traffic.ts";
import { ledgers, type Resting, restingAtPlatform, restingInHome } from "./resting-data.ts";

/** Every message that a queue delivered: a queue itself cannot be read. */
const delivered: { readonly queue: string; readonly text: string }[] = [];
const consume = worker.queue;
vi.spyOn(worker, "queue").mockImplementation(async (batch, ...rest) => {
  for (const { body } of batch.messages) delivered.push({ queue: batch.queue, text: JSON.stringify(body) });
  // What a dead-letter queue brings has arrived: the Worker itself reads none of them.
  if (isDeadLetters(batch.queue)) batch.ackAll();
  else await consume(batch, ...rest);
});

const queueOf = (home: Home) => `portcullis-audit-${home}`;
const deadLettersOf = (home: Home) => `${queueOf(home)}-dead`;
const isDeadLetters = (queue: string) => queue.endsWith("-dead");
/** `max_retries` of wrangler.toml, and the first delivery. */
const MAX_DELIVERIES = 11;

interface DeliveredRecord {
  readonly kind: string;
  readonly tenantId: string;
  readonly decision?: string;
  readonly decisionId?: string;
}

const dayOf: Partial<Record<Home, Day>> = {};
const cases = ["eu", "us"] as const satisfies readonly Home[];
const othersThan = (home: Home) => homeNames.filter((name) => name !== home);

function dayIn(home: Home): Day {
  const day = dayOf[home];
  if (!day) throw new Error(`There was no traffic in ${home}.`);
  return day;
}

beforeAll(async () => {
  dayOf.eu = await aDayOf("eu", "contoso-gmbh", { residency: { zone: "eu" } });
  dayOf.us = await aDayOf("us", "fabrikam-inc");
  for (const home of cases) await vi.waitFor(() => allSent(home), 15_000);
  await Promise.all(homeNames.map(allConsumed));
  for (const home of cases)
    await vi.waitFor(() => isDelivered(deadLettersOf(home), dayIn(home).unreadable), 10_000);
}, 60_000);

function isDelivered(queue: string, body: object): void {
  const text = JSON.stringify(body);
  const isThere = delivered.some((message) => message.queue === queue && message.text === text);
  expect(isThere, `${text} in ${queue}`).toBe(true);
}

/** Whichever queue brought them, so that a leak is told by the test that looks for it. */
function deliveredRecords(tenantId: string): readonly DeliveredRecord[] {
  const bodies = delivered.map(({ text }): DeliveredRecord | { records: DeliveredRecord[] } =>
    JSON.parse(text),
  );
  const records = bodies.flatMap((body) => ("records" in body ? body.records : [body]));
  return records.filter((record) => record.tenantId === tenantId);
}

async function allSent(home: Home): Promise<void> {
  const records = deliveredRecords(dayIn(home).tenantId);
  const decisions = records.flatMap((record) => (record.decision === "allowed" ? [record.decisionId] : []));
  const ended = records.flatMap((record) => (record.kind === "completion" ? [record.decisionId] : []));
  expect(new Set(decisions).size).toBe(dayIn(home).allowed);
  expect(new Set(ended)).toEqual(new Set(decisions));
  expect(await unsentChange(home)).toBeNull();
  const kept = (await ownLedgers(home)).filter(({ where }) => where === "ledger outbox");
  expect(kept).toEqual([]);
}

/** What was sent to this home's queue before this was asked. */
async function allConsumed(home: Home): Promise<void> {
  const { audit, db } = homeStoresOf(env, home);
  await audit.send(changeRecord({ home, source: "control/marker", tenantId: "marker" }));
  const marker = db.prepare("SELECT 1 FROM audit_records WHERE source = 'control/marker'");
  await vi.waitFor(async () => expect(await marker.first()).not.toBeNull(), 10_000);
}

/** The ids that the tenant's ledgers have, if they are in this home. */
async function ledgerIds({ tenantId, agentIds }: Day, home: Home): Promise<readonly string[]> {
  const { ledgerNameSecret } = configOf(env);
  const agents = agentIds.map(async (agentId) =>
    ledgerStub(env.AGENT_LEDGER, home, await agentLedgerName(ledgerNameSecret, tenantId, agentId)),
  );
  const scope = ledgerStub(env.TENANT_LEDGER, home, await scopeLedgerName(ledgerNameSecret, tenantId));
  return [...(await Promise.all(agents)), scope].map(({ id }) => id.toString());
}

async function ownLedgers(home: Home): Promise<readonly Resting[]> {
  const all = await ledgers();
  return (await ledgerIds(dayIn(home), home)).flatMap((id) => all.get(id) ?? []);
}

/** Everything by which the tenant could be told: its id, and every id and hash that its home holds but the platform's own. */
async function tracesOf(home: Home): Promise<readonly string[]> {
  const { tenantId } = dayIn(home);
  const { ledgerNameSecret } = configOf(env);
  const own = [...(await restingInHome(home)), ...(await ownLedgers(home))].map(({ text }) => text).join();
  const ids = own.match(/\b(?!key_|backend_)[a-z]+_[0-9a-f]{32}\b|\b[0-9a-f]{64}\b/g) ?? [];
  const names = dayIn(home).agentIds.map((id) => agentLedgerName(ledgerNameSecret, tenantId, id));
  return [tenantId, ...new Set(ids), ...(await Promise.all(names))];
}

/** Where something of the home's tenant is that is not in the home. */
async function foundOutside(home: Home): Promise<readonly string[]> {
  const traces = await tracesOf(home);
  const all = await ledgers();
  const mine = new Set(await ledgerIds(dayIn(home), home));
  const misplaced = (
    await Promise.all(othersThan(home).map((other) => ledgerIds(dayIn(home), other)))
  ).flat();
  const elsewhere: readonly Resting[] = [
    ...(await Promise.all(othersThan(home).map(restingInHome))).flat(),
    ...(await restingAtPlatform()),
    ...[...all].flatMap(([id, rows]) => (mine.has(id) ? [] : rows)),
    ...delivered
      .filter(({ queue }) => queue !== queueOf(home) && queue !== deadLettersOf(home))
      .map(({ queue, text }) => ({ where: queue, text })),
  ];
  return [
    ...misplaced.filter((id) => all.has(id)).map(() => "a ledger of its own in another home"),
    ...elsewhere.filter(({ text }) => traces.some((trace) => text.includes(trace))).map(({ where }) => where),
  ];
}

it("the day had every kind of answer", () => {
  expect(dayIn("eu").answers).toEqual([
    "ok",
    "ok",
    "failed",
    "upstream_unreachable",
    "ok",
    "deployment_unknown",
    "residency_country",
    "allowed",
    "no_matching_grant",
    "allowed",
    "request_quota_exceeded",
    "pending_approval",
    "allowed",
    "pending_approval",
    "approval_denied",
    "pending_approval",
    "ok",
    "agent_disabled",
    "token_outdated",
    "agent_unknown",
  ]);
});

it.each(cases)(
  "a message of %s that can never be stored is moved to that home's dead letters once its retries are over, and nowhere else",
  (home) => {
    const text = JSON.stringify(dayIn(home).unreadable);
    const ways = delivered.filter((message) => message.text === text).map(({ queue }) => queue);
    expect(ways).toEqual([...Array(MAX_DELIVERIES).fill(queueOf(home)), deadLettersOf(home)]);
    // Nothing else of the day died.
    expect(delivered.filter(({ queue }) => queue === deadLettersOf(home))).toHaveLength(1);
  },
);

it("a message that cannot be stored is stored in no home: it is tried again", async () => {
  const { tenantId } = dayIn("eu");
  const foreign = changeRecord({ home: "eu", tenantId, source: `control/${tenantId}`, n: 99 });
  for (const [home, body] of [
    ["eu", { note: `no record of ${tenantId}` }],
    ["us", foreign],
    ["global", foreign],
  ] as const) {
    const messages = [{ id: "one", timestamp: new Date(), attempts: 1, body }];
    const batch = createMessageBatch(queueOf(home), messages);
    const context = createExecutionContext();
    await consume(batch, env);
    const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
    expect({ explicitAcks, retried: retryMessages.map(({ msgId }) => msgId) }).toEqual({
      explicitAcks: [],
      retried: ["one"],
    });
  }
});

describe.each(cases)("a tenant of %s", (home) => {
  it("has left something in every kind of store of its home", async () => {
    const own = [...(await restingInHome(home)), ...(await ownLedgers(home))].map(({ where }) => where);
    for (const where of [
      `${home} D1 tenants`,
      `${home} D1 agents`,
      `${home} D1 policies`,
      `${home} D1 outbox`,
      `${home} D1 audit_records`,
      `${home} D1 usage_hours`,
      `${home} D1 approvals`,
      `${home} D1 approval_webhooks`,
      `${home} D1 webhook_deliveries`,
      `${home} KV`,
      "ledger identity",
      "ledger counter_buckets",
      "ledger approvals",
      "ledger scope",
    ]) {
      expect(own).toContain(where);
    }
    const messages = delivered.filter(({ queue }) => queue === queueOf(home));
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.some(({ text }) => text.startsWith('{"v":1,"records":'))).toBe(true);
    const { tenantId } = dayIn(home);
    const recorded = homeStoresOf(env, home).db.prepare("SELECT 1 FROM audit_records WHERE tenant_id = ?1");
    expect((await recorded.bind(tenantId).all()).results.length).toBeGreaterThan(20);
  });

  it("has an approval that let one call through, by its home's own record of that call", async () => {
    const statuses = homeStoresOf(env, home).db.prepare("SELECT status FROM approvals WHERE tenant_id = ?1");
    const { results } = await statuses.bind(dayIn(home).tenantId).all<{ status: string }>();
    expect(results.map(({ status }) => status).sort()).toEqual(["denied", "pending", "used"]);
  });

  it("has left nothing anywhere else", async () => {
    expect(await foundOutside(home)).toEqual([]);
  });

  it("is in the directory with its home, and with nothing more", async () => {
    const directory = env.PLATFORM_DB.prepare("SELECT * FROM directory WHERE tenant_id = ?1");
    const { tenantId } = dayIn(home);
    const created_at = expect.stringMatching(/^\d{4}-/);
    expect(await directory.bind(tenantId).first()).toEqual({ tenant_id: tenantId, home, created_at });
  });
});

it("a leak into any kind of store would be noticed", async () => {
  const { tenantId, agentIds } = dayIn("eu");
  const [trace] = agentIds;
  if (!trace) throw new Error("The tenant had no agent.");
  const { ledgerNameSecret } = configOf(env);
  await env.US_DB.prepare("INSERT INTO revisions (scope, revision) VALUES (?1, 1)").bind(tenantId).run();
  await env.US_KV.put(`snapshot/v1/${tenantId}/1`, "{}");
  await env.GLOBAL_KV.put("a key", trace);
  await env.US_ARCHIVE.put("an object", trace);
  await env.PLATFORM_DB.prepare("INSERT INTO revisions (scope, revision) VALUES (?1, 1)")
    .bind(tenantId)
    .run();
  await env.US_AUDIT.send({ note: trace });
  await vi.waitFor(() => isDelivered(deadLettersOf("us"), { note: trace }), 10_000);
  const misplaced = ledgerStub(
    env.AGENT_LEDGER,
    "us",
    await agentLedgerName(ledgerNameSecret, tenantId, trace),
  );
  await runInDurableObject(misplaced, () => {});
  await runInDurableObject(ledgerStub(env.TENANT_LEDGER, "global", "another"), (_, { storage }) => {
    storage.sql.exec("INSERT INTO holders (holder, seq) VALUES (?, 1)", trace);
  });
  expect([...new Set(await foundOutside("eu"))].toSorted()).toEqual([
    "a ledger of its own in another home",
    "global KV",
    "ledger holders",
    "platform D1 revisions",
    "portcullis-audit-us",
    "portcullis-audit-us-dead",
    "us D1 revisions",
    "us KV",
    "us R2",
  ]);
});
