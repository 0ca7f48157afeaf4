// The write protocol against the real Durable Objects: what the in-memory ledgers of the other files stand for.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { createRevisionedWriter } from "../../../src/admin/revisioned-write.store.ts";
import { configOf } from "../../../src/bindings.ts";
import { createAgentLedgers, createTenantLedgers } from "../../../src/quota/ledgers.store.ts";
import { createFixture, databases, minimalPolicy } from "./control-plane-fixture.ts";

const writer = createRevisionedWriter({
  databases,
  tenantLedgers: createTenantLedgers(env, configOf(env)),
  snapshots: { fill: async () => {} },
  deliverOutbox: async () => {},
  background: () => {},
  clock: Date.now,
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
});
const { call, makeTenant } = await createFixture({
  writer,
  agentLedgers: createAgentLedgers(env, configOf(env)),
});

it("gives concurrent writes distinct consecutive revisions, and refused ones give theirs back", async () => {
  const tenantId = await makeTenant("real", "eu");
  const body = { ...minimalPolicy, tenantId };
  const written = await Promise.all(Array.from({ length: 4 }, () => call("POST", "/policies", { body })));
  expect(written.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(written.map((reply) => reply.body.revision).sort()).toEqual([2, 3, 4, 5]);

  expect((await call("POST", "/tenants", { body: { id: tenantId, name: "n", home: "eu" } })).status).toBe(
    409,
  );
  const startedMs = Date.now();
  const next = await call("POST", "/policies", { body });
  expect(next).toMatchObject({ status: 201, body: { revision: 7 } });
  // Far below the 30 s after which the ledger's alarm would have resolved the refused write.
  expect(Date.now() - startedMs).toBeLessThan(10_000);
});

it("puts an agent's state into its ledger", async () => {
  const tenantId = await makeTenant("real");
  const agent = await call("POST", "/agents", { body: { name: "a", tenantId } });
  expect(agent.status).toBe(201);
  expect(await call("PATCH", `/agents/${agent.body.id}`, { body: { status: "disabled" } })).toMatchObject({
    status: 200,
    body: { status: "disabled", version: 2 },
  });
});
