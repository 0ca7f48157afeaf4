/** Effective when answered (guarantee G3): after a write has answered, the next call obeys, under traffic too. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest, virginia } from "./gateway-under-test.ts";

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
});
afterAll(() => gateway.close());

const messages = [{ role: "user" as const, content: "Hi" }];
const grant = {
  name: "chat",
  effect: "allow",
  actions: ["chat"],
  resources: ["api://azure-openai/models/gpt-4o-mini"],
};

const codeOf = async (token: string, deployment = "gpt-4o-mini", place?: object) => {
  try {
    await gateway
      .azure(token, deployment, place as never)
      .chat.completions.create({ model: "m", messages, max_tokens: 5 });
    return "allowed";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

/** Calls without a pause until told to stop, so that leases are always out. */
function traffic(token: string) {
  let going = true;
  const work = (async () => {
    while (going) await codeOf(token);
  })();
  return async () => {
    going = false;
    await work;
  };
}

it("a policy written, changed and deleted: the very next call obeys", async () => {
  await gateway.admin("POST", "/v1/tenants", { id: "swift", name: "Swift" });
  const { token } = await gateway.agent({ tenantId: "swift" });
  const busy = await gateway.agent({ tenantId: "swift" });
  const stop = traffic(busy.token);
  for (let round = 0; round < 3; round += 1) {
    expect(await codeOf(token)).toBe("no_matching_grant");
    const policy = await gateway.admin("POST", "/v1/policies", { ...grant, tenantId: "swift" });
    expect(await codeOf(token)).toBe("allowed");
    await gateway.admin("PUT", `/v1/policies/${policy.body.id}`, {
      ...grant,
      constraints: { allowedRoles: ["auditor"] },
    });
    expect(await codeOf(token)).toBe("role_not_allowed");
    expect((await gateway.admin("DELETE", `/v1/policies/${policy.body.id}`)).status).toBe(204);
  }
  await stop();
});

it("a platform write reaches every tenant before it answers", async () => {
  const { token } = await gateway.agent();
  const stop = traffic(token);
  const policy = await gateway.admin("POST", "/v1/policies", grant);
  expect(await codeOf(token)).toBe("allowed");
  const deny = await gateway.admin("POST", "/v1/policies", { ...grant, name: "stop", effect: "deny" });
  expect(await codeOf(token)).toBe("denied_by_policy");
  for (const { body } of [policy, deny]) await gateway.admin("DELETE", `/v1/policies/${body.id}`);
  expect(await codeOf(token)).toBe("no_matching_grant");
  await stop();
});

it("an agent disabled, changed or deleted: its next call is refused", async () => {
  const policy = await gateway.admin("POST", "/v1/policies", grant);
  const agent = await gateway.agent();
  expect(await codeOf(agent.token)).toBe("allowed");
  const patch = (body: object) => gateway.admin("PATCH", `/v1/agents/${agent.id}`, body);
  expect((await patch({ status: "disabled" })).status).toBe(200);
  expect(await codeOf(agent.token)).toBe("agent_disabled");
  await patch({ status: "active" });
  expect(await codeOf(agent.token)).toBe("token_outdated");
  const renewed = await gateway.tokenFor(agent.id);
  expect(await codeOf(renewed)).toBe("allowed");
  await patch({ roles: ["employee"] });
  expect(await codeOf(renewed)).toBe("token_outdated");
  const last = await gateway.tokenFor(agent.id);
  expect((await gateway.admin("DELETE", `/v1/agents/${agent.id}`)).status).toBe(204);
  expect(await codeOf(last)).toBe("agent_unknown");
  await gateway.admin("DELETE", `/v1/policies/${policy.body.id}`);
});

it("a signing key killed: no later call with a token of it passes, and the next key signs", async () => {
  const policy = await gateway.admin("POST", "/v1/policies", grant);
  const { id, token } = await gateway.agent();
  expect(await codeOf(token)).toBe("allowed");
  const stop = traffic(token);
  const { body: before } = await gateway.admin("GET", "/v1/keys/signing");
  const reason = "found in a public repository";
  const killed = await gateway.admin("POST", `/v1/keys/signing/${before.signingKeyId}/kill`, { reason });
  expect(killed.status).toBe(200);
  expect(await codeOf(token)).toBe("token_key_withdrawn");
  await stop();
  const jwks = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text();
  expect(jwks).toContain(String(killed.body.signingKeyId));
  expect(jwks).not.toContain(String(before.signingKeyId));
  expect(await codeOf(await gateway.tokenFor(id))).toBe("allowed");
  await gateway.admin("DELETE", `/v1/policies/${policy.body.id}`);
});

it("an eu tenant: refused from outside and where no backend keeps the promise, before Azure sees a byte", async () => {
  await gateway.admin("POST", "/v1/tenants", {
    id: "berlin",
    name: "Berlin",
    home: "eu",
    residency: { zone: "eu" },
  });
  await gateway.admin("POST", "/v1/policies", {
    ...grant,
    tenantId: "berlin",
    resources: ["api://azure-openai/models/*"],
  });
  const { id, token } = await gateway.agent({ tenantId: "berlin" });
  expect(await codeOf(token)).toBe("allowed");
  expect(await codeOf(token, "gpt-4o-mini", virginia)).toBe("residency_ingress");
  const tor = { country: "T1", colo: "FRA", tlsVersion: "TLSv1.3" };
  expect(await codeOf(token, "gpt-4o-mini", tor)).toBe("residency_country");

  const global = await gateway.admin("POST", "/v1/deployments", {
    name: "anywhere",
    model: "gpt-4o-mini",
    maxOutputTokens: 100,
    backends: [
      {
        endpoint: gateway.simulator.url,
        azureDeployment: "gpt-4o-mini",
        region: "swedencentral",
        sku: "GlobalStandard",
        credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
      },
    ],
  });
  expect(global.status).toBe(201);
  gateway.simulator.clear();
  expect(await codeOf(token, "anywhere")).toBe("residency_backend");
  expect(gateway.simulator.requests).toHaveLength(0);
  await gateway.recorded(`tenant=berlin&agent=${id}&decision=denied`, (record) => record.home === "eu");
});
