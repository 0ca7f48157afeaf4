/** The TypeScript snippets of docs/sdks.md are run as they are printed. */
import { spawn } from "node:child_process";
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
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const env = { ...process.env, ...environment, ...changed };
    const child = spawn("node_modules/.bin/node", [file], { env });
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

it("runs every TypeScript snippet there is", () => {
  expect([...snippets.keys()]).toEqual([BASE_URL, ASK_FIRST, REFUSALS]);
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
