// Every part ill in every way (docs/faults.md): what the caller gets, what the ledger counts, what is recorded.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import document from "../../../docs/faults.md?raw";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureCalls } from "../../../src/azure/azure-calls.ts";
import { configOf, type Env } from "../../../src/bindings.ts";
import { type Composed, compose } from "../../../src/compose.ts";
import { createEnforceRoutes, type EnforceRoutePorts } from "../../../src/gateway/enforce.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import {
  D1_READ_MAX_MS,
  D1_WRITE_MAX_MS,
  KV_MAX_MS,
  QUEUE_SEND_MAX_MS,
  RELAY_RESERVATION_MS,
  RESERVATION_GRACE_MS,
  UPSTREAM_HEADERS_MAX_MS,
  UPSTREAM_IDLE_MAX_MS,
  UPSTREAM_STREAM_HEADERS_MAX_MS,
} from "../../../src/kernel/limits.ts";
import { ok } from "../../../src/kernel/result.ts";
import { LEDGER_CALL_MAX_MS } from "../../../src/quota/call-ledger.store.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { createAgentLedgers } from "../../../src/quota/ledgers.store.ts";
import { type Fault, injections, named, neverEnds, noTimer, TWO_BACKENDS } from "./fault-injections.ts";
import { type FaultRow, faultRows, lineOf } from "./fault-rows.ts";
import {
  azureFaults,
  ledgersThat,
  queueThat,
  streamFaults,
  unheardDone,
  wholeAnswer,
} from "./faulty-parts.ts";
import { admin, adminKey, backend, call, newCaller } from "./gateway-fixture.ts";

await admin("POST", "/v1/deployments", {
  name: TWO_BACKENDS.name,
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: TWO_BACKENDS.hosts.map((host, priority) => ({
    ...backend,
    endpoint: `https://${host}`,
    priority,
  })),
});

const config = configOf(env);
/** The ledger's own time limit, shortened where a ledger never answers. */
const SHORT_MS = 20;

const prompt = { messages: [{ role: "user", content: "Hello" }], max_tokens: 50 };

function askEnforce(ports: EnforceRoutePorts, capabilityToken: string): Response | Promise<Response> {
  const resourceId = "api://azure-openai/models/gpt";
  return createEnforceRoutes(async () => ports).fetch(
    new Request("https://gateway.test/v1/enforce", {
      method: "POST",
      headers: { "x-api-key": adminKey, "content-type": "application/json" },
      body: JSON.stringify({ requestId: "one", capabilityToken, action: "chat", resourceId }),
    }),
  );
}

const askControlPlane = (controlPlane: Composed["controlPlane"]): Response | Promise<Response> =>
  controlPlane.fetch(new Request("https://gateway.test/v1/agents", { headers: { "x-api-key": adminKey } }));

/** One call through a fresh isolate whose bindings are ill, by a caller whose every use is counted. */
async function run({ bindings, azure, startTimer, clock, renewsAtOnce, short = [], plane, ...asked }: Fault) {
  const made = await newCaller({ maxRequestsPerDay: 10, maxTokensPerDay: 100_000 });
  const caller = { ...made, deployment: asked.deployment ?? made.deployment };
  const { stream } = asked;
  const queued: AuditRecord[] = [];
  const kept: AuditRecord[] = [];
  const pending: Promise<unknown>[] = [];
  const background = (work: Promise<unknown>) => void pending.push(work);
  const illEnv: Env = {
    ...env,
    ...queueThat(async (record) => {
      queued.push(record);
      // What a queue answers is not looked at, so it is always garbage here.
      return "nonsense";
    }),
    ...ledgersThat({
      keepRecord: async (real, record) => {
        await real();
        kept.push(record as AuditRecord);
      },
    }),
    ...bindings,
  };
  const { gateway, controlPlane } = await compose(illEnv, background, {
    startTimer: startTimer ?? noTimer,
    wait: neverEnds,
  });
  const hasty = createAgentLedgers(illEnv, config, { maxMs: SHORT_MS });
  const ledgers = {
    ...gateway.ledgers,
    ...Object.fromEntries(short.map((method) => [method, hasty[method]])),
    ...(renewsAtOnce ? { renew: async () => ok({ outcome: "renewed" } as const) } : {}),
  };
  const sends: string[] = [];
  const send: AzureCalls["send"] = (request) => {
    sends.push(request.url);
    return (azure ?? wholeAnswer)(request);
  };
  const ports = { ...gateway, ledgers, azure: { send }, clock: clock ?? gateway.clock };
  const response = plane
    ? await (plane === "enforce" ? askEnforce(ports, caller.token) : askControlPlane(controlPlane))
    : await call(caller, ports, { body: JSON.stringify(stream ? { ...prompt, stream } : prompt) });
  const text = await response.text();
  while (pending.length > 0) await Promise.all(pending.splice(0));
  await unheardDone();
  const name = await agentLedgerName(
    config.ledgerNameSecret,
    TenantId.parse(caller.tenantId),
    AgentId.parse(caller.agentId),
  );
  const ledger = ledgerStub(env.AGENT_LEDGER, "global", name);
  return { response, text, sends, queued, kept, ledger };
}

type Ran = Awaited<ReturnType<typeof run>>;

const counters = async ({ ledger }: Pick<Ran, "ledger">) =>
  runInDurableObject(ledger, (_, { storage }) => {
    const total = (query: string, meter: string) =>
      storage.sql.exec<{ value: number }>(query, `%/${meter}/day`).one().value;
    const of = (meter: string) => {
      const used = total("SELECT total(used) AS value FROM counter_buckets WHERE counter LIKE ?", meter);
      const reserved = total(
        `SELECT total(charge.value ->> 'amount') AS value
         FROM open_reservations, json_each(document, '$.charges') AS charge WHERE charge.value ->> 'counter' LIKE ?`,
        meter,
      );
      return { settled: used - reserved, reserved };
    };
    return { requests: of("requests"), tokens: of("tokens") };
  });

const USED_TOKENS = 12;
const tokensWithoutUsage = async (fault: Fault) => (await counters(await run(fault))).tokens.settled;
/** What an answer without usage costs; the prompt's bound counts the bytes of the body. */
const reservedTokens = await tokensWithoutUsage({ azure: named(azureFaults, "no usage") });
const reservedTokensOfStream = await tokensWithoutUsage({
  azure: named(streamFaults, "ended early"),
  stream: true,
});
const reservedOf = ({ part }: FaultRow) =>
  part.endsWith("streaming") ? reservedTokensOfStream : reservedTokens;

const charges: Readonly<Record<string, (reserved: number) => object>> = {
  nothing: () => ({ requests: { settled: 0, reserved: 0 }, tokens: { settled: 0, reserved: 0 } }),
  "as used": () => ({ requests: { settled: 1, reserved: 0 }, tokens: { settled: USED_TOKENS, reserved: 0 } }),
  "as reserved": (reserved) => ({
    requests: { settled: 1, reserved: 0 },
    tokens: { settled: reserved, reserved: 0 },
  }),
  "as reserved, then as used": (reserved) => ({
    requests: { settled: 2, reserved: 0 },
    tokens: { settled: reserved + USED_TOKENS, reserved: 0 },
  }),
  "twice as reserved": (reserved) => ({
    requests: { settled: 2, reserved: 0 },
    tokens: { settled: 2 * reserved, reserved: 0 },
  }),
  "held, by the alarm in full": (reserved) => ({
    requests: { settled: 0, reserved: 1 },
    tokens: { settled: 0, reserved },
  }),
};
const chargeOf = (row: FaultRow, charged = row.charged) => named(charges, charged)(reservedOf(row));

const codeIn = (text: string): string => /"code":"([^"]+)"/.exec(text)?.[1] ?? "–";

function retryOf({ headers }: Response): string {
  const after = headers.get("retry-after");
  if (after !== null) return `after ${after} s`;
  return headers.get("x-should-retry") === "false" ? "no" : "–";
}

const told = (record: AuditRecord): string => {
  const what =
    record.kind === "decision" ? record.decision : record.kind === "completion" ? record.end : record.kind;
  return record.source.startsWith("worker/") ? `${what} (W)` : what;
};

function recordedOf({ queued, kept }: Ran): string {
  if (queued.length > 0 && kept.length > 0) throw new Error("Some records went one way, some the other.");
  const list = (records: readonly AuditRecord[]) => records.map(told).join(", ");
  return queued.length > 0 ? list(queued) : kept.length > 0 ? `kept: ${list(kept)}` : "nothing";
}

afterEach(() => void vi.useRealTimers());

/** The reservation's time passes, and the ledger's alarm comes. */
async function afterAlarm({ ledger }: Ran) {
  const records: AuditRecord[] = [];
  await runInDurableObject(ledger, (object) => {
    Reflect.set(object, "env", { ...env, ...queueThat(async (record) => records.push(record)) });
  });
  vi.useFakeTimers({
    toFake: ["Date"],
    now: Date.now() + RELAY_RESERVATION_MS + 1_000,
  });
  await runDurableObjectAlarm(ledger);
  return { counted: await counters({ ledger }), records };
}

describe.each([...new Set(faultRows.map(({ part }) => part))])("%s ill", (part) => {
  it.each(faultRows.filter((row) => row.part === part))("$fault: $status $code", async (row) => {
    const ran = await run(injections[part](row.fault));
    expect({
      status: ran.response.status,
      code: codeIn(ran.text),
      retry: retryOf(ran.response),
      recorded: recordedOf(ran),
    }).toEqual({ status: row.status, code: row.code, retry: row.retry, recorded: row.recorded });
    expect(await counters(ran)).toEqual(chargeOf(row));
    expect(ran.text).not.toContain("192.0.2.7");
    if (row.charged === "nothing" && row.recorded.startsWith("denied")) expect(ran.sends).toEqual([]);
    if (row.charged !== "held, by the alarm in full") return;
    const { counted, records } = await afterAlarm(ran);
    expect(counted).toEqual(chargeOf(row, "as reserved"));
    expect(records).toMatchObject([{ kind: "abandoned", chargedTokens: reservedOf(row) }]);
  });
});

it("no cost is known only by comparison", () => {
  // Prompt, framing and the 50 tokens of output that were asked for.
  expect(reservedTokens).toBeGreaterThan(50 + USED_TOKENS);
  expect(reservedTokensOfStream).toBeGreaterThan(reservedTokens);
});

it("is what docs/faults.md says", () => {
  const [, table = ""] = document.split("|---|---|---|---|---|---|---|\n");
  expect(table.split("\n\n")[0]?.split("\n")).toEqual(faultRows.map(lineOf));
  const limits = {
    KV: KV_MAX_MS,
    "D1, reading": D1_READ_MAX_MS,
    "D1, writing for the control plane": D1_WRITE_MAX_MS,
    "a ledger": LEDGER_CALL_MAX_MS,
    queue: QUEUE_SEND_MAX_MS,
    "Azure, until its headers": UPSTREAM_HEADERS_MAX_MS,
    "Azure, until the headers of a stream, while another backend could be called":
      UPSTREAM_STREAM_HEADERS_MAX_MS,
    "Azure, between two chunks of its answer": UPSTREAM_IDLE_MAX_MS,
    "a ledger, renewing a call": RELAY_RESERVATION_MS - RESERVATION_GRACE_MS,
    "the whole call (`RELAY_MAX_MS`)": config.relayMaxMs,
  };
  for (const [part, ms] of Object.entries(limits))
    expect(document).toContain(`| ${part} | ${ms / 1_000} s |`);
});

it("has every part in all four ways", () => {
  for (const part of [
    "D1",
    "D1, API key of /v1/enforce",
    "D1, API key of the control plane",
    "KV",
    "ledger, before Azure",
    "ledger, renewing",
    "ledger, settling",
    "queue",
    "Azure",
  ]) {
    const faults = faultRows.filter((row) => row.part === part).map(({ fault }) => fault);
    expect(faults, part).toEqual(expect.arrayContaining(["unreachable", "error", "slow", "garbage"]));
  }
});
