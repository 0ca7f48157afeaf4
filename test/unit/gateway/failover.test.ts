// A call that fails at one backend: which one is next, what is reserved and charged, and what is recorded of it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { Backend } from "../../../src/azure/backend.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import {
  CALLS_PER_FAILOVER,
  CREDENTIAL_SEARCH_MAX_MS,
  DRAIN_MAX_MS,
  ILL_AFTER_FAILURES,
  MAX_ATTEMPTS,
  MAX_FAILOVERS_AT_HAND,
  RENEW_EVERY_MS,
  UPSTREAM_HEADERS_MAX_MS,
  UPSTREAM_STREAM_HEADERS_MAX_MS,
} from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { Receipt } from "../../../src/residency/receipt.ts";
import {
  type Answer,
  backends,
  broken,
  type Called,
  createWorld,
  good,
  hostOf,
  type LedgerSays,
  opening,
  type Script,
  saying,
  silent,
  turns,
} from "./failover-fixture.ts";

const hostsOf = (...indexes: number[]) => indexes.map((index) => `b${index}.test`);
const hostOfTold = ({ id }: { readonly id: string }) => {
  const backend = backends.find((one) => one.id === id);
  return backend && hostOf(backend);
};
const attemptsOf = ({ completions }: Called) => completions.flatMap(({ attempts }) => attempts);
const receiptOf = ({ relayed }: Called) =>
  relayed.receipt === null ? null : Receipt.parse(JSON.parse(relayed.receipt));
const decisionsOf = ({ records }: Called) => records.filter((record) => record.kind === "decision");
const numberOf = ({ source, n }: AuditRecord) => ({ source, n });

describe("an attempt that Azure refuses and does not bill", () => {
  it.each([401, 403, 429, 500, 502, 503, 504])(
    "with %i: the next one shares the reservation",
    async (status) => {
      const called = await createWorld().call({ answers: [saying(status)] });
      expect(called.status).toBe(200);
      expect(called.hosts).toEqual(hostsOf(0, 1));
      expect(called.endings).toEqual([["used"]]);
      expect(called.completions).toMatchObject([
        {
          end: "complete",
          backend: { id: backends[1]?.id },
          attempts: [
            { end: "upstream_error", upstreamStatus: status, backend: { id: backends[0]?.id } },
            { end: "complete", upstreamStatus: 200, backend: { id: backends[1]?.id } },
          ],
        },
      ]);
      expect(decisionsOf(called)).toMatchObject([{ backend: { id: backends[0]?.id } }]);
      expect(receiptOf(called)?.backend?.id).toBe(backends[1]?.id);
    },
  );

  it.each([400, 404, 408, 409, 422, 431])(
    "%i is the caller's own matter: no other backend is asked",
    async (status) => {
      const called = await createWorld().call({ answers: [saying(status)] });
      expect([called.status, called.hosts]).toEqual([status, hostsOf(0)]);
    },
  );

  it("goes to the lowest tier first, to each backend once, and no further than it may", async () => {
    const called = await createWorld().call({ answers: [saying(503), saying(429), saying(500), good] });
    expect(called.hosts).toEqual(hostsOf(0, 1, 2));
    expect([called.status, called.endings]).toEqual([500, [["released"]]]);
    expect(attemptsOf(called).map(({ upstreamStatus }) => upstreamStatus)).toEqual([503, 429, 500]);
  });

  it("lets go of its body, which nobody reads", async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      cancel() {
        isCancelled = true;
      },
    });
    const called = await createWorld().call({ answers: [() => new Response(body, { status: 503 })] });
    expect([called.status, isCancelled]).toEqual([200, true]);
  });
});

describe("an attempt that was sent and never answered", () => {
  it("is charged, and the next one has a reservation, a decision and a completion of its own", async () => {
    const called = await createWorld().call({ answers: [saying(429), broken, good] });
    expect([called.status, called.hosts]).toEqual([200, hostsOf(0, 1, 2)]);
    expect(called.endings).toEqual([["as_reserved"], ["used"]]);
    expect(called.completions).toMatchObject([
      {
        end: "upstream_unreachable",
        settlement: "as_reserved",
        backend: { id: backends[1]?.id },
        attempts: [{ upstreamStatus: 429 }, { end: "upstream_unreachable", upstreamStatus: null }],
      },
      {
        end: "complete",
        settlement: "used",
        backend: { id: backends[2]?.id },
        attempts: [{ end: "complete" }],
      },
    ]);
    const decisions = decisionsOf(called);
    expect(decisions.map(({ decision, backend }) => [decision, backend?.id])).toEqual([
      ["allowed", backends[0]?.id],
      ["allowed", backends[2]?.id],
    ]);
    expect(new Set([...decisions, ...called.completions].map(({ decisionId }) => decisionId)).size).toBe(1);
    expect(receiptOf(called)?.backend?.id).toBe(backends[2]?.id);
  });

  it.each<[LedgerSays, decisions: string[]]>([
    ["full", ["allowed", "denied"]],
    ["stale", ["allowed"]],
    ["unreachable", ["allowed"]],
  ])("is the caller's answer where the ledger is %s", async (says, decisions) => {
    const called = await createWorld().call({ answers: [broken], reserves: [says] });
    expect([called.status, called.hosts]).toEqual(["upstream_unreachable", hostsOf(0)]);
    expect(called.endings).toEqual([["as_reserved"]]);
    expect(decisionsOf(called).map(({ decision }) => decision)).toEqual(decisions);
    expect(receiptOf(called)?.backend?.id).toBe(backends[0]?.id);
  });

  it("under detailed logging is followed by no call that is not recorded first", async () => {
    const order: string[] = [];
    const recorded = await createWorld().call({
      constraints: { auditLogging: "detailed" },
      answers: [broken, good].map(
        (answer): Answer =>
          (request) => {
            order.push("azure");
            return answer(request);
          },
      ),
      takes: ({ kind }) => order.push(kind) > 0,
    });
    expect(recorded.status).toBe(200);
    expect(order).toEqual(["decision", "azure", "completion", "decision", "azure", "completion"]);

    let decisions = 0;
    const unrecorded = await createWorld().call({
      constraints: { auditLogging: "detailed" },
      answers: [broken],
      takes: ({ kind }) => kind !== "decision" || ++decisions === 1,
    });
    expect([unrecorded.status, unrecorded.hosts]).toEqual(["upstream_unreachable", hostsOf(0)]);
    expect(unrecorded.endings).toEqual([["as_reserved"], ["released"]]);
    expect(unrecorded.completions.at(-1)).toMatchObject({ backend: null, attempts: [] });
  });

  it("is followed by one whose answer is withheld where its decision is recorded nowhere", async () => {
    let decisions = 0;
    const called = await createWorld().call({
      answers: [broken],
      takes: ({ kind }) => kind !== "decision" || ++decisions === 1,
    });
    expect([called.status, called.hosts, called.relayed.receipt]).toEqual([
      "answer_unrecorded",
      hostsOf(0, 1),
      null,
    ]);
    expect(called.endings).toEqual([["as_reserved"], ["as_reserved"]]);
  });
});

/** Time passes, and every renewal that is due meanwhile is answered. */
async function renewedFor(timers: ReturnType<typeof createWorld>["timers"], ms: number): Promise<void> {
  await turns();
  for (let passedMs = 0; passedMs < ms; passedMs += RENEW_EVERY_MS) {
    timers.pass(Math.min(RENEW_EVERY_MS, ms - passedMs));
    await turns();
  }
}

describe("headers that do not come", () => {
  it("of a stream are waited for briefly while another backend is left", async () => {
    const { call, timers } = createWorld();
    const calling = call({ stream: true, answers: [silent] });
    await turns();
    timers.pass(UPSTREAM_STREAM_HEADERS_MAX_MS);
    const called = await calling;
    expect([called.status, called.hosts]).toEqual([200, hostsOf(0, 1)]);
    expect(called.endings).toEqual([["as_reserved"], ["used"]]);
    expect(called.completions).toMatchObject([{ end: "upstream_timeout" }, { end: "complete" }]);
    expect(timers.running).toBe(0);
  });

  it("end a reservation, of which a renewal under way may then know nothing: the next attempt goes on", async () => {
    const { call, timers } = createWorld();
    const renewed: string[] = [];
    const answer = Promise.withResolvers<Response>();
    const reply = Promise.withResolvers<{ outcome: "unknown" }>();
    const calling = call({
      stream: true,
      answers: [silent, () => answer.promise],
      async renew({ reservationId }) {
        renewed.push(reservationId);
        return ok(renewed.length === 1 ? await reply.promise : { outcome: "renewed" });
      },
    });
    await turns();
    timers.pass(UPSTREAM_STREAM_HEADERS_MAX_MS);
    await turns();
    reply.resolve({ outcome: "unknown" });
    await turns();
    timers.pass(RENEW_EVERY_MS - 1);
    answer.resolve(Response.json({ choices: [] }));
    timers.pass(1);
    expect((await calling).status).toBe(200);
    // One after the other, what was held then.
    expect(new Set(renewed).size).toBe(2);
  });

  it("of a whole answer are waited for at length, and no other backend is asked after that", async () => {
    const { call, timers } = createWorld();
    const calling = call({ answers: [silent] });
    await turns();
    await renewedFor(timers, UPSTREAM_HEADERS_MAX_MS);
    const called = await calling;
    expect([called.status, called.hosts]).toEqual(["upstream_timeout", hostsOf(0)]);
    expect(called.completions).toMatchObject([
      { end: "upstream_timeout", durationMs: UPSTREAM_HEADERS_MAX_MS },
    ]);
    expect(timers.running).toBe(0);
  });

  it("of a stream's last attempt are waited for at length", async () => {
    const { call, timers } = createWorld();
    const calling = call({ stream: true, answers: [saying(503), saying(503), silent] });
    await renewedFor(timers, UPSTREAM_HEADERS_MAX_MS);
    const called = await calling;
    expect(called.status).toBe("upstream_timeout");
    expect(called.completions).toMatchObject([
      { attempts: [{}, {}, { durationMs: UPSTREAM_HEADERS_MAX_MS }] },
    ]);
  });
});

describe("a credential", () => {
  it("that cannot be had lets its backend be passed over, and costs nothing of the budget", async () => {
    const { call, retryBudget } = createWorld();
    const isFirst = ({ priority }: Backend) => priority === 0;
    while (retryBudget.take());
    const some = await call({ overrides: { credentials: opening(isFirst) } });
    expect(some.hosts).toEqual(hostsOf(2));
    const none = await call({ overrides: { credentials: opening(() => true) } });
    expect([none.status, none.hosts, none.endings]).toEqual(["backend_unavailable", [], [["released"]]]);
    expect(none.relayed.answer).toMatchObject({ error: { evidence: { backend: backends[0]?.id } } });
  });

  it("is not searched for without end", async () => {
    const { call, timers } = createWorld();
    const asked: string[] = [];
    const credentials: GatewayPorts["credentials"] = {
      async credentialOf({ id }) {
        asked.push(id);
        timers.pass(CREDENTIAL_SEARCH_MAX_MS / 2);
        return fail(refuse("backend_unavailable"));
      },
    };
    const called = await call({ overrides: { credentials } });
    expect([called.status, called.endings]).toEqual(["backend_unavailable", [["released"]]]);
    expect(asked).toHaveLength(2);
  });

  it("that Azure does not take is told of, and the next backend has its own", async () => {
    const refused: string[] = [];
    const credentials = opening(undefined, (backend) => refused.push(hostOf(backend)));
    const answers = [saying(403), saying(500)];
    const called = await createWorld().call({ answers, overrides: { credentials } });
    expect([called.hosts, refused]).toEqual([hostsOf(0, 1, 2), hostsOf(0)]);
  });

  it("names where a call goes, and its backend stays what is recorded", async () => {
    const credentials: GatewayPorts["credentials"] = {
      credentialOf: async () =>
        ok({ header: ["authorization", "Bearer t"], endpoint: "https://told.test", refused() {} }),
    };
    const called = await createWorld().call({ overrides: { credentials } });
    expect(called.hosts).toEqual(["told.test"]);
    expect(called.completions).toMatchObject([{ backend: { id: backends[0]?.id } }]);
  });

  it("that comes after its caller has gone opens nothing", async () => {
    const client = new AbortController();
    const asked: string[] = [];
    const leaving: GatewayPorts["credentials"] = {
      async credentialOf(backend) {
        asked.push(hostOf(backend));
        if (asked.length > 1) client.abort();
        return opening().credentialOf(backend);
      },
    };
    const { call, timers, retryBudget } = createWorld();
    const called = await call({
      answers: [saying(503)],
      client: client.signal,
      overrides: { credentials: leaving },
    });
    expect([asked, called.hosts, called.endings]).toEqual([hostsOf(0, 1), hostsOf(0), [["released"]]]);
    for (let at = 0; at < MAX_FAILOVERS_AT_HAND; at += 1) expect(retryBudget.take()).toBe(true);
    expect(timers.running).toBe(0);
  });

  it("that is waited for while another call probes the backend sends no second probe", async () => {
    const { call, timers } = createWorld();
    for (let failures = 0; failures < ILL_AFTER_FAILURES; failures += 1) {
      await call({ answers: [saying(500)] });
    }
    timers.pass(1_000);
    const waited = Promise.withResolvers<void>();
    const slow: GatewayPorts["credentials"] = {
      async credentialOf(backend) {
        if (hostOf(backend) === hostsOf(0)[0]) await waited.promise;
        return opening().credentialOf(backend);
      },
    };
    const waiting = call({ overrides: { credentials: slow } });
    const answer = Promise.withResolvers<Response>();
    const probing = call({ answers: [() => answer.promise] });
    await turns();
    waited.resolve();
    expect((await waiting).hosts).toEqual(hostsOf(1));
    answer.resolve(Response.json({ choices: [] }));
    expect((await probing).hosts).toEqual(hostsOf(0));
  });
});

it("a caller who has gone is not called for again", async () => {
  const client = new AbortController();
  const leaving: Answer = () => {
    client.abort();
    return Response.json({}, { status: 503 });
  };
  const { call, timers } = createWorld();
  const called = await call({ answers: [leaving], client: client.signal });
  expect(called.hosts).toEqual(hostsOf(0));
  expect(timers.running).toBe(0);
});

describe("a caller who leaves before the answer begins", () => {
  /** Azure is asked, the caller leaves, and then comes what comes. */
  async function left(answer: Answer, thenPassMs = 0): Promise<Called> {
    const client = new AbortController();
    const { call, timers } = createWorld();
    const calling = call({
      client: client.signal,
      answers: [
        (request) => {
          client.abort();
          return answer(request);
        },
      ],
    });
    await turns();
    timers.pass(thenPassMs);
    const called = await calling;
    expect(timers.running).toBe(0);
    return called;
  }
  const breaking: Answer = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.error(new Error("connection reset")),
      }),
    );

  it.each([
    ["the answer comes after all", good, 0, "used", 200],
    ["the answer breaks off", breaking, 0, "as_reserved", 200],
    ["no answer comes for as long as one is waited for", silent, DRAIN_MAX_MS, "as_reserved", null],
  ] as const)("is recorded as gone where %s", async (_, answer, passedMs, settlement, upstreamStatus) => {
    const { completions } = await left(answer, passedMs);
    const ending = { end: "client_gone", upstreamStatus };
    expect(completions).toMatchObject([{ ...ending, settlement, attempts: [ending] }]);
  });

  it("does not hide what Azure itself said or did", async () => {
    expect((await left(saying(400))).completions).toMatchObject([{ end: "upstream_error" }]);
    expect((await left(broken)).completions).toMatchObject([{ end: "upstream_unreachable" }]);
  });
});

describe("what an isolate has learned", () => {
  it("spares a backend that asked for a pause, and callers learn when all of them may be called again", async () => {
    const { call, timers } = createWorld();
    const busy = (seconds: number) => saying(429, { "retry-after": String(seconds) });
    expect((await call({ answers: [busy(20), busy(8), busy(30)] })).hosts).toEqual(hostsOf(0, 1, 2));
    expect((await call({ answers: [busy(40)] })).hosts).toEqual(hostsOf(3));
    const none = await call({});
    expect([none.status, none.hosts, none.endings]).toEqual(["backends_busy", [], [["released"]]]);
    expect(none.relayed.answer).toMatchObject({ error: { retryAfterSeconds: 8 } });
    timers.pass(8_000);
    expect((await call({})).hosts).toEqual(hostsOf(1));
  });

  it("leaves an ill backend alone but for a probe", async () => {
    const { call, timers } = createWorld();
    for (let failures = 0; failures < ILL_AFTER_FAILURES; failures += 1) {
      expect((await call({ answers: [saying(500)] })).hosts).toEqual(hostsOf(0, 1));
    }
    expect((await call({})).hosts).toEqual(hostsOf(1));
    timers.pass(1_000);
    const answer = Promise.withResolvers<Response>();
    const probing = call({ answers: [() => answer.promise] });
    await turns();
    expect((await call({})).hosts).toEqual(hostsOf(1));
    answer.resolve(Response.json({ choices: [] }));
    expect((await probing).hosts).toEqual(hostsOf(0));
    expect((await call({})).hosts).toEqual(hostsOf(0));
  });

  it("refuses with a hint where every backend is ill", async () => {
    const { call } = createWorld();
    const all = backends.map(() => saying(503));
    for (let calls = 0; calls < 3 * ILL_AFTER_FAILURES; calls += 1) await call({ answers: all });
    const refused = await call({ answers: all });
    expect([refused.status, refused.hosts]).toEqual(["backend_unavailable", []]);
    expect(refused.relayed.answer).toMatchObject({ error: { retryAfterSeconds: 1 } });
  });

  it("stops failing over when too much of it was needed", async () => {
    const { call } = createWorld();
    let atAzure = 0;
    const calls = 200;
    for (let index = 0; index < calls; index += 1) {
      // Never ill, never paused: the budget alone is between Azure and three times its calls.
      const { hosts } = await call({ answers: backends.map(() => saying(429, { "retry-after": "0" })) });
      atAzure += hosts.length;
    }
    const most = calls + calls / CALLS_PER_FAILOVER + MAX_FAILOVERS_AT_HAND;
    // What a first call earns finds the budget full.
    expect(atAzure).toBe(most - 1);
    expect(atAzure / calls).toBeLessThanOrEqual(1.2);
  });
});

describe("whatever fails, wherever", () => {
  const outcomes: Record<string, Answer> = {
    good,
    broken,
    stream: () => new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } }),
    busy: saying(429, { "retry-after": "0" }),
    paused: saying(429, { "retry-after": "3" }),
    ill: saying(500),
    locked: saying(401),
    bad: saying(400),
    moved: saying(307, { location: "https://b3.test" }),
    nonsense: () => new Response("<html>", { headers: { "content-type": "application/json" } }),
    cut: () => new Response(new ReadableStream({ pull: (end) => end.error(new Error("reset")) })),
  };
  const unbilled = new Set([401, 403, 429, 500]);
  const script = fc.record({
    outcomes: fc.array(fc.constantFrom(...Object.keys(outcomes)), { maxLength: MAX_ATTEMPTS }),
    reserves: fc.array(fc.constantFrom<LedgerSays>("room", "room", "full", "stale", "unreachable"), {
      maxLength: 2,
    }),
    passMs: fc.constantFrom(0, 0, 1_000, 10_000),
    stream: fc.boolean(),
  });

  it("every reservation ends once, every attempt and every number stands in one record, and the receipt is true", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(script, { maxLength: 12 }), async (scripts) => {
        const { call, timers } = createWorld();
        for (const { outcomes: names, reserves, passMs, stream } of scripts) {
          timers.pass(passMs);
          const answers: Script["answers"] = names.map((name) => outcomes[name] ?? good);
          const called = await call({ answers, reserves, stream });
          const { hosts, completions, endings, numbers, records, relayed } = called;
          expect(endings.every((ends) => ends.length === 1)).toBe(true);
          expect(records.map(numberOf).toSorted((left, right) => left.n - right.n)).toEqual(numbers);
          expect(attemptsOf(called).map(({ backend }) => hostOfTold(backend))).toEqual(hosts);
          expect(new Set(hosts).size).toBe(hosts.length);
          for (const { attempts, backend, end, upstreamStatus, settlement } of completions) {
            for (const earlier of attempts.slice(0, -1)) expect(unbilled).toContain(earlier.upstreamStatus);
            const last = attempts.at(-1);
            expect(last ?? { backend, end, upstreamStatus }).toMatchObject({ end, upstreamStatus });
            expect(last?.backend ?? null).toEqual(backend);
            if (last && last.upstreamStatus === null) expect(settlement).toBe("as_reserved");
            if (!last) expect(settlement).toBe("released");
          }
          // Only what was never answered is followed by a reservation of its own.
          for (const { attempts } of completions.slice(0, -1))
            expect(attempts.at(-1)?.upstreamStatus).toBeNull();
          const receipt = receiptOf(called);
          expect(receipt && hostOfTold(receipt.backend ?? { id: "" })).toBe(hosts.at(-1) ?? null);
          const decided = decisionsOf(called).findLast(({ decision }) => decision === "allowed");
          if (receipt) expect(receipt.decision).toBe(decided?.decisionId);
          expect(relayed.allowed.reserved.number.n).toBe(decided?.n);
          expect(timers.running).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
  });
});
