import { describe, expect, it, vi } from "vitest";
import { createAgentStore } from "../../../src/admin/agents.store.ts";
import { sweepUnacknowledgedAgents } from "../../../src/admin/sweep-agents.ts";
import { createFixture, databases } from "./control-plane-fixture.ts";

const recordsOf = async (home: "global" | "eu", objectId: string) => {
  const { results } = await databases
    .ofHome(home)
    .prepare("SELECT record FROM outbox ORDER BY source, n")
    .all();
  return results
    .map(({ record }) => JSON.parse(String(record)))
    .filter((record) => record.objectId === objectId);
};
const acknowledgedVersion = (home: "global" | "eu", id: string) =>
  databases
    .ofHome(home)
    .prepare("SELECT acknowledged_version FROM agents WHERE id = ?1")
    .bind(id)
    .first("acknowledged_version");

describe("changing an agent", () => {
  it.each([
    [{ name: "new" }, 1],
    [{ description: "new" }, 1],
    [{ roles: ["employee"] }, 2],
    [{ classification: "confidential" }, 2],
    [{ status: "disabled" }, 2],
    [{ roles: [], classification: "internal", status: "active" }, 1],
    [{}, 1],
  ])("%j makes version %i and reaches the ledger before it answers", async (patch, version) => {
    const { call, agentLedgers } = await createFixture();
    const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
    const changed = await call("PATCH", `/agents/${agent.id}`, { body: patch });
    expect(changed).toMatchObject({ status: 200, body: { ...patch, id: agent.id, version } });
    expect((await call("GET", `/agents/${agent.id}`)).body).toEqual(changed.body);
    expect(agentLedgers.states.get(agent.id)).toMatchObject({ version, status: changed.body.status });
    expect(await acknowledgedVersion("global", agent.id)).toBe(version);
  });

  it("records every change under the key that made it, and nothing for none", async () => {
    const { call, delivered, makeTenant } = await createFixture();
    const tenantId = await makeTenant("rec", "eu");
    const { body: agent } = await call("POST", "/agents", { body: { name: "a", tenantId } });
    await call("PATCH", `/agents/${agent.id}`, { body: { name: "b" } });
    await call("PATCH", `/agents/${agent.id}`, { body: { name: "b" } });
    await call("DELETE", `/agents/${agent.id}`);
    const records = await recordsOf("eu", agent.id);
    expect(records.map(({ operation }) => operation)).toEqual([
      "agent.create",
      "agent.update",
      "agent.delete",
    ]);
    expect(records[0]).toMatchObject({
      home: "eu",
      tenantId,
      revision: null,
      actor: expect.stringMatching(/^key_/),
    });
    expect(await recordsOf("global", agent.id)).toEqual([]);
    expect(delivered.filter((scope) => scope === tenantId).length).toBeGreaterThanOrEqual(3);
  });

  it("loses no change when two come at once", async () => {
    const { call } = await createFixture();
    const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
    const patches = [{ roles: ["employee"] }, { classification: "restricted" }];
    const replies = await Promise.all(patches.map((body) => call("PATCH", `/agents/${agent.id}`, { body })));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect((await call("GET", `/agents/${agent.id}`)).body).toMatchObject({
      roles: ["employee"],
      classification: "restricted",
      version: 3,
    });
    expect(await recordsOf("global", agent.id)).toHaveLength(3);
  });

  it("gives up after losing twice, without a record", async () => {
    const { call, deps } = await createFixture();
    const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
    const { find } = deps.agents;
    vi.spyOn(deps.agents, "find").mockImplementation(async (id) => {
      const found = await find(id);
      await databases
        .ofHome("global")
        .prepare("UPDATE agents SET version = version + 1 WHERE id = ?1")
        .bind(id)
        .run();
      return found;
    });
    const reply = await call("PATCH", `/agents/${agent.id}`, { body: { roles: ["employee"] } });
    expect(reply).toMatchObject({ status: 503, body: { code: "write_in_progress" } });
    expect(await recordsOf("global", agent.id)).toHaveLength(1);
  });
});

describe("an agent's ledger that cannot be reached", () => {
  it("makes the write answer 503 though it is committed; repeating the write finishes it", async () => {
    const { call, agentLedgers } = await createFixture();
    const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
    agentLedgers.isUp = false;
    const disabled = await call("PATCH", `/agents/${agent.id}`, { body: { status: "disabled" } });
    expect(disabled).toMatchObject({ status: 503, body: { code: "ledger_unavailable" } });
    expect(disabled.body.detail).toContain("committed");
    expect(await acknowledgedVersion("global", agent.id)).toBe(1);
    expect(await call("PATCH", `/agents/${agent.id}`, { body: { status: "disabled" } })).toMatchObject({
      status: 503,
    });

    agentLedgers.isUp = true;
    const again = await call("PATCH", `/agents/${agent.id}`, { body: { status: "disabled" } });
    expect(again).toMatchObject({ status: 200, body: { status: "disabled", version: 2 } });
    expect(agentLedgers.states.get(agent.id)).toMatchObject({ version: 2, status: "disabled" });
  });

  it("lets a deletion be repeated until it is acknowledged", async () => {
    const { call, agentLedgers } = await createFixture();
    const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
    agentLedgers.isUp = false;
    expect((await call("DELETE", `/agents/${agent.id}`)).status).toBe(503);
    expect((await call("GET", `/agents/${agent.id}`)).status).toBe(404);
    agentLedgers.isUp = true;
    expect((await call("DELETE", `/agents/${agent.id}`)).status).toBe(204);
    expect(agentLedgers.states.get(agent.id)).toMatchObject({ status: "deleted", version: 2 });
    expect((await call("DELETE", `/agents/${agent.id}`)).status).toBe(404);
  });

  it("is told by the sweep, in every home", async () => {
    const { call, deps, agentLedgers, makeTenant } = await createFixture();
    const tenantId = await makeTenant("sweep", "eu");
    agentLedgers.isUp = false;
    await call("POST", "/agents", { body: { name: "a", tenantId } });
    await call("POST", "/agents", { body: { name: "b" } });
    const before = await sweepUnacknowledgedAgents(deps);
    expect(before.acknowledged).toBe(0);
    expect(before.pending).toBeGreaterThanOrEqual(2);
    agentLedgers.isUp = true;
    expect(await sweepUnacknowledgedAgents(deps)).toEqual({ acknowledged: before.pending, pending: 0 });
    expect([...agentLedgers.states.values()].map(({ home }) => home)).toEqual(
      expect.arrayContaining(["eu", "global"]),
    );
    expect(await sweepUnacknowledgedAgents(deps)).toEqual({ acknowledged: 0, pending: 0 });
  });
});

it("issues no token for a disabled or deleted agent", async () => {
  const { call } = await createFixture();
  const { body: agent } = await call("POST", "/agents", { body: { name: "a" } });
  const issue = () => call("POST", "/tokens", { body: { agentId: agent.id } });
  expect((await issue()).status).toBe(201);
  expect(await recordsOf("global", (await issue()).body.jti)).toMatchObject([{ operation: "token.issue" }]);
  await call("PATCH", `/agents/${agent.id}`, { body: { status: "disabled" } });
  expect(await issue()).toMatchObject({ status: 403, body: { code: "agent_disabled" } });
  await call("PATCH", `/agents/${agent.id}`, { body: { status: "active" } });
  expect((await issue()).status).toBe(201);
  await call("DELETE", `/agents/${agent.id}`);
  expect(await issue()).toMatchObject({ status: 404, body: { code: "not_found" } });
});

it("lists agents in pages, oldest first, without deleted ones", async () => {
  const { call, makeTenant } = await createFixture();
  const tenantId = await makeTenant("list");
  const ids: string[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    ids.push((await call("POST", "/agents", { body: { name, tenantId } })).body.id);
  }
  const sorted = ids.toSorted();
  await call("DELETE", `/agents/${sorted[1]}`);
  const expected = sorted.filter((_, index) => index !== 1);
  const first = await call("GET", `/agents?tenant=${tenantId}&limit=3`);
  expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(expected.slice(0, 3));
  const second = await call("GET", `/agents?tenant=${tenantId}&limit=3&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ items: [{ id: expected[3] }], nextCursor: null });
});

it("finds an agent whose home works while another home does not", async () => {
  const { call, makeTenant, deps } = await createFixture();
  const tenantId = await makeTenant("home", "eu");
  const { body: agent } = await call("POST", "/agents", { body: { name: "a", tenantId } });
  const broken = {
    prepare: () => {
      throw new Error("D1 is down");
    },
  } as unknown as D1Database;
  const partial = createAgentStore({
    ...databases,
    ofHome: (home) => (home === "global" ? broken : databases.ofHome(home)),
  });
  expect(await partial.find(agent.id)).toMatchObject({ ok: true, value: { home: "eu" } });
  expect(await partial.find(deps.ids.agent())).toMatchObject({
    ok: false,
    error: { code: "store_unavailable" },
  });
});
