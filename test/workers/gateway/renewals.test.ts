// Long calls through the gateway: what a renewal finds decides whether they go on, and how they are recorded.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import { configOf } from "../../../src/bindings.ts";
import { TOKEN_EXCHANGE } from "../../../src/capability/oauth-metadata.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { createTokenExchangeRoutes } from "../../../src/gateway/token-exchange.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { RELAY_RESERVATION_MS, RENEW_AGAIN_MS, RENEW_EVERY_MS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import { streamErrorEvent } from "../../../src/kernel/wire.ts";
import { AgentLedger } from "../../../src/quota/agent-ledger.object.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { admin, backgroundDone, call, codeOf, newCaller, ports, scriptedAzure } from "./gateway-fixture.ts";

const word = 'data: {"choices":[{"delta":{"content":"Hi"},"index":0}],"usage":null}\n\n';
const usageEvent =
  'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n';
const done = "data: [DONE]\n\n";

// One time for all tests: were it to step back, writes would wait for leases that ledgers granted later.
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
afterAll(() => void vi.useRealTimers());

/** Time for the platform to do what it has been asked to. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Relays' timers fire as their time passes, by the clock of gateway and ledgers alike; no store takes any time. */
function passingTime() {
  const timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  return {
    timers,
    startTimer(ms: number, fire: () => void) {
      const timer = { atMs: Date.now() + ms, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async pass(ms: number) {
      const untilMs = Date.now() + ms;
      for (;;) {
        const [next] = [...timers].toSorted((left, right) => left.atMs - right.atMs);
        if (next === undefined || next.atMs > untilMs) break;
        vi.setSystemTime(next.atMs);
        timers.delete(next);
        next.fire();
        await backgroundIdle();
      }
      vi.setSystemTime(untilMs);
    },
  };
}

let asked = 0;
let answered = 0;
/** Every renewal that was asked for has been answered. */
async function backgroundIdle(): Promise<void> {
  do await settled();
  while (asked > answered);
  await settled();
}

const limitedCaller = () => newCaller({ maxRequestsPerDay: 10, maxTokensPerDay: 100_000 });

async function underWay(
  isStream: boolean,
  ledgerFails: (nowMs: number) => boolean = () => false,
  answer?: (request: AzureRequest) => Response | Promise<Response>,
  caller?: Awaited<ReturnType<typeof limitedCaller>>,
) {
  caller ??= await limitedCaller();
  const time = passingTime();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const taken: AuditRecord[] = [];
  const renew: GatewayPorts["ledgers"]["renew"] = async (request) => {
    asked += 1;
    const reply = ledgerFails(Date.now())
      ? fail(refuse("ledger_unavailable"))
      : await ports.ledgers.renew(request);
    answered += 1;
    return reply;
  };
  const reached = Promise.withResolvers<void>();
  const azure = scriptedAzure((request) => {
    reached.resolve();
    request.signal.addEventListener("abort", () => void writer.abort(new Error("aborted")).catch(() => {}));
    return answer?.(request) ?? new Response(readable, { headers: { "content-type": "text/event-stream" } });
  });
  const response = call(
    caller,
    {
      azure,
      clock: () => Date.now(),
      startTimer: time.startTimer,
      ledgers: { ...ports.ledgers, renew },
      records: { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 },
    },
    {
      body: JSON.stringify({
        messages: [{ role: "user", content: "Hello" }],
        stream: isStream,
        max_tokens: 50,
      }),
    },
  );
  await reached.promise;
  const ledger = ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(
      configOf(env).ledgerNameSecret,
      TenantId.parse(caller.tenantId),
      AgentId.parse(caller.agentId),
    ),
  );
  return {
    ...time,
    caller,
    ledger,
    response,
    taken,
    send: (text: string) => writer.write(new TextEncoder().encode(text)),
    end: () => writer.close(),
    completion: () => taken.find(({ kind }) => kind === "completion"),
    rows: (query: string) =>
      runInDurableObject(ledger, (_, { storage }) => storage.sql.exec(query).toArray()),
  };
}

/** A token made of this one, under the key that signs by now. */
async function childOf(token: string): Promise<string> {
  const init = {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: TOKEN_EXCHANGE }),
  };
  const routes = createTokenExchangeRoutes(async () => ports);
  const response = await routes.fetch(new Request("https://gateway.test/v1/tokens/exchange", init));
  return String(((await response.json()) as Record<string, unknown>).access_token);
}

/** Says a word every so often, for as long as is said. */
async function talking({ send, pass }: Awaited<ReturnType<typeof underWay>>, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += RENEW_AGAIN_MS) {
    await send(word);
    await pass(RENEW_AGAIN_MS);
  }
}

describe("a stream", () => {
  it("of an agent that is disabled meanwhile ends at its next renewal, and says why", async () => {
    const stream = await underWay(true);
    const { caller, response, send, pass, completion, rows } = stream;
    const text = (await response).text();
    await send(word);
    await pass(RENEW_EVERY_MS - 1);
    await admin("PATCH", `/v1/agents/${caller.agentId}`, { status: "disabled" });
    await send(word);
    expect(completion()).toBeUndefined();
    await pass(1);
    expect(await text).toBe(word + word + streamErrorEvent(refuse("agent_disabled")));
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "revoked", settlement: "as_reserved", ledger: "settled" });
    expect(await rows("SELECT id FROM open_reservations")).toEqual([]);
    expect(stream.timers.size).toBe(0);
  });

  it.each([
    ["whose token is revoked", ({ token }: { token: string }) => ({ token })],
    ["whose agent's tokens are revoked", ({ agentId }: { agentId: string }) => ({ agentId })],
    ["whose tenant's tokens are revoked", ({ tenantId }: { tenantId: string }) => ({ tenantId })],
  ])("%s meanwhile ends at its next renewal, settled", async (_, bodyOf) => {
    const stream = await underWay(true);
    const { caller, response, send, pass, completion, rows } = stream;
    const text = (await response).text();
    await send(word);
    await pass(RENEW_EVERY_MS - 1);
    await admin("POST", "/v1/tokens/revoke", bodyOf(caller));
    expect(completion()).toBeUndefined();
    await pass(1);
    expect(await text).toBe(word + streamErrorEvent(refuse("token_revoked")));
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "revoked", settlement: "as_reserved", ledger: "settled" });
    expect(await rows("SELECT id FROM open_reservations")).toEqual([]);
  });

  it("whose token's key is killed meanwhile, or that of a token it was made of, ends at its next renewal, and says why", async () => {
    const parent = await limitedCaller();
    const { token: root } = await admin("POST", "/v1/tokens", {
      agentId: parent.agentId,
      delegation: { maxDepth: 1 },
    });
    const own = await underWay(true);
    await admin("POST", "/v1/keys/signing/rotate", { forceReason: "a test" });
    const child = await underWay(true, undefined, undefined, {
      ...parent,
      token: await childOf(String(root)),
    });
    const { kid } = decodeProtectedHeader(own.caller.token);
    expect(decodeJwt(child.caller.token).prior_keys).toMatchObject([{ kid }]);
    expect(decodeProtectedHeader(child.caller.token).kid).not.toBe(kid);

    const streams = [own, child];
    const texts = streams.map(async ({ response }) => (await response).text());
    await Promise.all(streams.map(({ send }) => send(word)));
    vi.setSystemTime(Date.now() + RENEW_EVERY_MS - 1);
    await admin("POST", `/v1/keys/signing/${kid}/kill`, { reason: "leaked" });
    for (const { pass, completion } of streams) {
      expect(completion()).toBeUndefined();
      await pass(1);
    }
    const ended = word + streamErrorEvent(refuse("token_key_withdrawn"));
    expect(await Promise.all(texts)).toEqual([ended, ended]);
    await backgroundDone();
    for (const { completion, rows } of streams) {
      expect(completion()).toMatchObject({ end: "revoked", settlement: "as_reserved", ledger: "settled" });
      expect(await rows("SELECT id FROM open_reservations")).toEqual([]);
    }
  });

  it("goes on when its tenant changes and its token does not", async () => {
    const stream = await underWay(true);
    const { caller, response, send, pass, end, completion } = stream;
    const text = (await response).text();
    await admin("PUT", `/v1/tenants/${caller.tenantId}`, { name: "renamed" });
    await pass(RENEW_EVERY_MS);
    await send(word + usageEvent + done);
    await end();
    expect(await text).toContain("[DONE]");
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "complete", settlement: "used" });
  });

  it("longer than its reservation lasts is settled as used, once", async () => {
    const stream = await underWay(true);
    const { ledger, response, send, end, taken, completion, rows } = stream;
    const text = (await response).text();
    for (let lives = 0; lives < 3; lives += 1) {
      await talking(stream, RELAY_RESERVATION_MS);
      await runDurableObjectAlarm(ledger);
    }
    expect(await rows("SELECT id FROM open_reservations")).toHaveLength(1);
    await send(usageEvent + done);
    await end();
    expect(await text).toContain("[DONE]");
    await backgroundDone();
    expect(completion()).toMatchObject({
      end: "complete",
      settlement: "used",
      ledger: "settled",
      chargedTokens: 7,
    });
    // Renewals take no number.
    expect(taken.map(({ n }) => n)).toEqual([1, 2]);
  });

  it("survives a ledger that is away for less than its reservation lasts", async () => {
    let backAtMs = Number.POSITIVE_INFINITY;
    const stream = await underWay(true, (nowMs) => nowMs < backAtMs);
    const { ledger, response, send, end, completion } = stream;
    const text = (await response).text();
    backAtMs = Date.now() + RENEW_EVERY_MS + 3 * RENEW_AGAIN_MS;
    await talking(stream, 2 * RELAY_RESERVATION_MS);
    await runDurableObjectAlarm(ledger);
    await send(usageEvent + done);
    await end();
    expect(await text).toContain("[DONE]");
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "complete", settlement: "used", ledger: "settled" });
  });

  it("that cannot be renewed ends while its reservation still holds", async () => {
    const stream = await underWay(true, () => true);
    const { response, completion } = stream;
    const text = (await response).text();
    await talking(stream, 2 * RENEW_EVERY_MS);
    expect(await text).toContain(streamErrorEvent(refuse("relay_deadline")));
    await backgroundDone();
    expect(completion()).toMatchObject({
      end: "relay_deadline",
      settlement: "as_reserved",
      ledger: "settled",
    });
  });

  it("whose reservation its ledger does not know ends at its next renewal", async () => {
    const stream = await underWay(true);
    const { response, pass, send, completion } = stream;
    const text = (await response).text();
    await send(word);
    const lost = vi.spyOn(AgentLedger.prototype, "renew").mockResolvedValueOnce({ outcome: "unknown" });
    await pass(RENEW_EVERY_MS);
    lost.mockRestore();
    expect(await text).toBe(word + streamErrorEvent(refuse("relay_deadline")));
    await backgroundDone();
    expect(completion()).toMatchObject({ end: "relay_deadline", settlement: "as_reserved" });
  });
});

it("a JSON call of an agent that is disabled meanwhile is refused with that, and charged", async () => {
  const silent = ({ signal }: AzureRequest) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  const { caller, response, pass, completion } = await underWay(false, undefined, silent);
  await admin("PATCH", `/v1/agents/${caller.agentId}`, { status: "disabled" });
  await pass(RENEW_EVERY_MS);
  const answer = await response;
  expect([answer.status, await codeOf(answer)]).toEqual([403, "agent_disabled"]);
  expect(answer.headers.get("x-should-retry")).toBe("false");
  await backgroundDone();
  expect(completion()).toMatchObject({ end: "revoked", upstreamStatus: null, settlement: "as_reserved" });
});

it("the call of a Worker that died is charged in full and recorded when its reservation runs out", async () => {
  const { ledger, response, send, rows } = await underWay(true);
  const reader = (await response).body?.getReader();
  await Promise.all([send(word), reader?.read()]);
  // Nobody renews any more.
  vi.setSystemTime(Date.now() + RELAY_RESERVATION_MS);
  const records: AuditRecord[] = [];
  await runInDurableObject(ledger, (object) => {
    const queue = { send: async (record: AuditRecord) => records.push(record) };
    Reflect.set(object, "env", { ...env, GLOBAL_AUDIT: queue });
  });
  await runDurableObjectAlarm(ledger);
  expect(records).toMatchObject([{ kind: "abandoned", reason: "abandoned" }]);
  expect(await rows("SELECT id FROM open_reservations")).toEqual([]);
  expect(await rows("SELECT used FROM counter_buckets WHERE counter LIKE '%/requests/day'")).toEqual([
    { used: 1 },
  ]);
});
