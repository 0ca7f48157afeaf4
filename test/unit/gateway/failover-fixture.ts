/**
 * Calls relayed over a ledger, a queue and an Azure that are models of themselves: what became of each reservation,
 * number and attempt can be counted. The isolate, its clock and its timers live on from call to call.
 */
import type { AuditRecord, CompletionRecord } from "../../../src/audit/audit-record.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import type { Backend } from "../../../src/azure/backend.ts";
import { createBackendHealths } from "../../../src/azure/backend-healths.ts";
import { operations } from "../../../src/azure/operation.ts";
import { createRetryBudget } from "../../../src/azure/retry-budget.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { type Relayed, relay } from "../../../src/gateway/relay.ts";
import { createIdMint } from "../../../src/kernel/ids.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import type { RecordNumber, Settle } from "../../../src/quota/contracts.ts";
import { ledgerRefusal } from "../../../src/quota/ledger-refusal.ts";
import { type ReceiptFacts, receiptOf } from "../../../src/residency/receipt.ts";
import { backendId, backendOf, chatBody, deploymentOf } from "../azure/azure-fixture.ts";
import { allowedWith, createManualTimers, newByteChannel, question } from "./gateway-fixture.ts";

/** Two of the lowest tier, then one each of two others. */
export const backends = [0, 0, 1, 2].map((priority, index) =>
  backendOf({ id: backendId(index + 1), endpoint: `https://b${index}.test`, priority }),
);
export const hostOf = ({ endpoint }: { readonly endpoint: string }): string => new URL(endpoint).host;

export type Answer = (request: AzureRequest) => Response | Promise<Response>;
export type LedgerSays = "room" | "full" | "stale" | "unreachable";

export interface Script {
  /** One for each attempt; then a good answer. */
  readonly answers?: readonly Answer[];
  /** What the ledger says to a further reservation; then that there is room. */
  readonly reserves?: readonly LedgerSays[];
  readonly constraints?: Record<string, unknown>;
  readonly backends?: readonly Backend[];
  readonly stream?: boolean;
  readonly client?: AbortSignal;
  /** Whether anything takes a record. */
  readonly takes?: (record: AuditRecord) => boolean;
  readonly renew?: GatewayPorts["ledgers"]["renew"];
  readonly overrides?: Partial<GatewayPorts>;
}

const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
export const good: Answer = () => Response.json({ choices: [], usage });
export const saying =
  (status: number, headers: Record<string, string> = {}): Answer =>
  () =>
    Response.json({ error: { code: String(status), message: "No." } }, { status, headers });
export const broken: Answer = () => Promise.reject(new Error("connect ECONNREFUSED 192.0.2.7"));
/** Until it is given up. */
export const silent: Answer = ({ signal }) =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(new Error("aborted"));
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });

export interface Called {
  readonly relayed: Relayed;
  /** Of the answer; its body has been read. */
  readonly status: number | string;
  /** In the order they were called. */
  readonly hosts: readonly string[];
  readonly records: readonly AuditRecord[];
  readonly completions: readonly CompletionRecord[];
  /** How each reservation ended, in the order they were made. */
  readonly endings: readonly (readonly Settle["outcome"]["kind"][])[];
  /** Numbers that the ledger gave out. */
  readonly numbers: readonly RecordNumber[];
}

/** Credentials of all backends but those. @param refused told of each that Azure did not take. */
export const opening = (
  isMissing: (backend: Backend) => boolean = () => false,
  refused: (backend: Backend) => void = () => {},
): GatewayPorts["credentials"] => ({
  credentialOf: async (backend) =>
    isMissing(backend)
      ? fail(refuse("backend_unavailable", { evidence: { backend: backend.id } }))
      : ok({
          header: ["api-key", "key"],
          endpoint: backend.endpoint,
          refused: () => refused(backend),
        }),
});

/** Microtasks and the platform's own turns: whatever does not wait for a timer has been done. */
export const turns = () => new Promise((resolve) => setTimeout(resolve, 0));

export function createWorld() {
  const timers = createManualTimers();
  const ids = createIdMint(timers.clock, (length) => crypto.getRandomValues(new Uint8Array(length)));
  const isolate = { backendHealths: createBackendHealths(), retryBudget: createRetryBudget() };
  let n = 100;

  async function call({ answers = [], reserves = [], overrides = {}, ...script }: Script): Promise<Called> {
    const first = allowedWith({ ...script.constraints });
    const decisionId = ids.decision();
    const allowed = {
      ...first,
      ask: { ...first.ask, stream: script.stream ?? false },
      deployment: deploymentOf({ backends: script.backends ?? backends }),
      reserved: { ...first.reserved, decisionId, replayed: false, number: numbered() },
    };
    const numbers = [allowed.reserved.number];
    const reservations = new Map<string, Settle["outcome"]["kind"][]>([[allowed.reserved.reservationId, []]]);
    const records: AuditRecord[] = [];
    const hosts: string[] = [];
    const background: Promise<unknown>[] = [];
    const leftAnswers = [...answers];
    const leftReserves = [...reserves];
    const unasked = () => Promise.reject(new Error("not asked here"));
    function numbered(): RecordNumber {
      n += 1;
      return { source: "agent/x", n };
    }
    function give(): RecordNumber {
      const number = numbered();
      numbers.push(number);
      return number;
    }
    const ports: GatewayPorts = {
      ...isolate,
      clock: timers.clock,
      startTimer: timers.startTimer,
      random: () => 0,
      ids,
      verifier: { verify: unasked },
      resourceMetadata: "",
      receipts: { sign: async (facts: ReceiptFacts) => JSON.stringify(receiptOf("https://gw.test", facts)) },
      shield: { admits: unasked, refused: unasked, count: () => {} } as unknown as GatewayPorts["shield"], // Not asked by a relay.
      approvals: { keep: unasked, announce: unasked },
      hashText: unasked,
      snapshots: { load: unasked } as unknown as GatewayPorts["snapshots"], // Not asked by these calls.
      ledgers: {
        async reserve(request) {
          const says = leftReserves.shift() ?? "room";
          const revisions = request.snapshot;
          if (says === "unreachable") return fail(refuse("ledger_unavailable"));
          if (says === "stale") return ok({ outcome: "stale", revisions });
          if (says === "full") {
            const refusal = ledgerRefusal("token_quota_exceeded");
            return ok({ outcome: "refused", refusal, revisions, number: give() });
          }
          if (reservations.has(request.reservationId)) throw new Error("This reservation has an owner.");
          reservations.set(request.reservationId, []);
          const { reservationId, candidates } = request;
          const reservedTokens = candidates[0]?.reservedTokens ?? 0;
          return ok({
            ...allowed.reserved,
            ...{ outcome: "reserved", candidate: 0, decisionId: request.decisionId, reservationId },
            ...{ reservedTokens, revisions, number: give() },
          } as const);
        },
        async settle({ reservationId, outcome }) {
          const endings = reservations.get(reservationId);
          if (!endings) throw new Error("There is no such reservation.");
          endings.push(outcome.kind);
          const charged = { chargedTokens: 1, chargedRequests: 1, chargedCostNanoUsd: null, replaced: null };
          return ok({ outcome: "settled", ...charged, recorded: false, number: give() });
        },
        renew: script.renew ?? (async () => ok({ outcome: "renewed" })),
        confirm: unasked,
        putAgentState: unasked,
        revokeTokens: unasked,
        keepObject: unasked,
        forgetObject: unasked,
        refresh: unasked,
        decideApproval: unasked,
        keepRecord: async () => fail(refuse("ledger_unavailable")),
      },
      records: {
        async send(_home, record) {
          if (!(script.takes?.(record) ?? true)) return false;
          records.push(record);
          return true;
        },
      },
      workerNumber: numbered,
      azure: {
        async send(request) {
          hosts.push(new URL(request.url).host);
          return (leftAnswers.shift() ?? good)(request);
        },
      },
      credentials: opening(),
      hashEndUser: unasked,
      hashAddress: unasked,
      tokenCounter: unasked as unknown as GatewayPorts["tokenCounter"], // Not asked by a relay.
      publicOrigin: "https://gateway.test",
      isLocal: false,
      relayMaxMs: 600_000,
      newByteChannel,
      background: (work) => background.push(work),
      ...overrides,
    };
    const relayed = await relay(ports, {
      question: { ...question, decisionId },
      allowed,
      operation: operations["chat/completions"],
      body: chatBody,
      parts: null,
      isStripped: false,
      wantsUsage: false,
      answer: "json",
      apiVersion: null,
      headers: new Headers(),
      client: script.client ?? new AbortController().signal,
    });
    const { answer } = relayed;
    if (answer.ok) await answer.value.text().catch(() => {});
    while (background.length > 0) await Promise.all(background.splice(0));
    return {
      relayed,
      status: answer.ok ? answer.value.status : answer.error.code,
      hosts,
      records,
      completions: records.filter((record) => record.kind === "completion"),
      endings: [...reservations.values()],
      numbers,
    };
  }

  return { call, timers, ...isolate };
}
