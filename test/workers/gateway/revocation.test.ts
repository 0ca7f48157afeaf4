// A token that was revoked opens nothing once that has answered: for every kind of call, and after a restart.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sweepRevocations } from "../../../src/admin/sweep-revocations.ts";
import { createTokenRefreshStore } from "../../../src/admin/token-refreshes.store.ts";
import { createTokenRevocationStore } from "../../../src/admin/token-revocations.store.ts";
import { configOf, homeStoresOf } from "../../../src/bindings.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { ok } from "../../../src/kernel/result.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import {
  admin,
  askEnforce,
  call,
  codeOf,
  completion,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

type Caller = Awaited<ReturnType<typeof newCaller>>;

const azure = scriptedAzure(() => completion());
const codeOfCall = async (caller: Pick<Caller, "deployment" | "token">): Promise<string> => {
  const response = await call(caller, { azure });
  return response.ok ? "allowed" : codeOf(response);
};
const issued = async ({ agentId }: Pick<Caller, "agentId">) => {
  const { token, jti } = await admin("POST", "/v1/tokens", { agentId });
  return { token: String(token), jti: String(jti) };
};
const revoke = (body: object) => admin("POST", "/v1/tokens/revoke", body);

const ledgerOf = async ({ tenantId, agentId }: Caller) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(configOf(env).ledgerNameSecret, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );

describe("one token", () => {
  it.each(["its text", "its id"])("by %s is refused from then on, and no other one", async (by) => {
    const caller = await newCaller();
    const { token, jti } = await issued(caller);
    expect(await codeOfCall({ ...caller, token })).toBe("allowed");
    const answer = await revoke(by === "its text" ? { token } : { jti, agentId: caller.agentId });
    expect(answer).toMatchObject({
      revoked: "token",
      jti,
      agentId: caller.agentId,
      tenantId: caller.tenantId,
    });
    const sent = azure.requests.length;
    const refused = await call({ ...caller, token }, { azure });
    expect([refused.status, await codeOf(refused)]).toEqual([401, "token_revoked"]);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(azure.requests).toHaveLength(sent);
    expect(await codeOfCall(caller)).toBe("allowed");
  });

  it("stays so when its ledger starts again, and is not active", async () => {
    const caller = await newCaller();
    await revoke({ token: caller.token });
    await evictDurableObject(await ledgerOf(caller));
    expect(await codeOfCall(caller)).toBe("token_revoked");
    expect(await admin("POST", "/v1/tokens/introspect", { token: caller.token })).toEqual({ active: false });
  });

  it("opens neither the list of models nor /v1/enforce", async () => {
    const caller = await newCaller();
    await revoke({ token: caller.token });
    const list = await createDataPlane(async () => ports).fetch(
      new Request("https://gateway.test/openai/v1/models", { headers: { "api-key": caller.token } }),
    );
    expect([list.status, await codeOf(list)]).toEqual([401, "token_revoked"]);
    const enforced = await askEnforce({ capabilityToken: caller.token });
    expect(await enforced.json()).toMatchObject({ decision: "denied", reasons: [{ code: "token_revoked" }] });
  });
});

it("all tokens of an agent are, and the next one is not, though it is issued in the same second", async () => {
  const caller = await newCaller();
  expect(await revoke({ agentId: caller.agentId })).toMatchObject({ revoked: "tokens_of_agent" });
  expect(await codeOfCall(caller)).toBe("token_revoked");
  const { token } = await issued(caller);
  expect(await codeOfCall({ ...caller, token })).toBe("allowed");
  expect(await admin("POST", "/v1/tokens/introspect", { token })).toMatchObject({
    active: true,
    client_id: caller.agentId,
    tid: caller.tenantId,
  });
});

it("an earlier moment stops less, whichever is told first", async () => {
  const caller = await newCaller();
  await revoke({ agentId: caller.agentId, before: "2026-01-01T00:00:00.000Z" });
  expect(await codeOfCall(caller)).toBe("allowed");
  await revoke({ agentId: caller.agentId });
  await revoke({ agentId: caller.agentId, before: "2026-01-01T00:00:00.000Z" });
  expect(await codeOfCall(caller)).toBe("token_revoked");
  const future = revoke({ agentId: caller.agentId, before: "2999-01-01T00:00:00.000Z" });
  await expect(future).rejects.toThrow(/meaningless/);
});

it("all tokens of a tenant are, and none of another tenant's", async () => {
  const [caller, other] = [await newCaller(), await newCaller()];
  const answer = await revoke({ tenantId: caller.tenantId });
  expect(answer).toMatchObject({ revoked: "tokens_of_tenant", revision: expect.any(Number) });
  expect(await codeOfCall(caller)).toBe("token_revoked");
  expect(await codeOfCall(other)).toBe("allowed");
  // A change of the tenant does not forget it.
  await admin("PUT", `/v1/tenants/${caller.tenantId}`, { name: "renamed" });
  expect(await codeOfCall(caller)).toBe("token_revoked");
  const { token } = await issued(caller);
  expect(await codeOfCall({ ...caller, token })).toBe("allowed");
});

it("what a ledger has not acknowledged is told again by the schedule, and forgotten once it stops nothing", async () => {
  const caller = await newCaller();
  const { jti } = await issued(caller);
  const db = homeStoresOf(env, "global").db;
  await db
    .prepare(
      `INSERT INTO token_revocations (agent_id, token_id, tenant_id, not_before, ends_at)
       VALUES (?1, '', ?2, ?3, ?4), (?1, ?5, ?2, NULL, '2026-01-01T00:00:00.000Z')`,
    )
    .bind(
      caller.agentId,
      caller.tenantId,
      new Date().toISOString(),
      new Date(Date.now() + 3_600_000).toISOString(),
      jti,
    )
    .run();
  const databases = { platform: env.PLATFORM_DB, homes: ["global"] as const, ofHome: () => db };
  await sweepRevocations(
    {
      tokenRevocations: createTokenRevocationStore(databases),
      tokenRefreshes: createTokenRefreshStore(databases),
      agentLedgers: ports.ledgers,
      clock: () => Date.now(),
    },
    "global",
  );
  expect(await codeOfCall(caller)).toBe("token_revoked");
  const rows = await db
    .prepare("SELECT token_id, acknowledged FROM token_revocations WHERE agent_id = ?1")
    .bind(caller.agentId)
    .all();
  expect(rows.results).toEqual([{ token_id: "", acknowledged: 1 }]);
});

it("a ledger that cannot be reached is said, and the revocation stands", async () => {
  const caller = await newCaller();
  const db = homeStoresOf(env, "global").db;
  const databases = { platform: env.PLATFORM_DB, homes: ["global"] as const, ofHome: () => db };
  const store = createTokenRevocationStore(databases);
  const tokenRefreshes = createTokenRefreshStore(databases);
  const down = { revokeTokens: async () => ({ ok: false, error: { code: "ledger_unavailable" } }) as never };
  await store.put(
    {
      home: "global",
      tenantId: TenantId.parse(caller.tenantId),
      agentId: AgentId.parse(caller.agentId),
      tokenId: null,
      notBefore: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
    },
    db.prepare("SELECT 1"),
  );
  const deps = { tokenRevocations: store, tokenRefreshes, agentLedgers: down, clock: () => Date.now() };
  await sweepRevocations(deps, "global");
  const left = await store.unacknowledged("global", null, 10);
  expect(left).toEqual(ok([expect.objectContaining({ agentId: caller.agentId, tokenId: null })]));
});
