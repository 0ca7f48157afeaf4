// The ports over RPC: what becomes of platform errors, repeats and time limits; where ledgers live.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { isLocalRuntime, ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { createAgentLedgers } from "../../../src/quota/ledgers.store.ts";
import { config, newAgent, type Who } from "./drive.ts";

/** A namespace whose ledgers answer as the test says. */
function agentsThat(...answers: readonly (() => Promise<unknown>)[]) {
  let calls = 0;
  const settle = () => {
    calls += 1;
    const answer = answers[Math.min(calls, answers.length) - 1];
    return answer ? answer() : Promise.reject(new Error("no answer"));
  };
  const namespace = { jurisdiction: () => namespace, idFromName: () => ({}), get: () => ({ settle }) };
  const AGENT_LEDGER = namespace as unknown as typeof env.AGENT_LEDGER; // Only what the port uses.
  const ledgers = createAgentLedgers({ ...env, AGENT_LEDGER }, config, { maxMs: 200 });
  const call = (who: Who) =>
    ledgers.settle({
      v: 1,
      caller: who,
      reservationId: `reservation_${"0".repeat(32)}` as never,
      purpose: "relay",
      outcome: { kind: "released" },
      completion: null,
    });
  return { call, count: () => calls };
}

const failing = (flags: object) => () => Promise.reject(Object.assign(new Error("platform"), flags));
const reply = { outcome: "unknown", chargedTokens: 0, chargedRequests: 0, number: { source: "s", n: 1 } };
const answering = (value: unknown) => () => Promise.resolve(value);

it.each([
  ["a plain error is not repeated", [failing({})], "ledger_unavailable", 1],
  ["overload is not repeated", [failing({ overloaded: true, retryable: true })], "ledger_overloaded", 1],
  ["a retryable error is repeated once", [failing({ retryable: true })], "ledger_unavailable", 2],
  ["a repeat may succeed", [failing({ retryable: true }), answering(reply)], "ok", 2],
  ["a reply that does not parse is no reply", [answering({ outcome: "settled" })], "ledger_unavailable", 1],
  ["a ledger that hangs is given up", [() => new Promise(() => undefined)], "ledger_unavailable", 1],
] as const)("%s", async (_, answers, expected, calls) => {
  const { call, count } = agentsThat(...answers);
  const result = await call(await newAgent());
  expect(result.ok ? "ok" : result.error.code).toBe(expected);
  expect(count()).toBe(calls);
});

it("knows that it runs locally, and keeps homes apart by name there", () => {
  expect(isLocalRuntime(env.AGENT_LEDGER)).toBe(true);
  expect(ledgerStub(env.AGENT_LEDGER, "eu", "n").name).toBe("eu/n");
  expect(ledgerStub(env.AGENT_LEDGER, "global", "n").name).toBe("global/n");
});

it("uses the home's jurisdiction when deployed, and takes no other failure for local", () => {
  const asked: unknown[] = [];
  const named = (place: string) => ({
    idFromName: (name: string) => ({ name }),
    get: ({ name }: { name: string }) => ({ place, name }),
  });
  const deployed = {
    ...named("anywhere"),
    jurisdiction(jurisdiction: string) {
      asked.push(jurisdiction);
      return named(jurisdiction);
    },
  } as unknown as typeof env.AGENT_LEDGER; // Only what the port uses.
  expect(isLocalRuntime(deployed)).toBe(false);
  expect(ledgerStub(deployed, "eu", "n")).toEqual({ place: "eu", name: "n" });
  expect(ledgerStub(deployed, "global", "n")).toEqual({ place: "anywhere", name: "n" });
  const broken = {
    jurisdiction() {
      throw new Error("internal error");
    },
  } as unknown as typeof env.AGENT_LEDGER; // Only what the port uses.
  expect(() => ledgerStub(broken, "eu", "n")).toThrow("internal error");
});
