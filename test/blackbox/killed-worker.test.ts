/**
 * A Worker that dies in the middle of its work: workerd is killed with calls in flight and started again on the same
 * disk. No reservation stays open, and every decision is recorded or is a gap in its source's numbers.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { type ControlPlane, connectControlPlane } from "../../dev/local/control-plane.ts";
import { writeDemoData } from "../../dev/local/demo-data.ts";
import { prepare } from "../../dev/local/prepare.ts";
import { simulatorSite } from "../../dev/local/start-settings.ts";
import { openStateFolder, type StateFolder, wranglerConfig } from "../../dev/local/state-folder.ts";
import { type Simulator, startSimulator } from "../../dev/simulator/start-simulator.ts";

const root = resolve(import.meta.dirname, "../..");
/** What has to pass before a reservation that nobody renews expires. */
const RESERVATION_LIFE_MS = 90_000;
const STREAMS_IN_FLIGHT = 3;

let base: string;
let folder: StateFolder;
let simulator: Simulator;
let adminKey: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "portcullis-killed-"));
  await mkdir(join(base, "tmp"));
  await writeFile(join(base, ".dev.vars"), "LEASE_MS='500'\n");
  folder = openStateFolder({ PORTCULLIS_STATE_DIR: base });
  [{ adminKey }, simulator] = await Promise.all([prepare(folder), startSimulator()]);
});

afterAll(async () => {
  for (const child of children) await stop(child);
  await simulator.close();
  await rm(base, { recursive: true, force: true });
});

async function startGateway(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = fork(join(root, "dev/local/gateway-process.ts"), [], {
    detached: true,
    execArgv: ["--no-warnings"],
    // What a killed process leaves behind goes with the folder.
    env: { ...process.env, TMPDIR: join(base, "tmp") },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  children.push(child);
  const { devVars, stores } = folder;
  child.send({ config: wranglerConfig, devVars, stores, azureKey: simulator.apiKey });
  const [message] = await once(child, "message");
  return { child, url: new URL(z.object({ url: z.url() }).parse(message).url).origin };
}

const isRunning = (child: ChildProcess) => child.exitCode === null && child.signalCode === null;

async function stop(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  const isGone = await Promise.race([ended.then(() => true), wait(5_000, false, { ref: false })]);
  if (!isGone) child.kill("SIGKILL");
  await ended;
}

/** workerd alone, as the kernel would for want of memory; then what started it, which is of no more use. */
async function killWorker(child: ChildProcess): Promise<void> {
  const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid=,comm="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const own = processes.filter(
    ([, parent, name]) => parent === String(child.pid) && name?.includes("workerd"),
  );
  // wrangler's own proxy runs in a second one.
  expect(own).not.toHaveLength(0);
  for (const [pid] of own) process.kill(Number(pid), "SIGKILL");
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Databases of the agents' ledgers, and the one that holds their alarms. */
function eachLedger(use: (database: DatabaseSync, isAlarms: boolean) => void): void {
  const files = globSync(join(folder.stores, "v3/do/*AgentLedger/*.sqlite"));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const database = new DatabaseSync(file);
    use(database, file.endsWith("metadata.sqlite"));
    database.close();
  }
}

/** While nothing runs, time passes by moving what is due nearer: alarms in nanoseconds, reservations in milliseconds. */
function letReservationsExpire(): void {
  eachLedger((database, isAlarms) => {
    const ns = `${RESERVATION_LIFE_MS}000000`;
    if (isAlarms) {
      database.exec(`UPDATE _cf_ALARM SET scheduled_time = scheduled_time - ${ns}`);
    } else {
      database.exec(`UPDATE _cf_METADATA SET value = value - ${ns} WHERE key = 1 AND value IS NOT NULL`);
      database.exec(
        `UPDATE open_reservations
         SET document = json_set(document, '$.expiresAtMs', (document ->> 'expiresAtMs') - ${RESERVATION_LIFE_MS})`,
      );
    }
  });
}

const Page = z.object({
  items: z.array(
    z.looseObject({
      kind: z.string(),
      source: z.string(),
      n: z.number(),
      decisionId: z.string(),
      decisionNumber: z.number().optional(),
      chargedTokens: z.number().nullish(),
    }),
  ),
});
type Recorded = z.infer<typeof Page>["items"][number];

/** Polled: the queue's consumer has no event a caller could wait for. */
async function records(
  controlPlane: ControlPlane,
  agentId: string,
  isEnough: (found: readonly Recorded[]) => boolean,
): Promise<readonly Recorded[]> {
  for (let tries = 0; tries < 150; tries += 1) {
    const { items } = await controlPlane.get(
      `/v1/audit?tenant=default-tenant&agent=${agentId}&limit=200`,
      Page,
    );
    if (isEnough(items)) return items;
    await wait(100);
  }
  throw new Error("These records did not come.");
}

const ofKind = (found: readonly Recorded[], kind: string) => found.filter((record) => record.kind === kind);

function chat(url: string, token: string, more: object = {}): Promise<Response> {
  return fetch(`${url}/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21`, {
    method: "POST",
    headers: { "api-key": token, "content-type": "application/json" },
    body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 50, ...more }),
  });
}

async function completed(url: string, token: string): Promise<string> {
  const answer = await chat(url, token);
  expect(answer.status, await answer.text()).toBe(200);
  return answer.headers.get("portcullis-decision") ?? "";
}

/** A stream of which the first chunk has come; nothing more ever will. */
async function hanging(url: string, token: string): Promise<string> {
  simulator.next({ kind: "hang", afterChunks: 2 });
  const answer = await chat(url, token, { stream: true });
  const reader = answer.body?.getReader();
  await reader?.read();
  reader?.closed.catch(() => {});
  return answer.headers.get("portcullis-decision") ?? "";
}

it("leaves no reservation open, and loses no decision unseen", async () => {
  const first = await startGateway();
  const { agentId, token } = await writeDemoData(
    connectControlPlane(first.url, adminKey),
    simulatorSite(simulator.url),
  );
  const decisions = [await completed(first.url, token), await completed(first.url, token)];
  await records(
    connectControlPlane(first.url, adminKey),
    agentId,
    (found) => ofKind(found, "completion").length === 2,
  );

  const abandoned: string[] = [];
  while (abandoned.length < STREAMS_IN_FLIGHT) abandoned.push(await hanging(first.url, token));
  simulator.next({ kind: "hang" });
  const arrives = simulator.waitForRequest();
  const unanswered = chat(first.url, token).then(
    () => "answered",
    () => "lost",
  );
  await arrives;
  decisions.push(...abandoned, await completed(first.url, token));

  await killWorker(first.child);
  expect(await unanswered).toBe("lost");
  await expect(fetch(first.url)).rejects.toThrow();
  letReservationsExpire();

  const second = await startGateway();
  const controlPlane = connectControlPlane(second.url, adminKey);
  // Nobody calls this agent's ledger: its alarm comes by itself.
  await records(controlPlane, agentId, (found) => ofKind(found, "abandoned").length > STREAMS_IN_FLIGHT);
  decisions.push(await completed(second.url, token));
  const found = await records(controlPlane, agentId, (all) =>
    ofKind(all, "completion").some(({ decisionId }) => decisionId === decisions.at(-1)),
  );
  await stop(second.child);

  const charged = ofKind(found, "abandoned");
  expect(charged.map(({ decisionId }) => decisionId)).toEqual(expect.arrayContaining(abandoned));
  expect(charged).toHaveLength(STREAMS_IN_FLIGHT + 1);
  for (const { chargedTokens } of charged) expect(chargedTokens).toBeGreaterThan(50);

  // Eight decisions, four completions and four abandoned calls: each number once, none skipped, none used again.
  const byNumber = new Map(found.map((record) => [record.n, record]));
  expect(new Set(found.map(({ source }) => source))).toEqual(new Set([`agent-ledger/${agentId}`]));
  expect(byNumber.size).toBe(found.length);
  expect(Math.max(...byNumber.keys())).toBe(16);
  const gaps = 16 - byNumber.size;
  const lostDecisions = 8 - ofKind(found, "decision").length;
  const lostCompletions = 4 - ofKind(found, "completion").length;
  expect(gaps).toBe(lostDecisions + lostCompletions);
  const known = new Set(ofKind(found, "decision").map(({ decisionId }) => decisionId));
  expect(decisions.filter((id) => !known.has(id)).length).toBeLessThanOrEqual(gaps);
  for (const { decisionId, decisionNumber = 0 } of charged) {
    // Recorded under its number, or nothing stands there.
    const record = byNumber.get(decisionNumber);
    if (record !== undefined) expect(record).toMatchObject({ kind: "decision", decisionId });
    else expect(known).not.toContain(decisionId);
  }

  eachLedger((database, isAlarms) => {
    if (isAlarms) return;
    const count = (query: string) => database.prepare(query).get()?.value;
    expect(count("SELECT count(*) AS value FROM open_reservations")).toBe(0);
    expect(count("SELECT count(*) AS value FROM outbox")).toBe(0);
    expect(count("SELECT total(ahead) AS value FROM counter_buckets")).toBe(0);
    expect(
      count("SELECT total(used) AS value FROM counter_buckets WHERE counter LIKE '%/requests/day'"),
    ).toBe(8);
  });
});
