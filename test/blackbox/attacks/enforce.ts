/** Attacks with nothing but a token and a key. Replays, odd input and long policies around /v1/enforce, and keys of other tenants. */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { athOf, claimsOf, headerOf, newHolder } from "../../unit/capability/proof-fixture.ts";
import { chat, enforce, gateway, grant, type Json, received, tenant } from "./attack-fixture.ts";

describe("/v1/enforce replays (G1)", () => {
  const narrow = { type: "model_invocation", actions: ["chat"], locations: ["*"] };

  it("a replay under a wider token grants no more than the first one was charged", async () => {
    const { id } = await tenant("replay-token", { maxTokensPerDay: 100_000 });
    const small = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxTokensPerRequest: 10 } }],
    });
    const large = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxTokensPerRequest: 90_000 } }],
    });
    const first = await enforce(small, { requestId: "same" });
    expect(first.body).toMatchObject({ decision: "allowed", obligations: { reservedTokens: 10 } });
    const second = await enforce(large, { requestId: "same" });
    if (second.body.decision === "allowed")
      expect(second.body.obligations).toMatchObject({ reservedTokens: 10 });
  });

  it("a replay under a token with its own request quota is not allowed past that quota", async () => {
    const { id, token } = await tenant("replay-quota");
    const once = await gateway.tokenFor(id, {
      authorizationDetails: [{ ...narrow, constraints: { maxRequestsPerDay: 1 } }],
    });
    for (const requestId of ["a", "b", "c"]) await enforce(token, { requestId });
    const answers = [];
    for (const requestId of ["a", "b", "c"]) answers.push((await enforce(once, { requestId })).body.decision);
    expect(answers.filter((decision) => decision === "allowed").length).toBeLessThanOrEqual(1);
  });

  it("a replay after the policy was widened grants no more than was charged", async () => {
    const { token, policyId } = await tenant("replay-policy", { maxTokensPerRequest: 10 });
    const first = await enforce(token, { requestId: "same" });
    expect(first.body).toMatchObject({ decision: "allowed", obligations: { reservedTokens: 10 } });
    const { body: policy } = await gateway.admin("GET", `/v1/policies/${policyId}`);
    const { name, effect, actions, resources } = policy;
    const constraints = { maxTokensPerRequest: 50_000 };
    const changed = await gateway.admin("PUT", `/v1/policies/${policyId}`, {
      name,
      effect,
      actions,
      resources,
      constraints,
    });
    expect(changed.status).toBe(200);
    const second = await enforce(token, { requestId: "same" });
    if (second.body.decision === "allowed")
      expect(second.body.obligations).toMatchObject({ reservedTokens: 10 });
  });
});

describe("/v1/enforce on odd input", () => {
  it("prototype keys, lone surrogates and a BOM make no 500 and no allowance without a charge", async () => {
    const { token } = await tenant("odd-enforce", { maxRequestsPerDay: 2 });
    const context = JSON.parse('{"__proto__":{"promptTokens":-5000000},"constructor":1}');
    const first = await enforce(token, { requestId: "\ud800", context });
    expect(first.body).toMatchObject({ decision: "allowed" });
    expect((first.body.obligations as Json).reservedTokens).toBeGreaterThan(0);
    expect((await enforce(token, { requestId: "\ud801", context })).status).toBeLessThan(500);
    const bom = await fetch(`${gateway.url}/v1/enforce`, {
      method: "POST",
      headers: { "x-api-key": gateway.adminKey, "content-type": "application/json" },
      body: `\ufeff{}`,
    });
    expect(bom.status).toBe(400);
  });
});

describe("many policies", () => {
  it("a token whose details match several grants in more than 64 ways is still decided", async () => {
    const { id } = await tenant("many");
    for (let index = 0; index < 3; index += 1) await grant("many", {}, `more ${index}`);
    const detail = { type: "model_invocation", actions: ["chat"], locations: ["*"] };
    const token = await gateway.tokenFor(id, { authorizationDetails: Array(20).fill(detail) });
    const { status, code } = await chat(token, { max_tokens: 5 });
    expect({ status, code }).toEqual({ status: 200, code: undefined });
  });

  it("the record of a refusal reaches the log however long the policy's list of names is (G5)", async () => {
    const allowedRoles = Array.from({ length: 1_000 }, (_, index) => `${index}-`.padEnd(120, "x"));
    const short = await tenant("short-names", { allowedRoles: allowedRoles.slice(0, 5) });
    expect((await chat(short.token, {})).code).toBe("role_not_allowed");
    await gateway.recorded(`tenant=short-names&agent=${short.id}`, (record) => record.decision === "denied");

    const { id, token } = await tenant("long-names", { allowedRoles });
    expect((await chat(token, {})).code).toBe("role_not_allowed");
    await gateway.recorded(`tenant=long-names&agent=${id}`, (record) => record.decision === "denied");
  });

  it("nor can such a list hide an allowed call, which detailed logging records before Azure is called (G5)", async () => {
    const { id, token } = await tenant("hidden-call", { auditLogging: "detailed" });
    const allowedRoles = Array.from({ length: 1_000 }, (_, index) => `${index}-`.padEnd(99, "x"));
    for (const name of ["first list", "second list"]) await grant("hidden-call", { allowedRoles }, name);
    expect((await chat(token, { max_tokens: 5 }, "raw")).status).toBe(200);
    await gateway.recorded(`tenant=hidden-call&agent=${id}`, (record) => record.decision === "allowed");
  });
});

it("a key of one tenant learns and changes nothing with another's token (G7)", async () => {
  const victim = await tenant("victim", { maxRequestsPerDay: 1 });
  await tenant("prober");
  const made = await gateway.admin("POST", "/v1/keys", {
    name: "prober",
    scopes: ["enforce", "audit:read"],
    tenantId: "prober",
  });
  const key = String(made.body.key);
  const question = {
    requestId: "probe",
    capabilityToken: victim.token,
    action: "chat",
    resourceId: "api://azure-openai/models/raw",
  };
  const probe = await gateway.admin("POST", "/v1/enforce", question, key);
  expect(probe.body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "tenant_mismatch" }],
    revision: null,
  });
  await gateway.recorded("tenant=prober", (record) => record.requestId === "probe");
  expect((await gateway.admin("GET", "/v1/audit?tenant=victim", undefined, key)).status).toBe(403);
  expect((await chat(victim.token, {}, "raw")).status).toBe(200);
});

describe("a token that was stolen from an agent with a key", () => {
  it("opens nothing: not borne, not with proofs that were seen, not with a thief's own, not by refreshing", async () => {
    const { id: agentId } = await tenant("stolen");
    const [holder, thief] = await Promise.all([newHolder("EdDSA"), newHolder("EdDSA")]);
    const registered = await gateway.admin("PATCH", `/v1/agents/${agentId}`, {
      publicKey: holder.publicKey,
    });
    expect(registered.status).toBe(200);
    const token = await gateway.tokenFor(agentId, { refreshableFor: 3_600 });
    const path = "/openai/v1/chat/completions";
    const prove = async (by: typeof holder, at = path, of = token) => {
      const [iat, ath] = [Math.floor(Date.now() / 1_000), await athOf(of)];
      const changes = { jti: crypto.randomUUID(), htu: `${gateway.url}${at}`, iat, ath };
      return by.sign(headerOf(by), await claimsOf(changes));
    };
    const tried = (headers: Record<string, string | string[]>, at = path) =>
      sent(at, { model: "raw", messages: [{ role: "user", content: "Hello" }] }, headers);
    const dpop = { authorization: `DPoP ${token}` };

    const seen = await prove(holder);
    expect(await tried({ ...dpop, dpop: seen })).toBe("200");
    const [fresh, other] = [await prove(holder), await prove(holder)];
    const refresh = "/v1/tokens/refresh";
    expect(await tried({ ...dpop, dpop: seen })).toBe("proof_replayed");
    expect(await tried({ authorization: `Bearer ${token}` })).toBe("proof_missing");
    expect(await tried({ authorization: `Bearer ${token}`, dpop: fresh })).toBe("proof_missing");
    expect(await tried({ "api-key": token })).toBe("proof_missing");
    expect(await tried({ ...dpop, dpop: [fresh, other] })).toBe("proof_malformed");
    expect(await tried({ ...dpop, dpop: await prove(thief) })).toBe("proof_key_mismatch");
    expect(await tried({ ...dpop, dpop: fresh }, "/openai/v1/responses")).toBe("proof_request_mismatch");
    expect(await tried({ ...dpop, dpop: fresh, host: "evil.test" })).toBe("proof_request_mismatch");
    expect(await tried(dpop, refresh)).toBe("proof_missing");
    expect(await tried({ ...dpop, dpop: fresh }, refresh)).toBe("proof_request_mismatch");
    expect(await tried({ ...dpop, dpop: await prove(thief, refresh) }, refresh)).toBe("proof_key_mismatch");
    const bare = await enforce(token, { requestId: "stolen" });
    expect(bare.body).toMatchObject({ decision: "denied", reasons: [{ code: "proof_missing" }] });
    // None of that has used up what its holder had made.
    expect(await tried({ ...dpop, dpop: fresh })).toBe("200");
    expect(received).toHaveLength(2);
  });
});

/** As `fetch` cannot: a header twice, and a host of the sender's choice. @returns the refusal's code, else the status. */
const sent = (path: string, body: object, headers: Record<string, string | string[]>): Promise<string> =>
  new Promise((resolve, reject) => {
    const json = { "content-type": "application/json" };
    const call = request(`${gateway.url}${path}`, { method: "POST", headers: { ...json, ...headers } });
    call.on("error", reject).on("response", async (response) => {
      const answer = JSON.parse(await text(response));
      resolve(String(answer.error?.code ?? answer.code ?? response.statusCode));
    });
    call.end(JSON.stringify(body));
  });
