/**
 * What the ledger is offered: the candidates, and where one of them needs approval, what an approval would be for. Nobody
 * may approve a request of their own, so a request whose asker nobody knows cannot be approved: such candidates drop out.
 */
import { type HashedFile, requestHashOf } from "../approval/request-hash.ts";
import type { FormPart } from "../azure/call-form.ts";
import type { ApiKeyId, IdMint } from "../kernel/ids.ts";
import { MAX_CANDIDATES } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Candidate } from "../policy/decision.ts";
import { needsApproval } from "../policy/outcome.ts";
import type { ApprovalAsk } from "../quota/approval-contracts.ts";
import type { Question, Understood } from "./question.ts";

export interface Offer {
  readonly candidates: readonly [Candidate, ...Candidate[]];
  readonly approval: ApprovalAsk | null;
}

export async function offerOf(
  ids: Pick<IdMint, "approval">,
  question: Question,
  { ask, sent, parts }: Understood,
  candidates: readonly Candidate[],
): Promise<Result<Offer>> {
  const keyIds = askersOf(question);
  const [first, ...rest] = candidates
    .filter((candidate) => keyIds.length > 0 || !needsApproval(candidate))
    .slice(0, MAX_CANDIDATES);
  if (!first) return fail(unknownAsker);
  const offered: Offer["candidates"] = [first, ...rest];
  if (!offered.some(needsApproval)) return ok({ candidates: offered, approval: null });
  const { capability, surface, classification } = question;
  const { tenantId, agentId, endUser } = capability;
  const { action, resource } = ask;
  const files = filesIn(parts ?? []);
  const request = { tenantId, agentId, surface, action, resource, classification, sent, files, endUser };
  return ok({
    candidates: offered,
    approval: { approvalId: ids.approval(), requestHash: await requestHashOf(request), keyIds },
  });
}

const filesIn = (parts: readonly FormPart[]): readonly HashedFile[] =>
  parts.flatMap(({ name, value }) => (typeof value === "string" ? [] : [{ name, file: value }]));

/** Empty where the token does not say who had it issued, as those of before did not. */
function askersOf({ capability: { mintedBy }, apiKeyId }: Question): ApiKeyId[] {
  if (mintedBy === null) return [];
  return apiKeyId === undefined || apiKeyId === mintedBy ? [mintedBy] : [mintedBy, apiKeyId];
}

const unknownAsker: Refusal = refuse("token_outdated", {
  message:
    "This capability token does not say which API key had it issued, so nobody could approve its request; ask for a new one.",
});
