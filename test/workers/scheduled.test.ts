/** The minute's schedule repeats what did not get through: records still in an outbox, agents a ledger has not heard of. */
import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import worker from "../../src/worker.ts";

const aMinutePasses = () => worker.scheduled(createScheduledController(), env);

it("delivers records that were committed and not sent", async () => {
  const record = {
    v: 1,
    kind: "change",
    source: "control/default-tenant",
    n: 1,
    skipped: null,
    at: "2026-01-01T00:00:00.000Z",
    home: "global",
    tenantId: "default-tenant",
    requestId: "request",
    actor: "key",
    operation: "policy.create",
    objectId: "policy",
    revision: 1,
  };
  await env.GLOBAL_DB.prepare("INSERT INTO outbox (source, n, record) VALUES (?1, 1, ?2)")
    .bind(record.source, JSON.stringify(record))
    .run();
  await aMinutePasses();
  const unsent = await env.GLOBAL_DB.prepare(
    "SELECT count(*) AS count FROM outbox WHERE sent_at IS NULL",
  ).first();
  expect(unsent).toEqual({ count: 0 });
  await vi.waitFor(async () => {
    const stored = await env.GLOBAL_DB.prepare("SELECT n FROM audit_records WHERE source = ?1")
      .bind(record.source)
      .first();
    expect(stored).toEqual({ n: 1 });
  }, 10_000);
});

it("tells ledgers of agents they have not acknowledged", async () => {
  const id = `agent_${"0".repeat(31)}1`;
  await env.GLOBAL_DB.prepare(
    `INSERT INTO agents (id, tenant_id, name, description, metadata, roles, status, classification, version, created_at, updated_at)
     VALUES (?1, 'default-tenant', 'lost', '', '{}', '[]', 'disabled', 'internal', 2, ?2, ?2)`,
  )
    .bind(id, "2026-01-01T00:00:00.000Z")
    .run();
  await aMinutePasses();
  const row = await env.GLOBAL_DB.prepare("SELECT acknowledged_version FROM agents WHERE id = ?1")
    .bind(id)
    .first();
  expect(row).toEqual({ acknowledged_version: 2 });
});
