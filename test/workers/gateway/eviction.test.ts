// A ledger that leaves memory between reserve and settle: what it has stored is all it needs.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { configOf } from "../../../src/bindings.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { agentLedgerName, scopeLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { backgroundDone, call, completion, newCaller, scriptedAzure } from "./gateway-fixture.ts";

const secret = configOf(env).ledgerNameSecret;
const agentLedger = async ({ tenantId, agentId }: { tenantId: string; agentId: string }) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(secret, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );
const tenantLedger = async ({ tenantId }: { tenantId: string }) =>
  ledgerStub(env.TENANT_LEDGER, "global", await scopeLedgerName(secret, TenantId.parse(tenantId)));

type Rows = readonly Record<string, unknown>[];
const rowsOf = <T extends Rpc.DurableObjectBranded>(
  ledger: DurableObjectStub<T>,
  query: string,
): Promise<Rows> => runInDurableObject(ledger, (_, { storage }) => storage.sql.exec(query).toArray());
const totals = "SELECT total(used) AS used FROM counter_buckets";
const open = "SELECT id FROM open_reservations";

const eachMeterOnce = { maxRequestsPerDay: 2, maxTokensPerDay: 10_000 };
const REQUEST_AND_TOKENS = 1 + 12;

function remembering() {
  const taken: AuditRecord[] = [];
  return { taken, records: { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 } };
}

it("counts a settle after an eviction, leaks nothing and numbers without a hole", async () => {
  const caller = await newCaller(eachMeterOnce);
  const ledger = await agentLedger(caller);
  const { taken, records } = remembering();
  const azure = scriptedAzure(async () => {
    expect(await rowsOf(ledger, open)).toHaveLength(1);
    await evictDurableObject(ledger);
    return completion();
  });
  for (const used of [REQUEST_AND_TOKENS, 2 * REQUEST_AND_TOKENS]) {
    expect((await call(caller, { azure, records })).status).toBe(200);
    await backgroundDone();
    expect(await rowsOf(ledger, totals)).toEqual([{ used }]);
    expect(await rowsOf(ledger, open)).toEqual([]);
  }
  // The third is refused: what was settled before the eviction still counts.
  expect((await call(caller, { azure, records })).status).toBe(429);
  expect(taken.map(({ n }) => n).toSorted((left, right) => left - right)).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(taken.map(({ source }) => source)).size).toBe(1);
});

it("so does a stream whose ledger is evicted while it runs", async () => {
  const caller = await newCaller(eachMeterOnce);
  const ledger = await agentLedger(caller);
  const { taken, records } = remembering();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const azure = scriptedAzure(
    () => new Response(readable, { headers: { "content-type": "text/event-stream" } }),
  );
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], stream: true });
  const response = await call(caller, { azure, records }, { body });
  const text = response.text();
  const writer = writable.getWriter();
  const send = (event: string) => writer.write(new TextEncoder().encode(`data: ${event}\n\n`));
  await send('{"choices":[{"delta":{"content":"Hi"},"index":0}]}');
  await evictDurableObject(ledger);
  await send('{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}');
  await send("[DONE]");
  await writer.close();
  expect(await text).toContain("[DONE]");
  await backgroundDone();
  expect(await rowsOf(ledger, totals)).toEqual([{ used: REQUEST_AND_TOKENS }]);
  expect(taken).toMatchObject([
    { kind: "decision", n: 1 },
    { kind: "completion", n: 2, end: "complete", settlement: "used" },
  ]);
});

it("and a settle needs no lease: the tenant's ledger may have been evicted as well", async () => {
  const caller = await newCaller(eachMeterOnce);
  const [agent, tenant] = [await agentLedger(caller), await tenantLedger(caller)];
  const azure = scriptedAzure(async () => {
    await evictDurableObject(tenant);
    await evictDurableObject(agent);
    return completion();
  });
  expect((await call(caller, { azure })).status).toBe(200);
  await backgroundDone();
  expect(await rowsOf(agent, totals)).toEqual([{ used: REQUEST_AND_TOKENS }]);
  expect((await call(caller, { azure })).status).toBe(200);
  await backgroundDone();
  expect(await rowsOf(agent, totals)).toEqual([{ used: 2 * REQUEST_AND_TOKENS }]);
});
