// What a call is settled with: usage at the price of the backend that answered, and who it was for in the record.
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { CompletionRecord } from "../../../src/audit/audit-record.ts";
import { toldBackend } from "../../../src/azure/backend.ts";
import type { Billing } from "../../../src/azure/billing.ts";
import { operations } from "../../../src/azure/operation.ts";
import type { AskedUnits } from "../../../src/azure/unit.ts";
import { type FailedAttempt, settleCall } from "../../../src/gateway/settle-call.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import type { Settle } from "../../../src/quota/contracts.ts";
import { backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import { allowedWith, question } from "./gateway-fixture.ts";

const usage = { promptTokens: 1_000, cachedPromptTokens: 400, completionTokens: 10, totalTokens: 1_010 };
const zone = backendOf({ sku: "DataZoneStandard" });
const deployment = deploymentOf({ model: "gpt-4o", backends: [zone] });

const NOW_MS = 1_790_000_000_000;

async function settled(
  outcome: Billing,
  {
    backend = zone,
    model = "gpt-4o",
    reachable = true,
    units = undefined as AskedUnits | undefined,
    failed = [] as readonly FailedAttempt[], // The empty list alone would say that there is never one.
  } = {},
) {
  const allowed = allowedWith({});
  const asked: Settle[] = [];
  const records: AuditRecord[] = [];
  const background: Promise<unknown>[] = [];
  await settleCall(
    {
      ledgers: {
        reserve: () => Promise.reject(new Error("not asked here")),
        renew: () => Promise.reject(new Error("not asked here")),
        confirm: () => Promise.reject(new Error("not asked here")),
        decideApproval: () => Promise.reject(new Error("not asked here")),
        putAgentState: () => Promise.reject(new Error("not asked here")),
        revokeTokens: () => Promise.reject(new Error("not asked here")),
        keepObject: () => Promise.reject(new Error("not asked here")),
        forgetObject: () => Promise.reject(new Error("not asked here")),
        refresh: () => Promise.reject(new Error("not asked here")),
        keepRecord: async () => ok(null),
        async settle(request) {
          asked.push(request);
          return reachable
            ? ok({
                outcome: "settled",
                chargedTokens: 1_010,
                chargedRequests: 1,
                chargedCostNanoUsd: 777,
                replaced: null,
                recorded: false,
                number: { source: "agent/x", n: 8 },
              })
            : fail(refuse("ledger_unavailable"));
        },
      },
      records: {
        async send(_home, record) {
          records.push(record);
          return true;
        },
      },
      clock: () => NOW_MS,
      workerNumber: () => ({ source: "worker/x", n: 1 }),
      background: (work) => background.push(work),
    },
    question,
    {
      call: {
        allowed: {
          ...allowed,
          ask: { ...allowed.ask, ...(units && { units }) },
          deployment: { ...deployment, model },
        },
        operation: operations["chat/completions"],
      },
      reservedAtMs: NOW_MS - 9,
      failed,
      chosen: { backend },
      startedAtMs: NOW_MS - 5,
    },
    { end: "complete", upstreamStatus: 200, outcome },
  );
  await Promise.all(background);
  return { outcome: asked[0]?.outcome, record: records[0] };
}

it("usage costs what the backend that answered costs, its cached tokens less", async () => {
  const inZone = 600 * 2_750 + 400 * 1_375 + 10 * 11_000;
  const { outcome, record } = await settled({ kind: "used", usage });
  expect(outcome).toEqual({ kind: "used", usage, costNanoUsd: inZone });
  expect(record).toMatchObject({
    kind: "completion",
    usage,
    chargedTokens: 1_010,
    chargedCostNanoUsd: 777,
    endUser: "hash-of-user",
  });
  expect(CompletionRecord.parse(record)).toEqual(record);
  const elsewhere = await settled({ kind: "used", usage }, { backend: backendOf({ sku: "GlobalStandard" }) });
  expect(elsewhere.outcome).toMatchObject({ costNanoUsd: 600 * 2_500 + 400 * 1_250 + 10 * 10_000 });
});

it("a model without a price costs an unknown amount, never zero", async () => {
  expect((await settled({ kind: "used", usage }, { model: "unheard-of" })).outcome).toMatchObject({
    costNanoUsd: null,
  });
});

it("what was not used has no cost of its own", async () => {
  expect((await settled({ kind: "as_reserved" })).outcome).toEqual({ kind: "as_reserved" });
  expect((await settled({ kind: "released" })).outcome).toEqual({ kind: "released" });
});

describe("what is not billed by tokens", () => {
  const units = { unit: "audio_second", atMost: null, picoUsdPerUnit: 100_000_000 } as const;

  it("costs what its answer tells of it, though no tokens were told", async () => {
    const { outcome, record } = await settled({ kind: "as_reserved", units: 3 }, { units });
    expect(outcome).toEqual({ kind: "as_reserved", costNanoUsd: 300_000 });
    expect(record).toMatchObject({
      settlement: "as_reserved",
      usage: null,
      units: { unit: "audio_second", count: 3 },
      usageCostNanoUsd: 300_000,
    });
    expect(CompletionRecord.parse(record)).toEqual(record);
  });

  it("costs that and not its tokens, where these are told as well", async () => {
    const { outcome } = await settled({ kind: "used", usage, units: 2 }, { units });
    expect(outcome).toEqual({ kind: "used", usage, costNanoUsd: 200_000 });
  });

  it("costs what was reserved where nothing was told of it, and is never told a price by its tokens", async () => {
    const untold = await settled({ kind: "as_reserved" }, { units });
    expect(untold.outcome).toEqual({ kind: "as_reserved" });
    expect(untold.record).toMatchObject({ usageCostNanoUsd: null });
    expect(untold.record).not.toHaveProperty("units");
    expect((await settled({ kind: "used", usage }, { units })).outcome).toMatchObject({ costNanoUsd: null });
    expect((await settled({ kind: "released" }, { units })).outcome).toEqual({ kind: "released" });
  });

  it("has no price of units where it is billed by tokens", async () => {
    const { outcome, record } = await settled({ kind: "used", usage, units: 2 });
    expect(outcome).toMatchObject({ costNanoUsd: 600 * 2_750 + 400 * 1_375 + 10 * 11_000 });
    expect(record).not.toHaveProperty("units");
  });
});

it("the record lists every attempt under the reservation, the last as the call ended", async () => {
  const before = backendOf({ region: "francecentral" });
  const refused = { backend: before, end: "upstream_error", upstreamStatus: 429, durationMs: 4 } as const;
  const { record } = await settled({ kind: "used", usage }, { failed: [refused] });
  expect(record).toMatchObject({
    backend: toldBackend(zone),
    durationMs: 9,
    attempts: [
      { ...refused, backend: toldBackend(before) },
      { backend: toldBackend(zone), end: "complete", upstreamStatus: 200, durationMs: 5 },
    ],
  });
  expect(CompletionRecord.parse(record)).toEqual(record);
});

it("a ledger that cannot be reached leaves the charges unknown", async () => {
  const { record } = await settled({ kind: "used", usage }, { reachable: false });
  expect(record).toMatchObject({ chargedTokens: null, chargedCostNanoUsd: null });
});

it("a record from before there were prices is read with what it lacks", () => {
  const {
    chargedCostNanoUsd: _cost,
    endUser: _user,
    ...old
  } = CompletionRecord.parse({
    v: 1,
    kind: "completion",
    source: "agent/x",
    n: 8,
    at: "2026-05-01T10:00:00.000Z",
    home: "eu",
    tenantId: "tenant-a",
    requestId: "request-1",
    decisionId: question.decisionId,
    agentId: question.capability.agentId,
    action: "chat",
    resource: "api://azure-openai/models/gpt-4",
    end: "complete",
    upstreamStatus: 200,
    backend: null,
    usage: { promptTokens: 1, completionTokens: 1, totalTokens: 2 },
    settlement: "used",
    chargedTokens: 2,
    durationMs: 1,
  });
  expect(CompletionRecord.parse(old)).toMatchObject({
    usage: { promptTokens: 1, cachedPromptTokens: 0 },
    chargedCostNanoUsd: null,
    endUser: null,
    attempts: [],
  });
});
