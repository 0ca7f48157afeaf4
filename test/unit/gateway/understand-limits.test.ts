// What limits need of an ask, and how it reaches the ledger: price, end user, client address, reserved cost.
import { describe, expect, it } from "vitest";
import { operations } from "../../../src/azure/operation.ts";
import { readCall } from "../../../src/azure/read-call.ts";
import { EnforceRequest } from "../../../src/gateway/enforce-request.ts";
import type { Understood } from "../../../src/gateway/question.ts";
import { reserve } from "../../../src/gateway/reserve.ts";
import { understandCall } from "../../../src/gateway/understand-call.ts";
import { understandEnforce } from "../../../src/gateway/understand-enforce.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, type Result } from "../../../src/kernel/result.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Snapshot } from "../../../src/policy/snapshot.ts";
import type { ReserveRequest } from "../../../src/quota/contracts.ts";
import { backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import { capability, nowMs, place, policyOf, snapshotOf } from "../policy/decide-fixture.ts";
import { question } from "./gateway-fixture.ts";

const ports = {
  hashEndUser: async (tenantId: string, endUser: string) => `user ${tenantId} ${endUser}`,
  hashAddress: async (tenantId: string, address: string) => `address ${tenantId} ${address}`,
  hashText: async (tenantId: string, text: string) => `text ${tenantId} ${text}`,
  tokenCounter: () => Promise.reject(new Error("not asked here")),
};
const caller = { capability, place, classification: "internal" as const };
const chat = operations["chat/completions"];

function snapshotWith(constraints: object, deployment: object = {}): Snapshot {
  const { platform, tenant } = snapshotOf([policyOf({ constraints })]);
  const model = { model: "gpt-4o", backends: [backendOf({ sku: "GlobalStandard" })], ...deployment };
  return { tenant, platform: { ...platform, deployments: [deploymentOf(model)] } };
}

function unwrapped<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}

async function relayed(snapshot: Snapshot, body: object = {}): Promise<Understood> {
  const call = unwrapped(readCall(chat, { messages: [{ role: "user", content: "Hello" }], ...body }));
  return unwrapped(await understandCall(ports, call, chat, "gpt-4", caller, snapshot));
}

async function enforced(snapshot: Snapshot, changes: object = {}, from = caller): Promise<Understood> {
  const request = EnforceRequest.parse({
    requestId: "order-1",
    capabilityToken: "token",
    action: "chat",
    resourceId: "api://azure-openai/models/gpt-4",
    context: { promptTokens: 100, maxOutputTokens: 10, user: "bob", ...changes },
  });
  return unwrapped(await understandEnforce(ports, request, from, snapshot));
}

const gpt4o = { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 };
const byAddress = { maxRequestsPerDay: 9, quotaScope: "address" };

describe.each([
  ["a relayed call", relayed],
  ["an /v1/enforce", enforced],
])("%s", (_name, understood) => {
  it("is priced at its deployment, null where no price is known", async () => {
    expect((await understood(snapshotWith({}))).ask.price).toEqual(gpt4o);
    expect((await understood(snapshotWith({}, { model: "unheard-of" }))).ask.price).toBeNull();
  });

  it("carries the client address only where some policy counts by it", async () => {
    expect((await understood(snapshotWith({}))).ask.clientAddress).toBeNull();
    expect((await understood(snapshotWith(byAddress))).ask.clientAddress).toBe("address tenant-a 192.0.2.1");
  });
});

describe("a relayed call", () => {
  it("counts for its end user", async () => {
    const { ask } = await relayed(snapshotWith({}), { user: "u", safety_identifier: "bob" });
    expect(ask.endUser).toBe("user tenant-a bob");
  });

  it("is reserved with what it costs at most, per candidate", async () => {
    const snapshot = snapshotWith({ maxCostPerDay: 1, quotaScope: "user" });
    const understood = await relayed(snapshot, { max_tokens: 100, n: 2, user: "bob" });
    const verdict = decide({ capability, ask: understood.ask, place, snapshot, nowMs });
    if (verdict.kind === "refused") throw new Error(verdict.refusal.code);
    const asked: ReserveRequest[] = [];
    const notAsked = () => Promise.reject(new Error("not asked here"));
    await reserve(
      {
        approvals: { keep: notAsked, announce: notAsked },
        background: () => {},
        ledgers: {
          confirm: notAsked,
          renew: notAsked,
          settle: notAsked,
          keepRecord: notAsked,
          putAgentState: notAsked,
          revokeTokens: notAsked,
          keepObject: notAsked,
          forgetObject: notAsked,
          refresh: notAsked,
          decideApproval: notAsked,
          async reserve(request) {
            asked.push(request);
            return fail(refuse("ledger_unavailable"));
          },
        },
      },
      question,
      understood,
      snapshot,
      { candidates: verdict.candidates, approval: null },
      { trace: [] },
    );
    const promptTokens = understood.ask.promptTokens ?? 0;
    const amount = promptTokens * 2_500 + 200 * 10_000;
    expect(asked[0]?.candidates).toMatchObject([
      {
        claims: [
          { scope: "user", subject: "user tenant-a bob", meter: "cost", limit: 1_000_000_000, amount },
        ],
        reservedTokens: promptTokens + 200,
        reservedCostNanoUsd: amount,
      },
    ]);
  });
});

describe("an /v1/enforce that is repeated", () => {
  const hashOf = ({ idempotency }: Understood) => idempotency?.askHash;

  it("is the same request from another address and after a change of prices", async () => {
    const first = hashOf(await enforced(snapshotWith(byAddress)));
    const elsewhere = { ...caller, place: { ...place, clientAddress: "198.51.100.7" } };
    expect(hashOf(await enforced(snapshotWith(byAddress), {}, elsewhere))).toBe(first);
    expect(hashOf(await enforced(snapshotWith({}, { prices: { inputPerMillion: 9 } })))).toBe(first);
  });

  it("is another request for another end user", async () => {
    const first = hashOf(await enforced(snapshotWith({})));
    expect(hashOf(await enforced(snapshotWith({}), { user: "eve" }))).not.toBe(first);
  });
});

it("a resource that is no deployment of this gateway has no price", async () => {
  const request = EnforceRequest.parse({
    requestId: "order-1",
    capabilityToken: "token",
    action: "chat",
    resourceId: "api://clinic/letters",
  });
  const { ask } = unwrapped(await understandEnforce(ports, request, caller, snapshotWith({})));
  expect(ask.price).toBeNull();
});

it.each([
  [{}, { promptTokens: null, outputTokens: null }],
  [{ promptTokens: 100 }, { promptTokens: null, outputTokens: null }],
  [
    { promptTokens: 100, maxOutputTokens: 4_160 },
    { promptTokens: 100, outputTokens: 4_160 },
  ],
])(
  "a picture that /v1/enforce is asked about with %j is as long as is said, or unbounded",
  async (context, bound) => {
    const request = EnforceRequest.parse({
      requestId: "order-1",
      capabilityToken: "token",
      action: "image",
      resourceId: "api://azure-openai/models/gpt-4",
      context,
    });
    const snapshot = snapshotWith({}, { maxOutputTokens: 0 });
    const { ask } = unwrapped(await understandEnforce(ports, request, caller, snapshot));
    expect(ask).toMatchObject({ ...bound, outputIsFixed: true });
  },
);

describe("an /v1/enforce about what is not billed by tokens", () => {
  const asked = async (action: string, model: string, context: object = {}) => {
    const request = EnforceRequest.parse({
      requestId: "order-1",
      capabilityToken: "token",
      action,
      resourceId: "api://azure-openai/models/gpt-4",
      context,
    });
    const snapshot = snapshotWith({}, { model, maxOutputTokens: 0 });
    return unwrapped(await understandEnforce(ports, request, caller, snapshot));
  };

  it("costs at most what its caller says that there is of it, and is unbounded where it does not", async () => {
    const dearest = { unit: "picture", picoUsdPerUnit: 120_000_000_000 };
    expect((await asked("image", "dall-e-3", { pictures: 3 })).ask.units).toEqual({ ...dearest, atMost: 3 });
    expect((await asked("image", "dall-e-3")).ask.units).toEqual({ ...dearest, atMost: null });
    const speech = await asked("audio", "tts", { promptCharacters: 100 });
    expect(speech.ask.units).toMatchObject({ unit: "character", atMost: 200 });
    expect((await asked("audio", "whisper", { promptCharacters: 1 })).ask.units?.atMost).toBeNull();
    expect((await asked("image", "gpt-image-1", { pictures: 3 })).ask.units).toBeUndefined();
  });

  it("is another request with more pictures, and the same at another price", async () => {
    const hash = async (model: string, context: object) =>
      (await asked("image", model, context)).idempotency?.askHash;
    const one = await hash("dall-e-3", { pictures: 1 });
    expect(await hash("dall-e-3", { pictures: 2 })).not.toBe(one);
    expect(await hash("gpt-image-1", { pictures: 1 })).toBe(one);
  });
});

describe("a relayed call that is not billed by tokens", () => {
  it("says what it is billed by, and others say nothing", async () => {
    const drawing = operations["images/generations"];
    const understood = async (model: string) => {
      const call = unwrapped(readCall(drawing, { prompt: "x", n: 2, quality: "standard" }));
      const snapshot = snapshotWith({}, { model, maxOutputTokens: 0 });
      return unwrapped(await understandCall(ports, call, drawing, "gpt-4", caller, snapshot)).ask;
    };
    expect((await understood("dall-e-3")).units).toEqual({
      unit: "picture",
      atMost: 2,
      picoUsdPerUnit: 80_000_000_000,
    });
    expect(await understood("gpt-image-1")).not.toHaveProperty("units");
  });
});

describe("under a residency promise, an /v1/enforce", () => {
  const outcomeOf = async (resourceId: string, zone: "none" | "eu") => {
    const snapshot = snapshotWith({});
    const residency = { ...snapshot.tenant.tenant.residency, zone };
    const tenant = { ...snapshot.tenant, tenant: { ...snapshot.tenant.tenant, residency } };
    const request = EnforceRequest.parse({
      requestId: "order-1",
      capabilityToken: "token",
      action: "chat",
      resourceId,
    });
    const understood = await understandEnforce(ports, request, caller, { ...snapshot, tenant });
    return understood.ok ? "understood" : understood.error.code;
  };

  it.each([
    ["api://azure-openai/models/unregistered", "deployment_unknown"],
    ["api://azure-openai/models/gpt-4/v2", "deployment_unknown"],
    ["api://azure-openai/deployments/gpt-4", "deployment_unknown"],
    ["api://azure-openai", "deployment_unknown"],
    ["api://clinic/letters", "understood"],
  ])("about %s: %s", async (resourceId, outcome) => {
    expect(await outcomeOf(resourceId, "eu")).toBe(outcome);
    expect(await outcomeOf(resourceId, "none")).toBe("understood");
  });
});
