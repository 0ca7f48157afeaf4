// What the ledger is offered where approval is needed: whose request it is, for what, and nothing that nobody could approve.
import { expect, it } from "vitest";
import { answerRefusal } from "../../../src/gateway/answer-refusal.ts";
import { offerOf } from "../../../src/gateway/offer.ts";
import type { Question, Understood } from "../../../src/gateway/question.ts";
import { refusedAs } from "../../../src/gateway/refused-as.ts";
import { ApiKeyId, ApprovalId } from "../../../src/kernel/ids.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { ask, capability, detailOf, judge, policyId, policyOf } from "../policy/decide-fixture.ts";
import { question } from "./gateway-fixture.ts";

const approvalId = ApprovalId.parse(`approval_${"0".repeat(32)}`);
const minter = ApiKeyId.parse(`key_${"0".repeat(31)}1`);
const asker = ApiKeyId.parse(`key_${"0".repeat(31)}2`);
const ids = { approval: () => approvalId };
const understood: Understood = {
  ask,
  deployment: null,
  body: null,
  sent: { messages: [] },
  outsideContent: false,
  namesOutput: true,
  refine: null,
  idempotency: null,
};
const minted: Question = { ...question, capability: { ...capability, mintedBy: minter } };
const approving = policyOf({ id: policyId(2), constraints: { requiresApproval: true } });

function candidatesOf(...policies: Parameters<typeof judge>[0]) {
  const verdict = judge(policies);
  if (verdict.kind === "refused") throw new Error(verdict.refusal.code);
  return verdict.candidates;
}

it("names who asks, once each, and what the approval is for", async () => {
  const candidates = candidatesOf(approving, policyOf());
  const offer = await offerOf(ids, minted, understood, candidates);
  expect(offer).toMatchObject({
    ok: true,
    value: {
      candidates,
      approval: { approvalId, requestHash: expect.stringMatching(/^[0-9a-f]{64}$/), keyIds: [minter] },
    },
  });
  const keysOf = async (apiKeyId: ApiKeyId) => {
    const enforced = await offerOf(ids, { ...minted, apiKeyId }, understood, candidates);
    return enforced.ok && enforced.value.approval?.keyIds;
  };
  expect(await keysOf(asker)).toEqual([minter, asker]);
  expect(await keysOf(minter)).toEqual([minter]);
});

it("asks for no approval where none is needed, whoever had the token issued", async () => {
  const candidates = candidatesOf(policyOf());
  expect(await offerOf(ids, question, understood, candidates)).toEqual({
    ok: true,
    value: { candidates, approval: null },
  });
});

it("drops what nobody could approve: the token does not say who had it issued", async () => {
  const candidates = candidatesOf(approving, policyOf());
  const offer = await offerOf(ids, question, understood, candidates);
  expect(offer).toMatchObject({ ok: true, value: { approval: null } });
  expect(offer.ok && offer.value.candidates.map(({ grantId }) => grantId)).toEqual([policyId(1)]);
  expect(await offerOf(ids, question, understood, candidatesOf(approving))).toMatchObject({
    ok: false,
    error: { code: "token_outdated" },
  });
});

it("knows what requires the approval: grant, boundaries and token", () => {
  const boundary = policyOf({ id: policyId(3), kind: "boundary", constraints: { requiresApproval: true } });
  const verdict = judge([approving, boundary], {
    capability: { ...capability, authorization: [detailOf({ constraints: { requiresApproval: true } })] },
  });
  expect(verdict).toMatchObject({
    candidates: [{ approvalFrom: [policyId(2), policyId(3), "token"] }],
  });
});

it("is told to a model's caller as what to do, with the approval's id", async () => {
  const pending = refusedAs(
    refuse("pending_approval", { approvalId }),
    { number: { source: "agent/x", n: 1 }, revisions: null },
    {},
  );
  const records: object[] = [];
  const answer = await answerRefusal(
    {
      clock: () => 0,
      ledgers: {} as never,
      records: {
        async send(_home, record) {
          records.push(record);
          return true;
        },
      },
    },
    { request: new Request("https://gateway.test"), requestId: "request", resourceMetadata: "" },
    question,
    pending,
  );
  expect(answer.status).toBe(403);
  expect(answer.headers.get("portcullis-approval")).toBe(approvalId);
  expect(await answer.json()).toMatchObject({
    error: { code: "approval_required", approval_id: approvalId, type: "portcullis_refusal" },
  });
  expect(records).toMatchObject([
    { decision: "pending_approval", reasons: [{ code: "pending_approval" }], approvalId },
  ]);
});
