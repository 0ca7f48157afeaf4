/** The main job on real input: the official SDK, unchanged but for URL and key. */
import { readFile } from "node:fs/promises";
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  type OpenAI,
  PermissionDeniedError,
} from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ClientName, chatModel, clientMatrix, clientNames, thrown } from "./client-matrix.ts";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";
import { describePicturesAndSound } from "./pictures-and-sound.ts";
import { describeReceipts } from "./receipts.ts";

let gateway: GatewayUnderTest;
let token: string;
let agentId: string;
let narrowToken: string;
/** Of an agent whose calls are counted below. */
let leaver: { readonly id: string; readonly token: string };

beforeAll(async () => {
  gateway = await startGatewayUnderTest({ hasMedia: true });
  await gateway.admin("POST", "/v1/policies", {
    name: "models for everyone",
    effect: "allow",
    actions: ["chat", "completion", "embedding", "response"],
    resources: ["api://azure-openai/models/*"],
    constraints: { maxTokensPerRequest: 20_000, dataClassification: "internal" },
  });
  // Under a limit of tokens nothing that is sound, and no edit, would be allowed.
  await gateway.admin("POST", "/v1/policies", {
    name: "images and audio for everyone",
    effect: "allow",
    actions: ["image", "audio"],
    resources: ["api://azure-openai/models/*"],
  });
  ({ id: agentId, token } = await gateway.agent({ name: "sdk" }));
  leaver = await gateway.agent({ name: "leaver" });
  const detail = { type: "model_invocation", actions: ["embedding"], locations: ["*"] };
  narrowToken = await gateway.tokenFor(agentId, { authorizationDetails: [detail] });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.simulator.clear());

const hello = [{ role: "user" as const, content: "Say hello to the castle." }];

const clientOf: Record<ClientName, (token: string, deployment: string) => OpenAI> = {
  AzureOpenAI: (token, deployment) => gateway.azure(token, deployment),
  OpenAI: (token) => gateway.openai(token),
};

describe.each(clientNames)("the matrix of %s", (name) => {
  const rows = clientMatrix.filter(({ clients = clientNames }) => clients.includes(name));

  it.each(rows)("$feature", async ({ check, leaves, deployment = chatModel }) => {
    const { simulator } = gateway;
    const clientWith = (one: string) => clientOf[name](one, deployment);
    const clients = { narrow: clientWith(narrowToken), stranger: clientWith("not-a-token") };
    await check({
      client: clientWith(leaves ? leaver.token : token),
      model: deployment,
      simulator,
      ...clients,
    });
  });
});

it("callers who left are settled with what Azure still reports", async () => {
  const expected = clientMatrix.filter(({ leaves }) => leaves).length * clientNames.length;
  const settled = new Map<unknown, Record<string, unknown>>();
  await gateway.recorded(`agent=${leaver.id}`, (record) => {
    if (record.kind === "completion") settled.set(record.decisionId, record);
    return settled.size === expected;
  });
  const ends = [...settled.values()].map((record) => {
    expect(record).toMatchObject({ settlement: "used", usage: { totalTokens: record.chargedTokens } });
    return record.end;
  });
  // Of an answer that had not begun, the Worker is not told locally that nobody waits for it any more.
  expect(ends.filter((end) => end === "client_gone").length).toBeGreaterThanOrEqual(clientNames.length);
});

it("docs/sdks.md shows the matrix as it is tested", async () => {
  const document = await readFile("docs/sdks.md", "utf8");
  const shown = [...document.matchAll(/^\| (.+) \| (✓|–) \| (✓|–) \|$/gm)].map((cells) => cells.slice(1, 4));
  const tested = clientMatrix.map(({ feature, clients = clientNames }) => [
    feature,
    ...clientNames.map((name) => (clients.includes(name) ? "✓" : "–")),
  ]);
  expect(shown).toEqual(tested);
});

describe("AzureOpenAI on classic paths", () => {
  it("takes the deployment from the path and the key from the gateway", async () => {
    await gateway.azure(token).chat.completions.create({ model: "gpt-4", messages: hello });
    const [request] = gateway.simulator.requests;
    expect(request?.path).toBe("/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21");
    expect(request?.headers["api-key"]).toBe(gateway.simulator.apiKey);
    expect(JSON.stringify(request)).not.toContain(token);
  });
});

describe("OpenAI on /openai/v1", () => {
  it("refuses what would use objects stored at Azure", async () => {
    const client = gateway.openai(token);
    const error = await thrown(
      client.responses.create({ model: "gpt-4o-mini", input: "hi", conversation: "conv_1" }),
      BadRequestError,
    );
    expect(error).toMatchObject({ code: "stored_object_refused", param: "conversation" });
    expect(gateway.simulator.requests).toHaveLength(0);
  });
});

describePicturesAndSound(() => gateway);
describeReceipts(() => gateway);

describe("every refusal is the SDK's own typed error, with code and request id", () => {
  const call = (client = gateway.azure(token)) =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages: hello });

  it("401 AuthenticationError for a token that does not verify", async () => {
    const error = await thrown(call(gateway.azure(`${token.slice(0, -6)}AAAAAA`)), AuthenticationError);
    const challenge = error.headers?.get("www-authenticate") ?? "";
    expect(challenge).toMatch(/^Bearer error="invalid_token", resource_metadata="https:\/\/[^"]+"$/);
    const { pathname } = new URL(challenge.split('"').at(-2) ?? "");
    const metadata = await (await fetch(gateway.url + pathname)).json();
    expect(metadata).toMatchObject({ bearer_methods_supported: ["header"] });
    expect(error.code).toMatch(/^token_/);
    expect(error.requestID).toMatch(/^request_/);
    await thrown(call(gateway.openai("not-a-token") as never), AuthenticationError);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("403 PermissionDeniedError for what no policy allows", async () => {
    await gateway.admin("POST", "/v1/tenants", { id: "strangers", name: "Strangers" });
    await gateway.admin("POST", "/v1/policies", {
      name: "not for strangers",
      effect: "deny",
      actions: ["*"],
      resources: ["*"],
      constraints: { allowedTenants: ["strangers"] },
    });
    const stranger = await gateway.agent({ tenantId: "strangers" });
    const error = await thrown(call(gateway.azure(stranger.token)), PermissionDeniedError);
    expect(error).toMatchObject({ code: "denied_by_policy", requestID: expect.stringMatching(/^request_/) });
    expect(error.headers?.get("portcullis-decision")).toMatch(/^decision_/);
    expect(gateway.simulator.requests).toHaveLength(0);
  });

  it("403 PermissionDeniedError for a tool that is not listed, and one of its own for what a boundary keeps out", async () => {
    const tenantId = "listed-tools";
    await gateway.admin("POST", "/v1/tenants", { id: tenantId, name: tenantId });
    const policy = { name: "p", tenantId, effect: "allow", actions: ["*"], resources: ["*"] };
    const boundary = { ...policy, kind: "boundary", constraints: { allowedCountries: ["DE"] } };
    expect((await gateway.admin("POST", "/v1/policies", boundary)).status).toBe(201);
    const { id } = await gateway.agent({ tenantId });
    const constraints = { allowedTools: ["function"] };
    const detail = { type: "model_invocation", actions: ["*"], locations: ["*"], constraints };
    const listed = { token: await gateway.tokenFor(id, { authorizationDetails: [detail] }) };
    const ask = (type: "web_search" | "function", place?: object) =>
      gateway.openai(listed.token, place && { ...place }).responses.create({
        model: "gpt-4o-mini",
        input: "Hello",
        tools: [type === "web_search" ? { type } : { type, name: "look_up", parameters: {}, strict: false }],
      });
    const searching = await thrown(ask("web_search"), PermissionDeniedError);
    expect(searching).toMatchObject({ code: "tool_not_allowed", param: "tools" });
    expect(searching.message).toContain("`web_search`");
    const abroad = await thrown(ask("function", { country: "FR" }), PermissionDeniedError);
    expect(abroad.code).toBe("outside_boundary");
    expect(gateway.simulator.requests).toHaveLength(0);
    expect((await ask("function")).output_text).toContain("Hello");
  });

  it("Azure's 500 passes as an error that it does not bill", async () => {
    gateway.simulator.next({ kind: "status", status: 500 });
    await thrown(call(), InternalServerError);
    const released = await gateway.recorded(`agent=${agentId}`, (record) => record.upstreamStatus === 500);
    expect(released).toMatchObject({ kind: "completion", settlement: "released", chargedTokens: 0 });
  });

  it.each([
    ["passed event by event", {}],
    ["carried by the runtime", { stream_options: { include_usage: true } }],
  ])(
    "a stream that Azure cuts or lets end silently ends with an error, never as a success: %s",
    async (_, more) => {
      for (const kind of ["cut", "silent-end"] as const) {
        gateway.simulator.next({ kind, afterChunks: 3 });
        const stream = await gateway
          .azure(token)
          .chat.completions.create({ model: "gpt-4o-mini", messages: hello, stream: true, ...more });
        const read = async () => {
          for await (const _ of stream);
        };
        const error = await thrown(read(), APIError);
        expect(error.code).toBe("upstream_broken");
      }
    },
  );
});

it("a token that its holder exchanged for a narrower one works where a token does, within what it narrows", async () => {
  const parent = await gateway.tokenFor(agentId, { delegation: { maxDepth: 1 } });
  const narrowed = {
    type: "model_invocation",
    actions: ["chat"],
    locations: ["api://azure-openai/models/gpt-4o-mini"],
    constraints: { maxOutputTokens: 5 },
  };
  const exchanged = await fetch(`${gateway.url}/v1/tokens/exchange`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: parent,
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      authorization_details: JSON.stringify([narrowed]),
    }),
  });
  const { access_token: child } = (await exchanged.json()) as { access_token: string };
  const azure = gateway.azure(child);
  await azure.chat.completions.create({ model: "gpt-4o-mini", messages: hello });
  expect(gateway.simulator.requests[0]?.body).toMatchObject({ max_tokens: 5 });
  const embedded = azure.embeddings.create({ model: "gpt-4o-mini", input: "castle" });
  expect((await thrown(embedded, PermissionDeniedError)).code).toBe("outside_token");
});

describe("the record", () => {
  it("holds the decision and the completion of a call, and neither prompt nor token", async () => {
    const { response } = await gateway
      .azure(token)
      .chat.completions.create({ model: "m", messages: hello, user: "ada@example.org" })
      .withResponse();
    const decisionId = response.headers.get("portcullis-decision");
    const decision = await gateway.recorded(
      `agent=${agentId}`,
      (r) => r.kind === "decision" && r.decisionId === decisionId,
    );
    const completion = await gateway.recorded(
      `agent=${agentId}`,
      (r) => r.kind === "completion" && r.decisionId === decisionId,
    );
    expect(decision).toMatchObject({ decision: "allowed", action: "chat", place: { country: "DE" } });
    expect(completion).toMatchObject({
      end: "complete",
      settlement: "used",
      backend: { region: "swedencentral", sku: "Standard" },
    });
    const text = JSON.stringify([decision, completion]);
    for (const secret of ["castle", "ada@example.org", token]) expect(text).not.toContain(secret);
  });
});
