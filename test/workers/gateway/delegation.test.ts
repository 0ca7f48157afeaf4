/**
 * Exchanged tokens through the real gateway and ledgers: what a child may, whom it charges, and that it ends with whatever
 * it comes from.
 */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { RecordQueue } from "../../../src/audit/record-delivery.ts";
import { createRefreshRoutes } from "../../../src/gateway/refresh.routes.ts";
import {
  createTokenExchangeRoutes,
  type ExchangeRoutePorts,
} from "../../../src/gateway/token-exchange.routes.ts";
import type { AgentLedgers } from "../../../src/quota/ledgers.ts";
import { athOf, claimsOf, type Holder, headerOf, holders } from "../../unit/capability/proof-fixture.ts";
import {
  admin,
  askEnforce,
  call,
  codeOf,
  completion,
  control,
  frankfurt,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
const codeOfCall = async (
  token: string,
  overrides: Parameters<typeof call>[1] = {},
  headers: Record<string, string> = {},
): Promise<string> => {
  const response = await call({ deployment: "gpt", token }, { azure, ...overrides }, { headers });
  return response.ok ? "allowed" : codeOf(response);
};
const revoke = (body: object) => admin("POST", "/v1/tokens/revoke", body);
const introspected = (token: string) => admin("POST", "/v1/tokens/introspect", { token });

const CHAT = "https://gateway.test/openai/deployments/gpt/chat/completions";
const EXCHANGE = "https://gateway.test/v1/tokens/exchange";
const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

async function exchange(
  token: string,
  body: object = {},
  { cf = frankfurt, ...overrides }: Partial<ExchangeRoutePorts> & { readonly cf?: object } = {},
  credentials: Record<string, string> = { authorization: `Bearer ${token}` },
) {
  const init = {
    method: "POST",
    headers: { ...credentials, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: GRANT, ...body }),
    cf,
  };
  const request = new Request(EXCHANGE, init as RequestInit); // `cf` is the platform's own.
  const response = await createTokenExchangeRoutes(async () => ({ ...ports, ...overrides })).fetch(request);
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, ...answer, jti: answer.jti, token: String(answer.access_token) };
}

/** A queue that takes all. */
function keptRecords() {
  const sent: AuditRecord[] = [];
  const records: RecordQueue = {
    async send(_home, record) {
      sent.push(record);
      return true;
    },
  };
  return { sent, records };
}

const limited = (constraints: object) => [
  { type: "model_invocation", actions: ["chat"], locations: ["*"], constraints },
];

interface Keys {
  readonly agentKey?: Holder;
  readonly actorKey?: Holder;
}

/** An agent whose tokens may be exchanged, and a sub-agent of the same tenant. */
async function newFamily(constraints?: object, { agentKey, actorKey }: Keys = {}, more: object = {}) {
  const caller = await newCaller();
  const { agentId, tenantId } = caller;
  if (agentKey) await admin("PATCH", `/v1/agents/${agentId}`, { publicKey: agentKey.publicKey });
  const details = constraints === undefined ? {} : { authorizationDetails: limited(constraints) };
  const wanted = { agentId, delegation: { maxDepth: 3 }, ...details, ...more };
  const root = await admin("POST", "/v1/tokens", wanted);
  const subAgent = await admin("POST", "/v1/agents", {
    name: "sub-agent",
    tenantId,
    ...(actorKey ? { publicKey: actorKey.publicKey } : {}),
  });
  return { ...caller, root: String(root.token), rootId: String(root.jti), actor: String(subAgent.id) };
}

it("a child calls for its parent's agent, as whom it acts, and its record says so", async () => {
  const { root, rootId, actor, agentId, tenantId } = await newFamily();
  const child = await exchange(root, { actor, expires_in: 60, max_depth: 1 });
  expect(child).toMatchObject({
    status: 200,
    issued_token_type: ACCESS_TOKEN,
    token_type: "Bearer",
    expires_in: 60,
  });
  const grandchild = await exchange(child.token, { authorization_details: limited({ maxOutputTokens: 20 }) });
  expect(await introspected(grandchild.token)).toMatchObject({
    active: true,
    client_id: agentId,
    tid: tenantId,
    act: { sub: actor, act: { sub: actor } },
    del_depth: 2,
    del_max_depth: 2,
  });

  const { sent, records } = keptRecords();
  expect(await codeOfCall(grandchild.token, { records })).toBe("allowed");
  const [decision] = sent.filter(({ kind }) => kind === "decision");
  expect(decision).toMatchObject({
    agentId,
    tokenId: grandchild.jti,
    delegation: { actors: [actor, actor], ancestors: [rootId, child.jti] },
  });
  const forwarded = JSON.parse(String(azure.requests.at(-1)?.body)) as Record<string, unknown>;
  expect(forwarded).toMatchObject({ max_tokens: 20 });
  const enforced = await askEnforce({ capabilityToken: grandchild.token });
  expect(await enforced.json()).toMatchObject({ decision: "allowed" });
});

it("is asked for with the form parameters of the RFC, the parent among them", async () => {
  const { root, actor } = await newFamily();
  const form = new URLSearchParams({
    grant_type: GRANT,
    subject_token: root,
    subject_token_type: ACCESS_TOKEN,
    actor,
    expires_in: "30",
    authorization_details: JSON.stringify(limited({ maxTokensPerDay: 100 })),
  });
  const response = await createTokenExchangeRoutes(async () => ports).fetch(
    new Request("https://gateway.test/v1/tokens/exchange", {
      method: "POST",
      body: form,
      cf: frankfurt,
    } as RequestInit),
  );
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toMatchObject({
    expires_in: 30,
    authorization_details: limited({ maxTokensPerDay: 100 }),
  });
});

it("two children in parallel never spend more of their parent's limit than there is", async () => {
  const { root, actor } = await newFamily({ maxRequestsPerDay: 5 });
  const narrowed = { actor, authorization_details: limited({ maxRequestsPerDay: 4 }) };
  const children = await Promise.all([exchange(root, narrowed), exchange(root, narrowed)]);
  const calls = Array.from({ length: 10 }, (_, index) => codeOfCall(children[index % 2]?.token ?? ""));
  const codes = await Promise.all(calls);
  expect(codes.filter((code) => code === "allowed")).toHaveLength(5);
  expect(new Set(codes)).toEqual(new Set(["allowed", "request_quota_exceeded"]));
  expect(await codeOfCall(root)).toBe("request_quota_exceeded");
});

describe("an exchange is refused", () => {
  const codesOf = ({ status, code, field }: Record<string, unknown>) => [status, code, field];

  it("for more than the parent has, for a stranger, and by a token that may not be exchanged", async () => {
    const { root, token, actor } = await newFamily({ maxTokensPerDay: 1_000 });
    const { actor: stranger } = await newFamily();
    const child = await exchange(root, { actor });
    const wider = { authorization_details: limited({ maxTokensPerDay: 1_001 }) };
    const field = "authorization_details[0].constraints.maxTokensPerDay";
    expect(codesOf(await exchange(root, wider))).toEqual([403, "authorization_exceeded", field]);
    expect(codesOf(await exchange(root, { authorization_details: limited({}) }))).toEqual([
      403,
      "authorization_exceeded",
      field,
    ]);
    expect(codesOf(await exchange(root, { actor: stranger }))).toEqual([404, "not_found", "actor"]);
    let readings = 0;
    const late = { clock: () => Date.now() + (readings++ < 2 ? 0 : 3_700_000) };
    expect(codesOf(await exchange(root, {}, late))).toEqual([401, "token_expired", undefined]);
    expect(codesOf(await exchange(token))).toEqual([403, "delegation_not_allowed", undefined]);
    expect(codesOf(await exchange(child.token))).toEqual([403, "delegation_not_allowed", undefined]);
    expect(codesOf(await exchange(root, { max_depth: 3 }))).toEqual([
      403,
      "delegation_not_allowed",
      "max_depth",
    ]);
    expect(codesOf(await exchange(`${root.slice(0, -4)}AAAA`))).toEqual([
      401,
      "token_signature_invalid",
      undefined,
    ]);
    const other = { subject_token: token, subject_token_type: ACCESS_TOKEN };
    expect(codesOf(await exchange(root, other))).toEqual([401, "credentials_conflict", undefined]);
  });

  it("where a call would be before its body is read, and what is refused is recorded", async () => {
    const family = await newFamily();
    await newPolicy(family, { kind: "boundary", constraints: { allowedCountries: ["DE"] } });
    const { sent, records } = keptRecords();
    const refused = await exchange(family.root, {}, { records, cf: { ...frankfurt, country: "US" } });
    expect(codesOf(refused)).toEqual([403, "outside_boundary", undefined]);
    const allowed = await exchange(family.root, { actor: family.actor }, { records });
    expect(sent).toMatchObject([
      { kind: "decision", surface: "exchange", decision: "denied", reasons: [{ code: "outside_boundary" }] },
      {
        kind: "decision",
        surface: "exchange",
        decision: "allowed",
        tokenId: family.rootId,
        detail: { child: allowed.jti, actor: family.actor, depth: 1 },
      },
    ]);
    const unrecorded = {
      records: { send: async () => false },
      ledgers: { ...ports.ledgers, keepRecord: async () => ({ ok: false }) as never },
    };
    expect(await exchange(family.root, {}, unrecorded)).toMatchObject({
      status: 503,
      code: "audit_unavailable",
    });
  });
});

it("with a parent, all that comes of it is revoked; with a child, neither parent nor sibling", async () => {
  const { root, actor, agentId } = await newFamily();
  const child = await exchange(root, { actor, max_depth: 1 });
  const sibling = await exchange(root, { actor });
  const grandchild = await exchange(child.token, { actor });
  expect(await revoke({ token: child.token })).toMatchObject({ revoked: "token", jti: child.jti, agentId });
  expect(await codeOfCall(child.token)).toBe("token_revoked");
  expect(await codeOfCall(grandchild.token)).toBe("token_revoked");
  expect(await introspected(grandchild.token)).toEqual({ active: false });
  expect(await exchange(child.token)).toMatchObject({ status: 401, code: "token_revoked" });
  expect(await codeOfCall(sibling.token)).toBe("allowed");
  await revoke({ token: root });
  expect(await codeOfCall(sibling.token)).toBe("token_revoked");
  expect(await introspected(sibling.token)).toEqual({ active: false });
});

it("a child made after a moment ends with its parent that was issued before it", async () => {
  const { root, agentId, tenantId } = await newFamily();
  // A second later, as the token's own clock counts.
  const clock = () => Date.now() + 1_500;
  const child = await exchange(root, {}, { clock });
  const before = new Date(Date.now() + 1_000).toISOString();
  expect(await codeOfCall(child.token, { clock })).toBe("allowed");
  const told = {
    v: 1,
    home: "global",
    tenantId,
    agentId,
    tokens: [],
    notBeforeMs: Date.parse(before),
  } as unknown;
  await ports.ledgers.revokeTokens(told as Parameters<AgentLedgers["revokeTokens"]>[0]);
  expect(await codeOfCall(child.token, { clock })).toBe("token_revoked");
});

it.each(["disabled", "deleted"])(
  "a sub-agent that is %s acts with no token any more, and is given none",
  async (how) => {
    const { root, actor } = await newFamily();
    const child = await exchange(root, { actor, max_depth: 1 });
    const grandchild = await exchange(child.token);
    const own = await exchange(root);
    expect(await codeOfCall(grandchild.token)).toBe("allowed");
    if (how === "deleted") expect((await control("DELETE", `/v1/agents/${actor}`)).status).toBe(204);
    else await admin("PATCH", `/v1/agents/${actor}`, { status: "disabled" });
    expect(await codeOfCall(child.token)).toBe("token_revoked");
    expect(await codeOfCall(grandchild.token)).toBe("token_revoked");
    expect(await codeOfCall(own.token)).toBe("allowed");
    const code = how === "deleted" ? "not_found" : "agent_disabled";
    expect(await exchange(root, { actor })).toMatchObject({ code, field: "actor" });
    if (how === "deleted") return;
    await admin("PATCH", `/v1/agents/${actor}`, { status: "active" });
    expect(await codeOfCall(child.token)).toBe("token_revoked");
    expect(await codeOfCall((await exchange(root, { actor })).token)).toBe("allowed");
  },
);

it("all that is revoked of a sub-agent is also what it acts with, and nothing that it is given afterwards", async () => {
  const { root, actor } = await newFamily();
  const child = await exchange(root, { actor, max_depth: 1 });
  const grandchild = await exchange(child.token);
  const own = await exchange(root);
  const longAgo = new Date(Date.now() - 7_200_000).toISOString();
  await admin("POST", "/v1/tokens/revoke", { agentId: actor, before: longAgo });
  expect(await codeOfCall(grandchild.token)).toBe("allowed");
  await admin("POST", "/v1/tokens/revoke", { agentId: actor });
  expect(await codeOfCall(child.token)).toBe("token_revoked");
  expect(await codeOfCall(grandchild.token)).toBe("token_revoked");
  expect(await codeOfCall(own.token)).toBe("allowed");
  expect(await codeOfCall((await exchange(root, { actor })).token)).toBe("allowed");
});

it("a ledger of before, which looks at no ancestors, lets no child through", async () => {
  const { root, actor } = await newFamily();
  const child = await exchange(root, { actor, max_depth: 1 });
  const released: unknown[] = [];
  const ledgers: AgentLedgers = {
    ...ports.ledgers,
    reserve: async (request) => withoutAncestors(await ports.ledgers.reserve(request)),
    confirm: async (request) => withoutAncestors(await ports.ledgers.confirm(request)),
    settle: (request) => {
      released.push(request.outcome.kind);
      return ports.ledgers.settle(request);
    },
  };
  expect(await codeOfCall(child.token, { ledgers })).toBe("ledger_unavailable");
  expect(released).toEqual(["released"]);
  expect(await exchange(child.token, {}, { ledgers })).toMatchObject({ code: "ledger_unavailable" });
  expect(await codeOfCall(root, { ledgers })).toBe("allowed");
});

function withoutAncestors<R>(reply: R): R {
  const text = JSON.stringify(reply, (key, value) => (key === "ancestorsHeld" ? undefined : value));
  return JSON.parse(text) as R;
}

describe("of agents with keys", () => {
  const { EdDSA, ES256 } = holders;
  const prove = async (holder: Holder, token: string, htu: string) => {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = await claimsOf({ jti: crypto.randomUUID(), htu, iat, ath: await athOf(token) });
    return holder.sign(headerOf(holder), claims);
  };
  const provenCall = async (token: string, holder: Holder) =>
    codeOfCall(token, {}, { dpop: await prove(holder, token, CHAT) });
  const provenExchange = async (token: string, holder: Holder, body: object = {}) =>
    exchange(token, body, {}, { authorization: `DPoP ${token}`, dpop: await prove(holder, token, EXCHANGE) });

  it("a bound parent is exchanged with a proof for that URL alone, once, and its child is bound as well", async () => {
    const { root, actor } = await newFamily(undefined, { agentKey: EdDSA });
    const inBody = { actor, subject_token: root, subject_token_type: ACCESS_TOKEN };
    expect(await exchange(root, { actor })).toMatchObject({ status: 401, code: "proof_missing" });
    expect(await exchange(root, inBody, {}, {})).toMatchObject({ status: 401, code: "proof_missing" });
    const elsewhere = { dpop: await prove(EdDSA, root, CHAT) };
    expect(await exchange(root, inBody, {}, elsewhere)).toMatchObject({ code: "proof_request_mismatch" });
    const once = { dpop: await prove(EdDSA, root, EXCHANGE) };
    const child = await exchange(root, inBody, {}, once);
    expect(child).toMatchObject({ status: 200, token_type: "DPoP" });
    expect(await exchange(root, inBody, {}, once)).toMatchObject({ status: 401, code: "proof_replayed" });
    expect((await provenExchange(root, EdDSA, { actor })).status).toBe(200);

    expect(await introspected(child.token)).toMatchObject({
      token_type: "DPoP",
      cnf: { jkt: EdDSA.thumbprint },
    });
    expect(await codeOfCall(child.token)).toBe("proof_missing");
    expect(await provenCall(child.token, EdDSA)).toBe("allowed");
  });

  it("a sub-agent's own key is the one that its child is bound to", async () => {
    const { root, actor, agentId } = await newFamily(undefined, { agentKey: EdDSA, actorKey: ES256 });
    const child = await provenExchange(root, EdDSA, { actor, max_depth: 1 });
    expect(await introspected(child.token)).toMatchObject({ cnf: { jkt: ES256.thumbprint } });
    expect(await provenCall(child.token, EdDSA)).toBe("proof_key_mismatch");
    expect(await provenCall(child.token, ES256)).toBe("allowed");
    expect(await provenExchange(child.token, EdDSA)).toMatchObject({ code: "proof_key_mismatch" });
    const own = await provenExchange(child.token, ES256);
    expect(await provenCall(own.token, ES256)).toBe("allowed");
    // Back to the agent itself, whose key is another one.
    const back = await provenExchange(child.token, ES256, { actor: agentId });
    expect(await provenCall(back.token, EdDSA)).toBe("allowed");
  });

  it("what a sub-agent acts with ends with another key of its own, and is bound to that when it is given anew", async () => {
    const { root, actor } = await newFamily();
    const bearer = await exchange(root, { actor, max_depth: 1 });
    const further = await exchange(bearer.token);
    expect(await codeOfCall(further.token)).toBe("allowed");
    const own = await exchange(root);
    await admin("PATCH", `/v1/agents/${actor}`, { name: "renamed" });
    expect(await codeOfCall(bearer.token)).toBe("allowed");
    await admin("PATCH", `/v1/agents/${actor}`, { publicKey: ES256.publicKey });
    expect(await codeOfCall(bearer.token)).toBe("token_revoked");
    expect(await codeOfCall(further.token)).toBe("token_revoked");
    expect(await codeOfCall(own.token)).toBe("allowed");
    const bound = await exchange(root, { actor });
    expect(bound).toMatchObject({ token_type: "DPoP" });
    expect(await provenCall(bound.token, ES256)).toBe("allowed");
    await admin("PATCH", `/v1/agents/${actor}`, { publicKey: null });
    expect(await provenCall(bound.token, ES256)).toBe("token_revoked");
  });
});

describe("of a parent that is refreshed", () => {
  const refresh = async (token: string, laterSeconds = 2) => {
    const clock = () => Date.now() + laterSeconds * 1_000;
    const init = { method: "POST", headers: { "api-key": token } };
    const request = new Request("https://gateway.test/v1/tokens/refresh", init);
    const response = await createRefreshRoutes(async () => ({ ...ports, clock })).fetch(request);
    const { token: next, jti, code } = (await response.json()) as Record<string, unknown>;
    return { token: String(next), jti: String(jti), code };
  };
  const refreshable = (constraints?: object) => newFamily(constraints, {}, { refreshableFor: 3_600 });

  it("the children go on, count at the first of its chain, and cannot be refreshed themselves", async () => {
    const { root, actor } = await refreshable({ maxRequestsPerDay: 4 });
    const before = await exchange(root, { actor });
    const next = await refresh(root);
    expect(await introspected(next.token)).toMatchObject({ del_depth: 0, del_max_depth: 3 });
    const after = await exchange(next.token, { actor });
    expect((await refresh(after.token)).code).toBe("token_not_refreshable");
    expect(await introspected(before.token)).toMatchObject({ active: true });
    const family = [before.token, next.token, after.token];
    expect(await codeOfCall(root)).toBe("token_refreshed");
    for (const token of [...family, before.token]) expect(await codeOfCall(token)).toBe("allowed");
    for (const token of family) expect(await codeOfCall(token)).toBe("request_quota_exceeded");
  });

  it.each(["first", "second", "last"])(
    "they all end with its chain, by the %s token of that",
    async (which) => {
      const { root, rootId, actor, agentId } = await refreshable();
      const before = await exchange(root, { actor });
      const second = await refresh(root);
      const between = await exchange(second.token, { actor });
      const last = await refresh(second.token, 4);
      const after = await exchange(last.token, { actor });
      const children = [before.token, between.token, after.token];
      for (const token of children) expect(await codeOfCall(token)).toBe("allowed");
      const jti = { first: rootId, second: second.jti, last: last.jti }[which];
      await revoke({ jti, agentId });
      for (const token of children) {
        expect(await codeOfCall(token)).toBe("token_revoked");
        expect(await introspected(token)).toEqual({ active: false });
      }
    },
  );
});
