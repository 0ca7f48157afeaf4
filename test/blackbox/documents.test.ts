/** The TypeScript snippets of docs/sdks.md are run as they are printed; the example of docs/policy-as-code.md is pushed. */
import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type GatewayUnderTest, startGatewayUnderTest } from "./gateway-under-test.ts";

let gateway: GatewayUnderTest;
let snippets: ReadonlyMap<string, string>;
let folder: string;
let environment: Record<string, string>;

beforeAll(async () => {
  gateway = await startGatewayUnderTest();
  // Inside the project, so that the import of the SDK resolves.
  folder = await mkdtemp(".documents-");
  snippets = snippetsOf(await readFile("docs/sdks.md", "utf8"));
  await gateway.admin("POST", "/v1/policies", {
    name: "gpt-4 for documents",
    effect: "allow",
    actions: ["chat"],
    resources: ["api://azure-openai/models/gpt-4"],
    constraints: { maxTokensPerRequest: 2_000 },
  });
  const { token } = await gateway.agent({ name: "documents" });
  const key = await gateway.admin("POST", "/v1/keys", { name: "asks", scopes: ["enforce"] });
  environment = {
    PORTCULLIS: gateway.url,
    TOKEN: token,
    ENFORCE_KEY: String(key.body.key),
    AZURE_OPENAI_ENDPOINT: gateway.simulator.url,
    AZURE_OPENAI_API_KEY: gateway.simulator.apiKey,
  };
});
afterAll(async () => {
  if (folder) await rm(folder, { recursive: true });
  await gateway.close();
});
beforeEach(() => gateway.simulator.clear());

/** Each TypeScript block by the heading it stands under. */
function snippetsOf(markdown: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const section of markdown.split(/^#+ /m)) {
    const code = /^```ts\n(.*?)^```/ms.exec(section)?.[1];
    if (code !== undefined) found.set(section.slice(0, section.indexOf("\n")), code);
  }
  return found;
}

async function run(heading: string, changed: Record<string, string> = {}) {
  const code = snippets.get(heading);
  if (code === undefined) throw new Error(`docs/sdks.md has no TypeScript under "${heading}".`);
  const file = `${folder}/${heading.toLowerCase().replace(/\W+/g, "-")}.ts`;
  await writeFile(file, code);
  return runNode([file], changed);
}

function runNode(args: readonly string[], changed: Record<string, string> = {}) {
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const env = { ...process.env, ...environment, ...changed };
    const child = spawn("node_modules/.bin/node", args, { env });
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

const BASE_URL = "TypeScript: the base URL";
const ASK_FIRST = "TypeScript: ask first";
const REFUSALS = "TypeScript: refusals";
const PROOF = "TypeScript: proof of possession";

it("runs every TypeScript snippet there is", () => {
  expect([...snippets.keys()]).toEqual([BASE_URL, ASK_FIRST, REFUSALS, PROOF]);
});

it("the base URL: both clients call Azure through the gateway", async () => {
  const { code, output } = await run(BASE_URL);
  expect(output).toContain("castle");
  expect(code).toBe(0);
  expect(gateway.simulator.requests.map(({ path }) => path.split("?")[0])).toEqual([
    "/openai/deployments/gpt-4/chat/completions",
    "/openai/v1/chat/completions",
  ]);
});

it("ask first: an allowed call goes straight to Azure, bounded as the decision obliges", async () => {
  const { code, output } = await run(ASK_FIRST);
  expect(output).toContain("castle");
  expect(code).toBe(0);
  expect(gateway.simulator.requests.map(({ body }) => body)).toMatchObject([{ max_tokens: 200 }]);
});

it("ask first: a denied call never reaches Azure", async () => {
  const { code, output } = await run(ASK_FIRST, { TOKEN: "no-token" });
  expect(output).toContain("token_malformed");
  expect(code).not.toBe(0);
  expect(gateway.simulator.requests).toHaveLength(0);
});

it("refusals: the SDK's typed error with code, request id and decision, without a retry", async () => {
  const { code, output } = await run(REFUSALS);
  expect(output).toMatch(/^403 no_matching_grant request_\w+ decision_\w+ false$/m);
  expect(code).toBe(0);
  expect(gateway.simulator.requests).toHaveLength(0);
});

it("proof of possession: both clients prove each try anew, and the token alone opens nothing", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { token } = await gateway.agent({ name: "holder", publicKey: publicKey.export({ format: "jwk" }) });
  const lines = snippets.get(PROOF)?.trimEnd().split("\n") ?? [];
  expect(lines.length).toBeLessThanOrEqual(30);
  gateway.simulator.next({ kind: "status", status: 500 });
  const use = `
    const ask = { model: "gpt-4", messages: [{ role: "user", content: "Say hello to the castle." }] };
    console.log((await openai.chat.completions.create(ask)).choices[0].message.content);
    for await (const chunk of await azure.chat.completions.create({ ...ask, stream: true }))
      process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
    console.log(await openai.models.list().then(({ data }) => data.map(({ id }) => id)));
    const bare = new OpenAI({ baseURL: \`\${PORTCULLIS}/openai/v1\`, apiKey: TOKEN });
    console.log(await bare.chat.completions.create(ask).catch(({ code }) => code));`;
  snippets = new Map([...snippets, ["used", (snippets.get(PROOF) ?? "") + use]]);
  const jwk = JSON.stringify(privateKey.export({ format: "jwk" }));
  const { code, output } = await run("used", { TOKEN: token, AGENT_KEY: jwk });
  expect(output.match(/castle/g)?.length).toBeGreaterThanOrEqual(2);
  expect(output).toContain("gpt-4");
  expect(output).toContain("proof_missing");
  // The one that failed, the SDK's second try of it, and the stream.
  expect(gateway.simulator.requests).toHaveLength(3);
  expect(code).toBe(0);
});

it("policies as code: pushed with its tests, in force when answered, unchanged the second time, and pulled", async () => {
  await gateway.admin("POST", "/v1/tenants", { id: "tenant-a", name: "Tenant A" });
  const portcullis = (...words: readonly string[]) =>
    runNode(["src/cli/main.ts", "policy", ...words], { ADMIN_KEY: gateway.adminKey });
  const platform = await portcullis("push", "docs/examples/policies/platform.yaml");
  expect(platform).toMatchObject({ code: 0, output: expect.stringContaining("Pushed: 1 writes.") });
  const example = "docs/examples/policies/tenant-a";
  const first = await portcullis("push", example);
  expect(first).toMatchObject({ code: 0, output: expect.stringContaining("Pushed: 3 writes.") });
  const second = await portcullis("push", example, "--prune");
  expect(second).toMatchObject({ code: 0, output: expect.stringContaining("Nothing to push.") });
  const pulled = `${folder}/pulled.yaml`;
  expect((await portcullis("pull", "--tenant", "tenant-a", "--out", pulled)).code).toBe(0);
  expect((await portcullis("diff", "live", pulled, "--exit-code")).code).toBe(0);
  expect((await portcullis("push", pulled, "--prune")).output).toContain("Nothing to push.");
  const { body } = await gateway.admin("GET", "/v1/policies?tenant=platform");
  const items = body.items as { id: string; name: string }[]; // As the answer's schema says.
  const boundary = items.find(({ name }) => name === "Nothing restricted leaves us");
  await gateway.admin("DELETE", `/v1/policies/${boundary?.id}`);
});
