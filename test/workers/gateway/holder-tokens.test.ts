// Tokens that are bound to their holder's key: no call without a proof, and no proof for two calls, whatever the ledger goes through.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { configOf } from "../../../src/bindings.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { createUsageReportRoutes } from "../../../src/gateway/usage-report.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { athOf, claimsOf, type Holder, headerOf, holders } from "../../unit/capability/proof-fixture.ts";
import {
  admin,
  adminKey,
  backgroundDone,
  call,
  codeOf,
  completion,
  control,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
const { EdDSA, ES256 } = holders;
const CHAT = "https://gateway.test/openai/deployments/gpt/chat/completions";
const MODELS = "https://gateway.test/openai/v1/models";
const ENFORCE = "https://gateway.test/v1/enforce";
const nowSeconds = () => Math.floor(Date.now() / 1_000);

const { tenantId, deployment } = await newCaller();

/** An agent with a key, and a token that is bound to it. */
async function newHolder(holder: Holder = EdDSA, authorizationDetails?: readonly object[]) {
  const agent = await admin("POST", "/v1/agents", { name: "agent", tenantId });
  const agentId = String(agent.id);
  const before = String((await admin("POST", "/v1/tokens", { agentId })).token);
  await admin("PATCH", `/v1/agents/${agentId}`, { publicKey: holder.publicKey });
  const issued = await admin("POST", "/v1/tokens", { agentId, authorizationDetails });
  return { tenantId, deployment, agentId, before, token: String(issued.token), issued, holder };
}
type Bound = Awaited<ReturnType<typeof newHolder>>;

const prove = async ({ holder, token }: Pick<Bound, "holder" | "token">, changes: object = {}) =>
  holder.sign(
    headerOf(holder),
    await claimsOf({
      jti: crypto.randomUUID(),
      htu: CHAT,
      iat: nowSeconds(),
      ath: await athOf(token),
      ...changes,
    }),
  );

async function chat(
  caller: Pick<Bound, "token" | "deployment">,
  dpop: string | null,
  overrides: Partial<GatewayPorts> = {},
  more: Record<string, string> = {},
): Promise<Response> {
  const headers = { ...(dpop === null ? {} : { dpop }), ...more };
  return call(caller, { azure, ...overrides }, { headers });
}
const told = async (response: Response) => (response.ok ? "allowed" : codeOf(response));
const ledgerOf = async ({ tenantId, agentId }: Bound) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(configOf(env).ledgerNameSecret, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );

describe("an agent that registers a key", () => {
  it.each([EdDSA, ES256])("has no bearer tokens from then on", async (holder) => {
    const caller = await newHolder(holder);
    expect(caller.issued).toMatchObject({ tokenType: "DPoP" });
    expect(await told(await chat({ ...caller, token: caller.before }, null))).toBe("token_outdated");
    const sent = azure.requests.length;
    const bare = await chat(caller, null);
    expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([
      401,
      'DPoP error="invalid_token", algs="EdDSA ES256", resource_metadata="https://portcullis.local/.well-known/oauth-protected-resource"',
    ]);
    expect(await codeOf(bare)).toBe("proof_missing");
    const bearer = { authorization: `Bearer ${caller.token}` };
    expect(await told(await chat(caller, await prove(caller), {}, bearer))).toBe("proof_missing");
    expect(azure.requests).toHaveLength(sent);

    expect(await told(await chat(caller, await prove(caller)))).toBe("allowed");
    const dpop = { authorization: `DPoP ${caller.token}` };
    expect(await told(await chat(caller, await prove(caller), {}, dpop))).toBe("allowed");
    const introspected = await admin("POST", "/v1/tokens/introspect", { token: caller.token });
    expect(introspected).toMatchObject({ token_type: "DPoP", cnf: { jkt: holder.thumbprint } });
  });

  it("has them again when the key is taken away, and none that was bound", async () => {
    const caller = await newHolder();
    const changed = await admin("PATCH", `/v1/agents/${caller.agentId}`, { publicKey: null });
    expect(changed).toMatchObject({ publicKey: null, version: 3 });
    expect(await told(await chat(caller, await prove(caller)))).toBe("token_outdated");
    const { token, tokenType } = await admin("POST", "/v1/tokens", { agentId: caller.agentId });
    expect(tokenType).toBe("Bearer");
    const unbound = { ...caller, token: String(token) };
    expect(await told(await chat(unbound, null))).toBe("allowed");
    expect(await told(await chat(unbound, await prove(unbound)))).toBe("proof_unexpected");
  });

  it("keeps it in one form, and changes nothing by naming it again", async () => {
    const { agentId, holder } = await newHolder();
    const again = { ...holder.publicKey, use: "sig", alg: "EdDSA" };
    expect(await admin("PATCH", `/v1/agents/${agentId}`, { publicKey: again })).toMatchObject({
      publicKey: holder.publicKey,
      version: 2,
    });
    const off = { kty: "EC", crv: "P-256", x: holder.publicKey.x, y: holder.publicKey.x };
    const refused = await control("PATCH", `/v1/agents/${agentId}`, { publicKey: off });
    expect([refused.status, await refused.json()]).toMatchObject([422, { field: "publicKey" }]);
  });
});

describe("a proof", () => {
  it("lets one call through, allowed or refused, and no second one", async () => {
    const once = { type: "model_invocation", actions: ["chat"], locations: ["*"] };
    const caller = await newHolder(EdDSA, [{ ...once, constraints: { maxRequestsPerDay: 1 } }]);
    const used = await prove(caller);
    expect(await told(await chat(caller, used))).toBe("allowed");
    const replayed = await chat(caller, used);
    expect([replayed.status, replayed.headers.get("www-authenticate")]).toEqual([
      401,
      'DPoP error="invalid_dpop_proof", algs="EdDSA ES256", resource_metadata="https://portcullis.local/.well-known/oauth-protected-resource"',
    ]);
    expect(await codeOf(replayed)).toBe("proof_replayed");
    const refused = await prove(caller);
    expect(await told(await chat(caller, refused))).toBe("request_quota_exceeded");
    expect(await told(await chat(caller, refused))).toBe("proof_replayed");
    const unknown = await prove(caller, { htu: CHAT.replace("gpt", "nothing") });
    const elsewhere = { ...caller, deployment: "nothing" };
    expect(await told(await chat(elsewhere, unknown))).toBe("deployment_unknown");
    expect(await told(await chat(elsewhere, unknown))).toBe("proof_replayed");
  });

  it("is for one of many calls at once", async () => {
    const caller = await newHolder();
    const dpop = await prove(caller);
    const all = await Promise.all(Array.from({ length: 8 }, () => chat(caller, dpop).then(told)));
    expect(all.toSorted()).toEqual(["allowed", ...Array(7).fill("proof_replayed")]);
  });

  it("is the same call's when its snapshot is read again", async () => {
    const caller = await newHolder();
    const address = { home: "global", tenantId: TenantId.parse(caller.tenantId) } as const;
    const old = await ports.snapshots.load(address as Parameters<typeof ports.snapshots.load>[0]);
    await newPolicy(caller, { name: "a further one" });
    let passes = 0;
    const snapshots: GatewayPorts["snapshots"] = {
      ...ports.snapshots,
      load(capability, atLeast, min) {
        passes += 1;
        return atLeast === undefined ? Promise.resolve(old) : ports.snapshots.load(capability, atLeast, min);
      },
    };
    expect(await told(await chat(caller, await prove(caller), { snapshots }))).toBe("allowed");
    expect(passes).toBe(2);
  });

  it("that a ledger may have forgotten is refused with a retry, and a later one passes", async () => {
    const caller = await newHolder();
    const used = await prove(caller, { iat: nowSeconds() - 2 });
    expect(await told(await chat(caller, used))).toBe("allowed");
    await backgroundDone();
    await evictDurableObject(await ledgerOf(caller));
    const again = await chat(caller, used);
    expect([again.status, again.headers.get("x-should-retry")]).toEqual([503, "true"]);
    expect(await codeOf(again)).toBe("proof_unsettled");
    expect(await told(await chat(caller, await prove(caller)))).toBe("allowed");
  });

  it("that a ledger of the version before knows nothing of opens nothing, and costs nothing", async () => {
    const caller = await newHolder();
    const settled: string[] = [];
    const ledgers: GatewayPorts["ledgers"] = {
      ...ports.ledgers,
      async reserve({ proof: _, ...request }) {
        return ports.ledgers.reserve(request);
      },
      async confirm({ proof: _, ...request }) {
        return ports.ledgers.confirm(request);
      },
      async settle(request) {
        settled.push(request.outcome.kind);
        return ports.ledgers.settle(request);
      },
    };
    const sent = azure.requests.length;
    const refused = await chat(caller, await prove(caller), { ledgers });
    expect(await codeOf(refused)).toBe("ledger_unavailable");
    expect(settled).toEqual(["released"]);
    expect(azure.requests).toHaveLength(sent);
    const list = await models(caller, await prove(caller, { htm: "GET", htu: MODELS }), { ledgers });
    expect(await codeOf(list)).toBe("ledger_unavailable");
  });
});

const models = async ({ token }: Bound, dpop: string, overrides: Partial<GatewayPorts> = {}) =>
  createDataPlane(async () => ({ ...ports, ...overrides })).fetch(
    new Request(MODELS, { headers: { authorization: `DPoP ${token}`, dpop } }),
  );

it("the list of models takes a proof for itself, once", async () => {
  const caller = await newHolder();
  const dpop = await prove(caller, { htm: "GET", htu: MODELS });
  expect((await models(caller, dpop)).status).toBe(200);
  expect(await codeOf(await models(caller, dpop))).toBe("proof_replayed");
  expect(await codeOf(await models(caller, await prove(caller)))).toBe("proof_request_mismatch");
});

it("/v1/enforce takes one for itself beside the token in its body, and decides; its report takes another one", async () => {
  const caller = await newHolder();
  const post = (url: string, body: object, dpop: string | null) =>
    new Request(url, {
      method: "POST",
      headers: {
        "x-api-key": adminKey,
        "content-type": "application/json",
        ...(dpop === null ? {} : { dpop }),
      },
      body: JSON.stringify({ capabilityToken: caller.token, ...body }),
    });
  const ask = async (dpop: string | null) => {
    const body = {
      requestId: crypto.randomUUID(),
      action: "chat",
      resourceId: "api://azure-openai/models/gpt",
    };
    const reply = await createEnforceRoutes(async () => ports).fetch(post(ENFORCE, body, dpop));
    return (await reply.json()) as { decision: string; decisionId: string; reasons: [{ code: string }] };
  };
  expect((await ask(null)).reasons[0].code).toBe("proof_missing");
  expect((await ask(await prove(caller))).reasons[0].code).toBe("proof_request_mismatch");
  const dpop = await prove(caller, { htu: ENFORCE });
  const allowed = await ask(dpop);
  expect(allowed.decision).toBe("allowed");
  expect(await ask(dpop)).toMatchObject({ decision: "denied", reasons: [{ code: "proof_replayed" }] });

  const url = `${ENFORCE}/${allowed.decisionId}/usage`;
  const report = async (proof: string | null) => {
    const usage = { promptTokens: 5, completionTokens: 7 };
    return createUsageReportRoutes(async () => ports).fetch(post(url, usage, proof));
  };
  expect(await (await report(null)).json()).toMatchObject({ code: "proof_missing" });
  expect(await (await report(await prove(caller, { htu: ENFORCE }))).json()).toMatchObject({
    code: "proof_request_mismatch",
  });
  expect((await report(await prove(caller, { htu: url }))).status).toBe(200);
});

it("where the platform says which name is public, no other one counts", async () => {
  const caller = await newHolder();
  const deployed = { isLocal: false, publicOrigin: "https://public.test" };
  expect(await told(await chat(caller, await prove(caller), deployed))).toBe("proof_request_mismatch");
  const htu = CHAT.replace("gateway.test", "public.test");
  expect(await told(await chat(caller, await prove(caller, { htu }), deployed))).toBe("allowed");
});
