// What a policy was, who changed it, and how it is put back.
import { describe, expect, it } from "vitest";
import { createFixture, databases, minimalPolicy } from "./control-plane-fixture.ts";

const fixture = await createFixture();
const { call, makeKey, makeTenant } = fixture;

const home = databases.ofHome("eu");
const keyIdOf = async (text: string, tenant: string): Promise<string> =>
  (await call("GET", `/keys?tenant=${tenant}`, { key: text })).body.items[0].id;

async function newPolicy(body: object = minimalPolicy) {
  const tenantId = await makeTenant("history", "eu");
  const key = await makeKey(tenantId);
  const { body: policy } = await call("POST", "/policies", { key, body });
  return { tenantId, key, policy, path: `/policies/${policy.id}`, author: await keyIdOf(key, tenantId) };
}

describe("a policy's history", () => {
  it("tells every change, newest first, with author, revision and what changed", async () => {
    const { key, path, policy, author } = await newPolicy();
    const changed = { ...minimalPolicy, name: "New", constraints: { maxTokensPerDay: 5 } };
    const { body: second } = await call("PUT", path, { body: changed });
    await call("DELETE", path, { key });
    const { status, body } = await call("GET", `${path}/history`, { key });
    expect(status).toBe(200);
    expect(body.nextCursor).toBeNull();
    const { revision: _first, ...created } = policy;
    const { revision: _second, ...updated } = second;
    expect(body.items).toMatchObject([
      { revision: 4, operation: "delete", author, policy: null, revertedTo: null },
      { revision: 3, operation: "update", policy: updated, at: second.updatedAt },
      { revision: 2, operation: "create", author, policy: created, at: policy.createdAt },
    ]);
    // The platform's key wrote the second.
    expect(body.items[1].author).toMatch(/^key_/);
    expect(body.items[1].author).not.toBe(author);
    expect(body.items[1].changes).toEqual([
      { path: "/name", before: minimalPolicy.name, after: "New" },
      { path: "/constraints/maxTokensPerDay", after: 5 },
    ]);
    expect(body.items[0].changes).toContainEqual({ path: "/name", before: "New" });
    expect(body.items[2].changes).toContainEqual({ path: "/name", after: minimalPolicy.name });
    expect(JSON.stringify(body)).not.toContain("pk_");
  });

  it("is paged without a gap", async () => {
    const { key, path } = await newPolicy();
    for (const name of ["a", "b", "c", "d"])
      await call("PUT", path, { key, body: { ...minimalPolicy, name } });
    const revisions: number[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const { body } = await call("GET", `${path}/history?limit=2${query}`, { key });
      expect(body.items.length).toBeLessThanOrEqual(2);
      revisions.push(...body.items.map((item: { revision: number }) => item.revision));
      cursor = body.nextCursor;
    } while (cursor !== null);
    expect(revisions).toEqual([6, 5, 4, 3, 2]);
    const wrong = await call("GET", `${path}/history?cursor=bm9uc2Vuc2U`, { key });
    expect(wrong).toMatchObject({ status: 400, body: { code: "query_invalid", field: "cursor" } });
  });

  it("has no row of a write that was not made", async () => {
    const { key, path } = await newPolicy();
    await call("PUT", path, { key, body: minimalPolicy, headers: { "if-match": '"other"' } });
    expect((await call("GET", `${path}/history`, { key })).body.items).toHaveLength(1);
  });

  it("is never rewritten, and ends with its tenant alone", async () => {
    const { key, path, policy, tenantId } = await newPolicy();
    const change = "UPDATE policy_history SET author = NULL WHERE policy_id = ?1";
    const remove = "DELETE FROM policy_history WHERE policy_id = ?1";
    for (const sql of [change, remove]) {
      await expect(home.prepare(sql).bind(policy.id).run()).rejects.toThrow("append-only");
    }
    await call("DELETE", path, { key });
    expect((await call("GET", `${path}/history`, { key })).status).toBe(200);
    const { body: keys } = await call("GET", `/keys?tenant=${tenantId}`);
    for (const { id } of keys.items) await call("DELETE", `/keys/${id}`);
    expect((await call("DELETE", `/tenants/${tenantId}`)).status).toBe(204);
    expect((await call("GET", `${path}/history`)).status).toBe(404);
    expect((await call("POST", `${path}/revert`, { body: { revision: 2 } })).status).toBe(404);
  });
});

describe("a revert", () => {
  it("writes the old document as a new version, under the policy's own id and age", async () => {
    const { key, path, policy, author } = await newPolicy();
    await call("PUT", path, { key, body: { ...minimalPolicy, name: "New" } });
    const reverted = await call("POST", `${path}/revert`, { key, body: { revision: 2 } });
    expect(reverted).toMatchObject({
      status: 200,
      body: { id: policy.id, name: policy.name, createdAt: policy.createdAt, revision: 4 },
    });
    expect(reverted.headers.get("portcullis-revision")).toBe("4");
    expect(reverted.body.updatedAt > policy.updatedAt).toBe(true);
    const now = await call("GET", path, { key });
    expect(now.body).toEqual({ ...policy, updatedAt: reverted.body.updatedAt, revision: undefined });
    expect(now.headers.get("etag")).toBe(reverted.headers.get("etag"));
    const { body } = await call("GET", `${path}/history`, { key });
    expect(body.items[0]).toMatchObject({ operation: "revert", revertedTo: 2, author, revision: 4 });
    expect(body.items[0].changes).toEqual([{ path: "/name", before: "New", after: policy.name }]);
  });

  it("restores a policy that was deleted", async () => {
    const { key, path, policy } = await newPolicy();
    await call("DELETE", path, { key });
    const body = { revision: 2 };
    const conditional = await call("POST", `${path}/revert`, { key, body, headers: { "if-match": "*" } });
    expect(conditional).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
    expect(conditional.headers.has("etag")).toBe(false);
    expect((await call("POST", `${path}/revert`, { key, body })).status).toBe(200);
    expect((await call("GET", path, { key })).body).toMatchObject({ id: policy.id, scope: policy.scope });
  });

  it("is refused to what the history does not hold, to a deletion, and to what means nothing now", async () => {
    const { key, path, policy } = await newPolicy();
    const revert = (revision: number) => call("POST", `${path}/revert`, { key, body: { revision } });
    expect(await revert(3)).toMatchObject({ status: 404, body: { code: "not_found", field: "revision" } });
    await call("DELETE", path, { key });
    expect(await revert(3)).toMatchObject({ status: 422, body: { code: "meaningless", field: "revision" } });

    const rows: readonly (readonly [object, object])[] = [
      [{ effect: "deny", constraints: { maxTokensPerDay: 5 } }, { code: "meaningless" }],
      [{ constraints: { ofAnotherTime: true } }, { code: "meaningless", field: "revision" }],
      [{ actions: [] }, { code: "meaningless", field: "revision" }],
    ];
    for (const [index, [old, refusal]] of rows.entries()) {
      await home
        .prepare(
          `INSERT INTO policy_history (policy_id, revision, scope, operation, at, document_after)
            VALUES (?1, ?2, ?3, 'update', ?4, ?5)`,
        )
        .bind(
          policy.id,
          100 + index,
          policy.scope,
          policy.updatedAt,
          JSON.stringify({ ...policy, revision: undefined, ...old }),
        )
        .run();
      expect(await revert(100 + index)).toMatchObject({ status: 422, body: refusal });
    }
    expect((await call("GET", path, { key })).status).toBe(404);
  });
});
