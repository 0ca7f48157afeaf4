// A token that was revoked opens nothing once that has answered: for every kind of call, and after a restart.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { sweepRevocations } from "../../../src/admin/sweep-revocations.ts";
import { createTokenRefreshStore } from "../../../src/admin/token-refreshes.store.ts";
import { createTokenRevocationStore } from "../../../src/admin/token-revocations.store.ts";
import { configOf, homeStoresOf } from "../../../src/bindings.ts";
import { createDelegationStore } from "../../../src/capability/delegations.store.ts";
import { TOKEN_EXCHANGE } from "../../../src/capability/oauth-metadata.ts";
import { compose } from "../../../src/compose.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { createRefreshRoutes } from "../../../src/gateway/refresh.routes.ts";
import { createTokenExchangeRoutes } from "../../../src/gateway/token-exchange.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { ok } from "../../../src/kernel/result.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { jwksText, newPrivateJwk } from "../../unit/capability/token-fixture.ts";
import {
  admin,
  adminKey,
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
      delegations: createDelegationStore({ dbOf: () => db }),
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
    [],
  );
  const delegations = createDelegationStore({ dbOf: () => db });
  const deps = {
    tokenRevocations: store,
    tokenRefreshes,
    delegations,
    agentLedgers: down,
    clock: () => Date.now(),
  };
  await sweepRevocations(deps, "global");
  const left = await store.unacknowledged("global", null, 10);
  expect(left).toEqual(ok([expect.objectContaining({ agentId: caller.agentId, tokenId: null })]));
});

describe("a signing key", async () => {
  const secret = jwksText(await newPrivateJwk(), await newPrivateJwk());
  /** Another isolate of a gateway with two keys: it shares stores and ledgers with the first one, and no memory. */
  const isolate = async () => {
    const { controlPlane, gateway, publishedKeys } = await compose(
      { ...env, SIGNING_KEYS: secret },
      async () => {},
    );
    const ask = async (method: string, path: string, body?: unknown) => {
      const headers = { "x-api-key": adminKey, "content-type": "application/json" };
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      const response = await controlPlane.fetch(new Request(`https://gateway.test${path}`, init));
      // biome-ignore lint/suspicious/noExplicitAny: answers are looked at member by member.
      return { status: response.status, headers: response.headers, body: (await response.json()) as any };
    };
    return {
      ask,
      gateway,
      publishedKeys,
      async codeOfCall(caller: Pick<Caller, "deployment" | "token">) {
        const response = await call(caller, { ...gateway, azure });
        return response.ok ? "allowed" : `${response.status} ${await codeOf(response)}`;
      },
    };
  };
  const [one, two] = [await isolate(), await isolate()];
  const states = async () => {
    const { body } = await one.ask("GET", "/v1/keys/signing");
    return body.keys.filter(({ inSecret }: { inSecret: boolean }) => inSecret);
  };
  const [first, second] = (await states()).map(({ keyId }: { keyId: string }) => keyId);
  const newToken = async ({ agentId }: Pick<Caller, "agentId">, more: object = {}) => {
    const { status, body } = await one.ask("POST", "/v1/tokens", { agentId, ...more });
    return status === 201
      ? { token: body.token, signedBy: decodeProtectedHeader(body.token).kid }
      : body.code;
  };
  const kill = (keyId: string) => two.ask("POST", `/v1/keys/signing/${keyId}/kill`, { reason: "leaked" });

  /** What the holder of a token makes of it, so much later: a refresh in the second of its issue would lengthen nothing. */
  const madeOf = async (token: string, what: "refresh" | "exchange", laterMs = 2_000) => {
    const { gateway } = await isolate();
    const ports = { ...gateway, clock: () => Date.now() + laterMs };
    const app =
      what === "refresh"
        ? createRefreshRoutes(async () => ports)
        : createTokenExchangeRoutes(async () => ports);
    const init = {
      method: "POST",
      headers: { "api-key": token, "content-type": "application/json" },
      ...(what === "refresh" ? {} : { body: JSON.stringify({ grant_type: TOKEN_EXCHANGE }) }),
    };
    const response = await app.fetch(new Request(`https://gateway.test/v1/tokens/${what}`, init));
    const answer = (await response.json()) as Record<string, unknown>;
    return String(answer.token ?? answer.access_token ?? answer.code);
  };
  const signerOf = (token: string) => decodeProtectedHeader(token).kid;
  const caller = await newCaller();
  /** By the first key, before another one is promoted. */
  const early = { refreshableFor: 3_600, delegation: { maxDepth: 1 } };
  const root = await newToken(caller, early);

  it("signs until another is promoted, which caches must know first; what it signed stays good", async () => {
    const before = await newToken(caller);
    expect(before.signedBy).toBe(first);
    const early = await one.ask("POST", "/v1/keys/signing/rotate", {});
    expect([early.status, early.body.code]).toEqual([409, "key_published_too_recently"]);
    const rotated = await one.ask("POST", "/v1/keys/signing/rotate", { forceReason: "a test" });
    expect(rotated.body).toMatchObject({ signingKeyId: second, revision: expect.any(Number) });
    expect(rotated.headers.get("portcullis-revision")).toBe(String(rotated.body.revision));
    expect((await newToken(caller)).signedBy).toBe(second);
    expect(await two.codeOfCall({ ...caller, token: before.token })).toBe("allowed");
    expect((await states()).map(({ state }: { state: string }) => state)).toEqual(["retired", "signing"]);
  });

  it("that is killed takes along what was refreshed or exchanged from its tokens under another one", async () => {
    const child = await madeOf(root.token, "exchange");
    const refreshed = await madeOf(root.token, "refresh");
    const grandchild = await madeOf(refreshed, "exchange");
    const family = [child, refreshed, grandchild];
    const own = await newToken(caller);
    expect([root.signedBy, ...family.map(signerOf)]).toEqual([first, second, second, second]);
    const told = (token: string) => two.codeOfCall({ ...caller, token });
    const active = async (token: string) => (await two.ask("POST", "/v1/tokens/introspect", { token })).body;
    expect(await Promise.all(family.map(told))).toEqual(["allowed", "allowed", "allowed"]);
    expect((await kill(first)).status).toBe(200);
    const { codeOfCall } = await isolate();
    for (const token of family) {
      expect(await told(token)).toBe("401 token_key_withdrawn");
      expect(await codeOfCall({ ...caller, token })).toBe("401 token_key_withdrawn");
      expect(await active(token)).toEqual({ active: false });
    }
    expect(await madeOf(refreshed, "refresh", 4_000)).toBe("token_key_withdrawn");
    expect(await madeOf(refreshed, "exchange")).toBe("token_key_withdrawn");
    expect(await told(own.token)).toBe("allowed");
  });

  it("that is killed under traffic opens nothing once that has answered, in any isolate, for any kind of call", async () => {
    const caller = await newCaller();
    const { token } = await newToken(caller);
    const killed = { ...caller, token };
    let answered = false;
    const told: { readonly late: boolean; readonly code: string }[] = [];
    const traffic = [one, two, two].map(async ({ codeOfCall }) => {
      for (let after = 0; after < 3; ) {
        const late = answered;
        told.push({ late, code: await codeOfCall(killed) });
        // An isolate that has heard of the kill refuses without any I/O, and would leave no time for others' timers.
        await new Promise((resolve) => setTimeout(resolve, 0));
        if (late) after += 1;
      }
    });
    expect((await kill(second)).body).toMatchObject({ signingKeyId: null });
    answered = true;
    await Promise.all(traffic);
    expect(told.filter(({ late, code }) => late && code !== "401 token_key_withdrawn")).toEqual([]);
    expect(told[0]).toEqual({ late: false, code: "allowed" });

    // One that has heard of nothing yet, and one that has: it asks no ledger and writes no record any more.
    const cold = await isolate();
    const sent = azure.requests.length;
    expect(await cold.codeOfCall(killed)).toBe("401 token_key_withdrawn");
    const refused = await call(killed, {
      ...cold.gateway,
      azure,
      snapshots: { ...cold.gateway.snapshots, load: () => Promise.reject(new Error("not asked")) },
    });
    expect([refused.status, await codeOf(refused)]).toEqual([401, "token_key_withdrawn"]);
    const fresh = await isolate();
    const list = await createDataPlane(async () => fresh.gateway).fetch(
      new Request("https://gateway.test/openai/v1/models", { headers: { "api-key": token } }),
    );
    expect([list.status, await codeOf(list)]).toEqual([401, "token_key_withdrawn"]);
    for (const { gateway } of [two, await isolate()]) {
      const enforced = await askEnforce({ capabilityToken: token }, gateway);
      expect(await enforced.json()).toMatchObject({
        decision: "denied",
        reasons: [{ code: "token_key_withdrawn" }],
      });
    }
    expect(azure.requests).toHaveLength(sent);
    const { ask, publishedKeys } = await isolate();
    expect((await ask("POST", "/v1/tokens/introspect", { token })).body).toEqual({ active: false });
    const published = await publishedKeys();
    expect(published.ok && published.value.keys.map(({ kid }) => kid)).not.toContain(second);
  });

  it("is never used to sign again, and killing it again changes nothing", async () => {
    const caller = await newCaller();
    expect(await newToken(caller)).toBe("signing_keys_ended");
    const before = await states();
    expect((await kill(second)).status).toBe(200);
    expect(await states()).toEqual(before);
    expect((await one.ask("POST", "/v1/keys/signing/rotate", { keyId: second })).body.code).toBe(
      "key_state_conflict",
    );
    expect((await kill("x".repeat(43))).status).toBe(404);
    // Neither a mistake nor a bug takes a withdrawal back: the database itself refuses.
    const undo = "UPDATE signing_keys SET state = 'published' WHERE key_id = ?1";
    for (const keyId of [first, second])
      await expect(env.PLATFORM_DB.prepare(undo).bind(keyId).run()).rejects.toThrow(/stays withdrawn/);
    await expect(
      env.PLATFORM_DB.prepare("DELETE FROM signing_keys WHERE key_id = ?1").bind(second).run(),
    ).rejects.toThrow(/are kept/);
  });

  it("leaves a record of each change, with its reason", async () => {
    const rows = await env.PLATFORM_DB.prepare(
      "SELECT record FROM outbox WHERE record LIKE '%signing_key.%' ORDER BY n",
    ).all<{ record: string }>();
    const records = rows.results.map(({ record }) => JSON.parse(record));
    expect(records.map(({ operation, objectId, reason }) => [operation, objectId, reason])).toEqual([
      ["signing_key.rotate", second, "a test"],
      ["signing_key.kill", first, "leaked"],
      ["signing_key.kill", second, "leaked"],
      ["signing_key.kill", second, "leaked"],
    ]);
  });
});
