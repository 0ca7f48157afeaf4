/**
 * `npm start` and `npm run demo` as a newcomer meets them, on free ports and with state of their own. The processes are
 * the real ones; nothing is imported from the gateway.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

const root = resolve(import.meta.dirname, "../..");
const Connection = z.strictObject({
  gatewayUrl: z.url(),
  simulatorUrl: z.url(),
  adminKey: z.string(),
  token: z.string(),
  tenantId: z.string(),
  agentId: z.string(),
});
const List = z.object({ items: z.array(z.looseObject({ id: z.string(), name: z.string() })) });
const Records = z.object({ items: z.array(z.looseObject({ kind: z.string(), decisionId: z.string() })) });

interface Command {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves once no process holds the command's output any more: neither it nor anything it started. */
  readonly ended: Promise<number | null>;
  saying(text: string): Promise<void>;
}

let stateDirectory: string;
const commands: Command[] = [];

/** Through the bootstrap, as the scripts of package.json do. */
function run(file: string, environment: Readonly<Record<string, string>> = {}): Command {
  const child = spawn(process.execPath, [join(root, "dev/bootstrap.mjs"), "node", join(root, "dev", file)], {
    env: {
      ...process.env,
      PORTCULLIS_STATE_DIR: stateDirectory,
      PORT: "0",
      SIMULATOR_PORT: "0",
      AZURE_OPENAI_ENDPOINT: "",
      PORTCULLIS_PLACE: "",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const command: Command = {
    child,
    output: () => output,
    ended,
    saying(text) {
      return new Promise((found, lost) => {
        const look = () => output.includes(text) && found();
        child.stdout.on("data", look);
        look();
        void ended.then(() => lost(new Error(`Ended without saying "${text}":\n${output}`)));
      });
    },
  };
  commands.push(command);
  return command;
}

async function end(command: Command, signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
  command.child.kill(signal);
  return command.ended;
}

const connectionFile = () => join(stateDirectory, ".local/portcullis.json");
const readConnection = async () => Connection.parse(JSON.parse(await readFile(connectionFile(), "utf8")));
type Connection = z.infer<typeof Connection>;

async function started(
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly command: Command; readonly connection: Connection }> {
  const command = run("start.ts", environment);
  await command.saying("Portcullis is running.");
  return { command, connection: await readConnection() };
}

async function read<T extends z.ZodType>(
  { gatewayUrl, adminKey }: Connection,
  path: string,
  schema: T,
): Promise<z.output<T>> {
  const answer = await fetch(gatewayUrl + path, { headers: { "x-api-key": adminKey } });
  expect(answer.status).toBe(200);
  return schema.parse(await answer.json());
}

/** The printed curl call, made by fetch: URL, headers and body are taken from the text. */
async function printedCall(output: string): Promise<Response> {
  const url = /curl -sS '([^']+)'/.exec(output)?.[1] ?? "";
  const headers = [...output.matchAll(/-H '([^:]+): ([^']+)'/g)].map(
    ([, name = "", value = ""]): [string, string] => [name, value],
  );
  const body = /-d '([^']+)'/.exec(output)?.[1] ?? "";
  return fetch(url, { method: "POST", headers, body });
}

/** The token of a tenant that promises the EU. */
async function euToken({ gatewayUrl, adminKey }: Connection): Promise<string> {
  async function post(path: string, body: object) {
    const headers = { "x-api-key": adminKey, "content-type": "application/json" };
    const answer = await fetch(gatewayUrl + path, { method: "POST", headers, body: JSON.stringify(body) });
    expect(answer.status, path).toBe(201);
    return z
      .looseObject({ id: z.string().optional(), token: z.string().optional() })
      .parse(await answer.json());
  }
  await post("/v1/tenants", { id: "berlin", name: "Berlin", home: "eu", residency: { zone: "eu" } });
  const resources = ["api://azure-openai/models/*"];
  await post("/v1/policies", {
    name: "chat",
    tenantId: "berlin",
    effect: "allow",
    actions: ["chat"],
    resources,
  });
  const { id: agentId } = await post("/v1/agents", { name: "berliner", tenantId: "berlin" });
  return (await post("/v1/tokens", { agentId })).token ?? "";
}

const chat = (gatewayUrl: string, token: string, deployment: string) =>
  fetch(`${gatewayUrl}/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`, {
    method: "POST",
    headers: { "api-key": token, "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 5 }),
  });

beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "portcullis-start-"));
});

afterEach(async () => {
  for (const command of commands.splice(0)) await end(command, "SIGTERM");
});

afterAll(() => rm(stateDirectory, { recursive: true, force: true }));

describe("npm start", () => {
  it("runs the demo, ends on Ctrl-C without losing a record, and goes on with the same data", async () => {
    const devVars = join(stateDirectory, ".dev.vars");
    const byHand = "# by hand\nAZURE_OPENAI_API_KEY=not-the-simulators";
    await writeFile(devVars, byHand);

    // Nothing about the demo turns on the place; what turns on it is the tenant that promises the EU, below.
    const first = await started({ PORTCULLIS_PLACE: "tor" });
    const { connection } = first;
    expect(await readFile(devVars, "utf8")).toMatch(
      new RegExp(
        `^${byHand}\n(?:(?:SIGNING_KEYS|RECEIPT_KEYS|LEDGER_NAME_SECRET|END_USER_SALT|ENTRA_KEYS|WEBHOOK_SECRET)='[^']+'\n){6}$`,
      ),
    );
    for (const file of [connectionFile(), devVars, join(stateDirectory, ".local/admin-key")]) {
      expect((await stat(file)).mode & 0o777, file).toBe(0o600);
    }

    const answer = await printedCall(first.command.output());
    expect(answer.status).toBe(200);
    const decisionId = answer.headers.get("portcullis-decision");
    await answer.text();

    const demo = run("demo.ts");
    expect(await demo.ended, demo.output()).toBe(0);
    expect(demo.output()).toContain("403 tokens_per_request_exceeded (request request_");

    const berlin = await euToken(connection);
    const overTor = await chat(connection.gatewayUrl, berlin, "gpt-4o-mini");
    expect([overTor.status, await overTor.json()]).toMatchObject([
      403,
      { error: { code: "residency_country" } },
    ]);

    // The record of this refusal still waits in a queue when the signal arrives.
    const last = await chat(connection.gatewayUrl, connection.token, "unknown");
    const lastDecisionId = last.headers.get("portcullis-decision");
    expect([last.status, lastDecisionId], await last.text()).toEqual([404, expect.any(String)]);
    expect(await end(first.command), first.command.output()).toBe(0);
    await expect(fetch(connection.gatewayUrl)).rejects.toThrow();
    await expect(fetch(connection.simulatorUrl)).rejects.toThrow();

    const second = await started({ AZURE_CREDENTIAL: "entra" });
    const { adminKey, agentId, tenantId } = second.connection;
    expect({ adminKey, agentId, tenantId }).toEqual({
      adminKey: connection.adminKey,
      agentId: connection.agentId,
      tenantId: connection.tenantId,
    });
    const agents = await read(second.connection, `/v1/agents?tenant=${tenantId}`, List);
    expect(agents.items.filter(({ name }) => name === "demo-agent")).toHaveLength(1);
    const policies = await read(second.connection, `/v1/policies?tenant=${tenantId}`, List);
    expect(policies.items.map(({ name }) => name).sort()).toEqual(["Demo policy", "Quick start"]);
    const records = await read(second.connection, `/v1/audit?tenant=${tenantId}&agent=${agentId}`, Records);
    expect(records.items.map((record) => `${record.kind} ${record.decisionId}`).sort()).toEqual(
      [`completion ${decisionId}`, `decision ${decisionId}`, `decision ${lastDecisionId}`].sort(),
    );
    // The simulator has another port now, and takes no key: the deployments followed, and tokens of the first start still count.
    expect(
      (
        await printedCall(
          first.command.output().replaceAll(connection.gatewayUrl, second.connection.gatewayUrl),
        )
      ).status,
    ).toBe(200);

    // This time nobody said where: calls come from Frankfurt.
    const fromFrankfurt = await chat(second.connection.gatewayUrl, berlin, "gpt-4o-mini");
    expect(fromFrankfurt.status, await fromFrankfurt.text()).toBe(200);

    const third = run("start.ts");
    expect(await third.ended).toBe(1);
    expect(third.output()).toContain("runs already at");
    expect(await end(second.command, "SIGTERM"), second.command.output()).toBe(0);
  }, 150_000);

  it.each(["PORT", "SIMULATOR_PORT"])("says which port is taken: %s", async (variable) => {
    const squatter = createServer();
    await new Promise<void>((done) => squatter.listen(0, "127.0.0.1", done));
    try {
      const address = squatter.address();
      const port = String(typeof address === "object" ? address?.port : address);
      const command = run("start.ts", { [variable]: port });
      expect(await command.ended).toBe(1);
      expect(command.output()).toBe(
        `Port ${port} is in use by another program. Stop it or choose another port with ${variable}=<port>.\n`,
      );
    } finally {
      squatter.close();
    }
  });
});

describe("npm start with a credential that could not work", () => {
  it.each([
    [{ AZURE_CREDENTIAL: "magic" }, "AZURE_CREDENTIAL must be `key` or `entra`."],
    [
      { AZURE_CREDENTIAL: "entra", AZURE_OPENAI_ENDPOINT: "https://azure.example" },
      "AZURE_CREDENTIAL=entra works with the simulator alone: unset AZURE_OPENAI_ENDPOINT.",
    ],
  ])("says so: %o", async (environment, sentence) => {
    const command = run("start.ts", environment);
    expect(await command.ended).toBe(1);
    expect(command.output()).toBe(`${sentence}\n`);
  });
});

describe("npm start with a place that it does not know", () => {
  it("says which ones there are", async () => {
    const command = run("start.ts", { PORTCULLIS_PLACE: "atlantis" });
    expect(await command.ended).toBe(1);
    expect(command.output()).toBe(
      "PORTCULLIS_PLACE must be one of frankfurt, dublin, oslo, zurich, london, virginia, singapore, " +
        "frankfurt-via-london, tor, unknown; it is `atlantis`.\n",
    );
  });
});

describe("npm start with a real endpoint", () => {
  it.each([
    [{ AZURE_OPENAI_API_KEY: "" }, "AZURE_OPENAI_ENDPOINT is set; set AZURE_OPENAI_API_KEY as well."],
    [{ AZURE_OPENAI_API_KEY: "a-key" }, "AZURE_OPENAI_ENDPOINT must be an https URL."],
  ])("refuses one that could not work: %o", async (environment, sentence) => {
    const command = run("start.ts", { AZURE_OPENAI_ENDPOINT: "http://azure.example", ...environment });
    expect(await command.ended).toBe(1);
    expect(command.output()).toBe(`${sentence}\n`);
  });
});

describe("npm run demo", () => {
  it("says what is missing when no gateway runs", async () => {
    const command = run("demo.ts", { PORTCULLIS_STATE_DIR: join(stateDirectory, "empty") });
    expect(await command.ended).toBe(1);
    expect(command.output()).toBe(
      "No gateway was started here yet. Run `npm start` in another terminal first.\n",
    );
  });
});
