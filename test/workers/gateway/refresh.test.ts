// A token is exchanged for its successor: nothing more, nothing lost half-way, and nothing that was stopped comes back.
import { describe, expect, it } from "vitest";
import { TOKEN_EXCHANGE } from "../../../src/capability/oauth-metadata.ts";
import { createRefreshRoutes } from "../../../src/gateway/refresh.routes.ts";
import type { RefreshPorts } from "../../../src/gateway/refresh-token.ts";
import { createTokenExchangeRoutes } from "../../../src/gateway/token-exchange.routes.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import { athOf, claimsOf, headerOf, holders } from "../../unit/capability/proof-fixture.ts";
import { admin, call, codeOf, completion, newCaller, ports, scriptedAzure } from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
const REFRESH = "https://gateway.test/v1/tokens/refresh";
const { tenantId, deployment } = await newCaller();
/** Seconds later, within what a clock may be ahead by: in the second of its issue a token gains nothing. */
const later =
  (seconds = 2) =>
  () =>
    Date.now() + seconds * 1_000;

async function newToken(more: object = {}, agent: object = {}) {
  const { id } = await admin("POST", "/v1/agents", { name: "agent", tenantId, roles: ["analyst"], ...agent });
  const agentId = String(id);
  const issued = await admin("POST", "/v1/tokens", { agentId, refreshableFor: 3_600, ...more });
  return { deployment, agentId, issued, token: String(issued.token) };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers.
type Reply = { readonly status: number; readonly body: any };

async function refresh(
  token: string,
  overrides: Partial<RefreshPorts> = {},
  headers: Record<string, string> = {},
): Promise<Reply> {
  const app = createRefreshRoutes(async () => ({ ...ports, clock: later(), ...overrides }));
  const request = new Request(REFRESH, { method: "POST", headers: { "api-key": token, ...headers } });
  const response = await app.fetch(request);
  return { status: response.status, body: await response.json() };
}
async function exchanged(token: string): Promise<string> {
  const app = createTokenExchangeRoutes(async () => ({ ...ports, clock: later(2) }));
  const body = new URLSearchParams({ grant_type: TOKEN_EXCHANGE });
  const headers = { "api-key": token };
  const response = await app.fetch(
    new Request("https://gateway.test/v1/tokens/exchange", { method: "POST", headers, body }),
  );
  return String((await response.json<{ access_token: string }>()).access_token);
}
const told = async (token: string): Promise<string> => {
  const response = await call({ deployment, token }, { azure });
  return response.ok ? "allowed" : codeOf(response);
};
const claimsIn = (token: string) =>
  JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
const isActive = async (token: string) => (await admin("POST", "/v1/tokens/introspect", { token })).active;

describe("a refreshed token", () => {
  it("opens nothing any more, and its successor what it opened", async () => {
    const once = { type: "model_invocation", actions: ["chat"], locations: ["*"] };
    const limited = [{ ...once, constraints: { maxRequestsPerDay: 2 } }];
    const { token } = await newToken({ authorizationDetails: limited, endUser: "alice", expiresIn: 600 });
    const first = await call({ deployment, token }, { azure });
    expect(first.status).toBe(200);
    expect(Number(first.headers.get("portcullis-token-expires-in"))).toBeGreaterThan(590);
    expect(Number(first.headers.get("portcullis-refresh-after"))).toBeGreaterThan(290);

    const { status, body } = await refresh(token);
    expect(status).toBe(200);
    expect(await told(token)).toBe("token_refreshed");
    const [old, next] = [claimsIn(token), claimsIn(body.token)];
    const { iat, exp, jti, root_jti, root_iat, prior_keys, ...same } = next;
    expect(old).toEqual({
      ...same,
      iat: expect.any(Number),
      exp: expect.any(Number),
      jti: expect.any(String),
    });
    expect([exp - iat, root_jti, root_iat]).toEqual([600, old.jti, old.iat]);
    expect(prior_keys).toEqual([{ kid: expect.any(String), iat: old.iat }]);
    expect(body).toMatchObject({ tokenType: "Bearer", jti, expiresAt: new Date(exp * 1_000).toISOString() });
    expect(await Promise.all([isActive(token), isActive(body.token)])).toEqual([false, true]);
    // Its own limits are its chain's.
    expect(await told(body.token)).toBe("allowed");
    expect(await told(body.token)).toBe("request_quota_exceeded");
  });

  it("is told its successor again for as long as the answer may have been lost", async () => {
    const { token } = await newToken();
    const [first, second] = await Promise.all([refresh(token), refresh(token, { clock: later(4) })]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toEqual(first.body);
    const third = await refresh(first.body.token, { clock: later(4) });
    expect(third.status).toBe(200);
    expect(claimsIn(third.body.token).root_jti).toBe(claimsIn(token).jti);
    expect((await refresh(token)).body.code).toBe("token_refreshed");
    expect(await told(first.body.token)).toBe("token_refreshed");
    expect(await told(third.body.token)).toBe("allowed");
  });

  it.each(["its text", "its id"])("takes all that came of it along when it is revoked by %s", async (by) => {
    const { token, agentId, issued } = await newToken();
    const first = (await refresh(token)).body;
    const second = (await refresh(first.token, { clock: later(4) })).body;
    expect(await told(second.token)).toBe("allowed");
    const middle = { jti: first.jti, agentId };
    const answer = await admin("POST", "/v1/tokens/revoke", by === "its text" ? { token } : middle);
    expect(answer).toMatchObject({ revoked: "token", jti: by === "its text" ? issued.jti : first.jti });
    for (const one of [token, first.token, second.token]) expect(await told(one)).toBe("token_revoked");
    expect((await refresh(second.token, { clock: later(8) })).body.code).toBe("token_revoked");
    expect(await isActive(second.token)).toBe(false);
  });
});

/** Its `iat` lies after the moment from which everything older is revoked; that of the chain it goes on with does not. */
it.each(["agent", "tenant"])(
  "takes a chain along when all of its %s is revoked that was issued before",
  async (whose) => {
    const other = await newCaller();
    const { agentId, tenantId } = other;
    const { token } = await admin("POST", "/v1/tokens", {
      agentId,
      refreshableFor: 3_600,
      delegation: { maxDepth: 1 },
    });
    const successor = (await refresh(String(token))).body.token;
    const child = await exchanged(successor);
    const asked = (token: string) => call({ ...other, token }, { azure });
    for (const one of [successor, child]) expect((await asked(one)).status).toBe(200);
    await admin("POST", "/v1/tokens/revoke", whose === "agent" ? { agentId } : { tenantId });
    for (const one of [successor, child]) expect(await codeOf(await asked(one))).toBe("token_revoked");
    expect((await refresh(successor, { clock: later(6) })).body.code).toBe("token_revoked");
    expect(await isActive(successor)).toBe(false);
  },
);

describe("nothing is lost half-way", () => {
  it.each<[what: string, fault: Partial<RefreshPorts>]>([
    ["its record cannot be written", { noteRefresh: async () => fail(refuse("store_unavailable")) }],
    ["the agent cannot be read", { findAgent: async () => fail(refuse("store_unavailable")) }],
    [
      "the ledger cannot be reached",
      { ledgers: { ...ports.ledgers, refresh: async () => fail(refuse("ledger_unavailable")) } },
    ],
    [
      "policies cannot be read",
      { snapshots: { ...ports.snapshots, load: async () => fail(refuse("snapshot_unavailable")) } },
    ],
  ])("where %s: the token goes on, and the next try is the first one", async (_what, fault) => {
    const { token } = await newToken();
    expect((await refresh(token, fault)).status).toBe(503);
    expect(await told(token)).toBe("allowed");
    const { status, body } = await refresh(token);
    expect([status, await told(body.token)]).toEqual([200, "allowed"]);
  });
});

describe("is refused", () => {
  const codeAfter = async (change: (token: { agentId: string; token: string }) => Promise<unknown>) => {
    const made = await newToken();
    await change(made);
    return (await refresh(made.token)).body.code;
  };

  it("what may not be refreshed, or would not end later", async () => {
    const never = await newToken({ refreshableFor: undefined });
    expect(await refresh(never.token)).toMatchObject({
      status: 403,
      body: { code: "token_not_refreshable" },
    });
    const answer = await call(never, { azure });
    expect(answer.headers.get("portcullis-refresh-after")).toBeNull();
    const last = await newToken({ expiresIn: 60, refreshableFor: 60 });
    expect((await refresh(last.token)).body.code).toBe("token_not_refreshable");
    const nearly = await newToken({ expiresIn: 60, refreshableFor: 61 });
    const { body } = await refresh(nearly.token);
    expect(body.expiresAt).toBe(body.refreshUntil);
    expect((await refresh(body.token, { clock: later(4) })).body.code).toBe("token_not_refreshable");
  });

  it("what was stopped in any way, and an agent that has changed", async () => {
    const patch = (changes: object) =>
      codeAfter(({ agentId }) => admin("PATCH", `/v1/agents/${agentId}`, changes));
    expect(await patch({ status: "disabled" })).toBe("agent_disabled");
    expect(await patch({ roles: ["employee"] })).toBe("token_outdated");
    expect(await patch({ publicKey: holders.EdDSA.publicKey })).toBe("token_outdated");
    expect(await codeAfter(({ agentId }) => admin("DELETE", `/v1/agents/${agentId}`))).toBe("agent_unknown");
    expect(await codeAfter(({ token }) => admin("POST", "/v1/tokens/revoke", { token }))).toBe(
      "token_revoked",
    );
    expect(await codeAfter(({ agentId }) => admin("POST", "/v1/tokens/revoke", { agentId }))).toBe(
      "token_revoked",
    );
    const made = await newToken({ expiresIn: 60 });
    expect((await refresh(made.token, { clock: later(60) })).body.code).toBe("token_expired");
    // Disabled and enabled again, it is another version: what was stopped stays so.
    const woken = await codeAfter(async ({ agentId }) => {
      await admin("PATCH", `/v1/agents/${agentId}`, { status: "disabled" });
      await admin("PATCH", `/v1/agents/${agentId}`, { status: "active" });
    });
    expect(woken).toBe("token_outdated");
  });

  it("all of a tenant whose tokens were revoked, under whichever snapshot it is asked", async () => {
    const other = await newCaller();
    const issue = () => admin("POST", "/v1/tokens", { agentId: other.agentId, refreshableFor: 3_600 });
    const token = String((await issue()).token);
    const capability = await ports.verifier.verify(token, Date.now());
    if (!capability.ok) throw new Error("The token is none.");
    const old = await ports.snapshots.load(capability.value);
    await admin("POST", "/v1/tokens/revoke", { tenantId: other.tenantId });
    const stale: RefreshPorts["snapshots"] = {
      ...ports.snapshots,
      load: (of, atLeast, min) => (atLeast ? ports.snapshots.load(of, atLeast, min) : Promise.resolve(old)),
    };
    expect((await refresh(token, { snapshots: stale })).body.code).toBe("token_revoked");
    const next = String((await issue()).token);
    expect((await refresh(next, { snapshots: stale })).status).toBe(200);
  });
});

it("a bound token needs a proof for this URL, once, and stays bound", async () => {
  const { EdDSA } = holders;
  const { token } = await newToken({}, { publicKey: EdDSA.publicKey });
  const prove = async (of: string, changes: object = {}) => {
    const iat = Math.floor(Date.now() / 1_000);
    const ath = await athOf(of);
    return EdDSA.sign(
      headerOf(EdDSA),
      await claimsOf({ jti: crypto.randomUUID(), htu: REFRESH, iat, ath, ...changes }),
    );
  };
  expect((await refresh(token)).body.code).toBe("proof_missing");
  const other = await prove(token, { htu: "https://gateway.test/v1/enforce" });
  expect((await refresh(token, {}, { dpop: other })).body.code).toBe("proof_request_mismatch");
  const dpop = await prove(token);
  const { status, body } = await refresh(token, {}, { dpop });
  expect([status, body.tokenType]).toEqual([200, "DPoP"]);
  expect(claimsIn(body.token).cnf).toEqual({ jkt: EdDSA.thumbprint });
  expect((await refresh(token, {}, { dpop })).body.code).toBe("proof_replayed");
  // After an answer that was lost, with a new proof.
  expect((await refresh(token, {}, { dpop: await prove(token) })).body).toEqual(body);
});

it("takes POST alone, and no API key for a token", async () => {
  const app = createRefreshRoutes(async () => ports);
  const wrong = await app.fetch(new Request(REFRESH, { method: "GET" }));
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  const none = await app.fetch(new Request(REFRESH, { method: "POST", headers: { "x-api-key": "pk_1" } }));
  expect([none.status, await none.json()]).toMatchObject([401, { code: "token_missing" }]);
});
