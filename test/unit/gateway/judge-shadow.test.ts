// Shadow judgement sees what live policies would have been given: facts of the content, an address, a counted prompt.
import { describe, expect, it } from "vitest";
import { judgeShadow } from "../../../src/gateway/judge-shadow.ts";
import type { Understood } from "../../../src/gateway/question.ts";
import { UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { ask, capability, nowMs, place, policyId, policyOf, snapshotOf } from "../policy/decide-fixture.ts";

const boundaryOf = (constraints: object) =>
  policyOf({ id: policyId(2), mode: "shadow", kind: "boundary", constraints });

const understoodWith = (changes: Partial<Understood> = {}): Understood => ({
  ask,
  deployment: null,
  body: null,
  sent: {},
  outsideContent: false,
  namesOutput: true,
  refine: null,
  idempotency: null,
  ...changes,
});

async function codes(constraints: object, understood: Understood, clientAddress = place.clientAddress) {
  const snapshot = snapshotOf([policyOf(), boundaryOf(constraints)]);
  const input = {
    capability,
    ask: understood.ask,
    place: { ...place, clientAddress },
    snapshot,
    nowMs,
  };
  const judged = await judgeShadow(input, understood, "allowed");
  return judged?.flips.map(({ code }) => code);
}

describe("a prompt that is too long by its bytes for a policy in shadow", () => {
  const limit = { maxTokensPerRequest: 90 };
  const counted = understoodWith({ ask: { ...ask, promptTokens: 50 } });

  it("is counted, as it would have been for a live one", async () => {
    expect(await codes(limit, understoodWith({ refine: async () => counted }))).toEqual([]);
    const long = understoodWith({ ask: { ...ask, promptTokens: 91 } });
    expect(await codes(limit, understoodWith({ refine: async () => long }))).toEqual([
      "tokens_per_request_exceeded",
    ]);
  });

  it("stays too long where it cannot be counted, and fails nothing", async () => {
    expect(await codes(limit, understoodWith())).toEqual(["tokens_per_request_exceeded"]);
    const refine = () => Promise.reject(new Error("no tokenizer"));
    expect(await codes(limit, understoodWith({ refine }))).toEqual(["tokens_per_request_exceeded"]);
  });

  it("is not counted where it is short enough", async () => {
    const refine = () => Promise.reject(new Error("not asked here"));
    expect(await codes({ maxTokensPerRequest: 100_000 }, understoodWith({ refine }))).toEqual([]);
  });
});

it("content that only a policy in shadow asks for is judged, and the live ask does not hold it", async () => {
  const understood = understoodWith({
    ask: { ...ask, content: UNREAD_CONTENT },
    contentInShadow: { ...UNREAD_CONTENT, promptCharacters: 9 },
  });
  expect(await codes({ maxPromptCharacters: 9 }, understood)).toEqual([]);
  expect(await codes({ maxPromptCharacters: 8 }, understood)).toEqual(["outside_boundary"]);
});

it("a policy in shadow that counts by address needs one, and nothing is hashed for it", async () => {
  const byAddress = { maxRequestsPerDay: 1, quotaScope: "address" };
  expect(await codes(byAddress, understoodWith())).toEqual([]);
  expect(await codes(byAddress, understoodWith(), null)).toEqual(["indeterminate"]);
});

it("nothing is judged where nothing is in shadow", async () => {
  const input = { capability, ask, place, snapshot: snapshotOf([policyOf()]), nowMs };
  expect(await judgeShadow(input, understoodWith(), "allowed")).toBeNull();
});
