import { describe, expect, it } from "vitest";
import { createFixture, databases, minimalDeployment } from "./control-plane-fixture.ts";

const { call } = await createFixture();

it("writes, reads, replaces, lists and deletes a deployment under platform revisions", async () => {
  const created = await call("POST", "/deployments", { body: minimalDeployment("gpt-4") });
  expect(created).toMatchObject({
    status: 201,
    body: {
      name: "gpt-4",
      revision: 1,
      backends: [{ id: expect.stringMatching(/^backend_/), classification: "restricted" }],
    },
  });
  const { revision: _, ...document } = created.body;
  expect((await call("GET", "/deployments/gpt-4")).body).toEqual(document);
  expect(await call("POST", "/deployments", { body: minimalDeployment("gpt-4") })).toMatchObject({
    status: 409,
    body: { code: "already_exists", field: "name" },
  });

  const [backend] = minimalDeployment("gpt-4").backends;
  const backends = [
    { ...backend, endpoint: "https://second.openai.azure.com" },
    { ...backend, priority: 1 },
  ];
  const replaced = await call("PUT", "/deployments/gpt-4", {
    body: { ...minimalDeployment("gpt-4"), backends },
  });
  expect(replaced).toMatchObject({ status: 200, body: { revision: 3 } });
  expect(replaced.body.backends[1].id).toBe(created.body.backends[0].id);
  expect(replaced.body.backends[0].id).not.toBe(created.body.backends[0].id);

  await call("POST", "/deployments", { body: minimalDeployment("embed") });
  const listed = await call("GET", "/deployments?limit=1");
  expect(listed.body).toMatchObject({ items: [{ name: "embed" }], nextCursor: expect.any(String) });
  expect((await call("GET", `/deployments?cursor=${listed.body.nextCursor}`)).body.items).toMatchObject([
    { name: "gpt-4" },
  ]);

  expect((await call("DELETE", "/deployments/gpt-4")).headers.get("portcullis-revision")).toBe("5");
  expect((await call("GET", "/deployments/gpt-4")).status).toBe(404);
  expect((await call("DELETE", "/deployments/gpt-4")).status).toBe(404);
  expect((await call("PUT", "/deployments/gpt-4", { body: minimalDeployment("gpt-4") })).status).toBe(404);
  const { results } = await databases.platform
    .prepare("SELECT record FROM outbox WHERE source = 'control/platform' ORDER BY n")
    .all();
  expect(results.map(({ record }) => JSON.parse(String(record)).operation)).toEqual([
    "deployment.create",
    "deployment.update",
    "deployment.create",
    "deployment.delete",
  ]);
});

it("keeps the name it was made under", async () => {
  expect(await call("PUT", "/deployments/one", { body: minimalDeployment("other") })).toMatchObject({
    status: 422,
    body: { field: "name" },
  });
});

describe("an endpoint", () => {
  it.each([
    ["http://contoso.openai.azure.com", false, 400],
    ["http://contoso.openai.azure.com", true, 400],
    ["http://127.0.0.1:9100", false, 400],
    ["http://127.0.0.1:9100", true, 201],
    ["http://[::1]:9100", true, 201],
    ["http://localhost:9100", true, 201],
    ["http://127.0.0.1.attacker.example", true, 400],
    ["https://user:secret@contoso.openai.azure.com", true, 400],
    ["https://contoso.openai.azure.com/?api-key=secret", true, 400],
  ])("%s (local: %s) answers %i", async (endpoint, isLocal, status) => {
    const fixture = await createFixture({ isLocal });
    const name = `e${crypto.randomUUID()}`;
    const reply = await fixture.call("POST", "/deployments", { body: minimalDeployment(name, endpoint) });
    expect(reply.status).toBe(status);
    if (status === 400)
      expect(reply.body).toMatchObject({ code: "body_invalid", field: "backends[0].endpoint" });
    expect(JSON.stringify(reply.body)).not.toContain("secret@");
  });
});

it.each(["SIGNING_KEYS", "LEDGER_NAME_SECRET", "sk-live-abcdef"])(
  "takes no credential but the name of an Azure secret: %s",
  async (secret) => {
    const body = minimalDeployment("cred");
    const backends = body.backends.map((backend) => ({
      ...backend,
      credential: { kind: "api_key", secret },
    }));
    const reply = await call("POST", "/deployments", { body: { ...body, backends } });
    expect(reply).toMatchObject({ status: 400, body: { field: "backends[0].credential.secret" } });
  },
);

describe("an identity of Microsoft Entra", () => {
  const identity = {
    tenantId: "11111111-2222-3333-4444-555555555555",
    clientId: "66666666-7777-8888-9999-000000000000",
  };
  const inVault = {
    kind: "key_vault",
    secret: "https://contoso.vault.azure.net/secrets/aoai-key",
    entra: identity,
  };
  const withCredential = (credential: object, endpoint?: string) => {
    const body = minimalDeployment(`e${crypto.randomUUID()}`, endpoint);
    return { ...body, backends: body.backends.map((backend) => ({ ...backend, credential })) };
  };

  it.each([{ kind: "entra", ...identity }, inVault])(
    "is taken where the gateway has keys for it: %j",
    async (credential) => {
      expect(await call("POST", "/deployments", { body: withCredential(credential) })).toMatchObject({
        status: 201,
        body: { backends: [{ credential: { kind: credential.kind } }] },
      });
      const without = await createFixture({ hasEntraKeys: false });
      expect(await without.call("POST", "/deployments", { body: withCredential(credential) })).toMatchObject({
        status: 422,
        body: { code: "entra_not_configured", field: "backends[0].credential" },
      });
    },
  );

  it.each<[field: string, credential: object, endpoint?: string]>([
    ["endpoint", { kind: "entra", ...identity }, "https://attacker.example"],
    ["credential.authority", { kind: "entra", ...identity, authority: "https://attacker.example" }],
    ["credential.secret", { ...inVault, secret: "https://attacker.example/secrets/key" }],
  ])("is led nowhere else by its %s", async (field, credential, endpoint) => {
    expect(await call("POST", "/deployments", { body: withCredential(credential, endpoint) })).toMatchObject({
      status: 400,
      body: { code: "body_invalid", field: `backends[0].${field}` },
    });
  });
});
