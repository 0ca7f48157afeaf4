import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { deliverOutbox } from "../../../src/audit/outbox.store.ts";
import type { Home } from "../../../src/residency/home.ts";
import { createFixture, databases, minimalPolicy } from "./control-plane-fixture.ts";

it("finds the records of control-plane writes once they are delivered, per tenant and for the platform", async () => {
  const { call, makeTenant, deps } = await createFixture();
  const tenantId = await makeTenant("aud", "eu");
  const agent = await call("POST", "/agents", { body: { name: "a", tenantId } });
  const policy = await call("POST", "/policies", { body: { ...minimalPolicy, tenantId } });
  await call("POST", "/policies", { body: minimalPolicy });

  const log = createAuditLog({ dbOf: databases.ofHome });
  const queue = {
    send: async (home: Home, record: AuditRecord) => (await log.store(home, [record])).ok,
  };
  await deliverOutbox({ db: env.EU_DB, queue, home: "eu", now: deps.clock });
  await deliverOutbox({ db: env.PLATFORM_DB, queue, home: "global", now: deps.clock });

  const found = await call("GET", `/audit?tenant=${tenantId}`);
  const bySource = found.body.items.toSorted((a: { n: number }, b: { n: number }) => a.n - b.n);
  expect(bySource).toMatchObject([
    { n: 1, operation: "tenant.create", objectId: tenantId, revision: 1 },
    { n: 2, operation: "agent.create", objectId: agent.body.id, revision: null },
    { n: 3, operation: "policy.create", objectId: policy.body.id, revision: 2 },
  ]);
  const page = await call("GET", `/audit?tenant=${tenantId}&limit=2`);
  expect(page.body.items).toHaveLength(2);
  const rest = await call("GET", `/audit?tenant=${tenantId}&limit=2&cursor=${page.body.nextCursor}`);
  expect(rest.body).toMatchObject({ items: [expect.anything()], nextCursor: null });

  const platform = await call("GET", "/audit?tenant=platform");
  expect(platform.body.items.map(({ operation }: { operation: string }) => operation)).toContain(
    "policy.create",
  );
  expect((await call("GET", "/audit")).body.items).toEqual([]);
  expect((await call("GET", `/audit?tenant=${tenantId}&to=2020-01-01T00:00:00.000Z`)).body.items).toEqual([]);
});
