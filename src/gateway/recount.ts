/**
 * When the bytes of a prompt are too loose a bound to decide by: where they would refuse the call, or leave its answer
 * less room than was asked for, the prompt is counted and judged again. What they decide never loads a tokenizer.
 */
import type { RefusalCode } from "../kernel/refusal.ts";
import type { Candidate, Verdict } from "../policy/decision.ts";
import type { Judgement, Stale, Understood } from "./question.ts";

/** Also where one grant of several has no room: grants are charged in order, and the first may be the caller's. */
export function bytesBind({ trace, ...verdict }: Verdict, understood: Understood): boolean {
  return (
    trace.some(({ refusal }) => refusal?.code === "tokens_per_request_exceeded") ||
    (verdict.kind === "candidates" &&
      (mayAskForNothing(verdict.candidates) ||
        verdict.candidates.some((candidate) => isCutShort(candidate, understood))))
  );
}

/** Nobody is asked to approve what another grant has room for once the prompt is counted. */
const mayAskForNothing = (candidates: readonly Candidate[]): boolean =>
  candidates.some(({ approvalFrom }) => approvalFrom.length > 0) &&
  candidates.some(
    ({ approvalFrom, claims }) =>
      approvalFrom.length === 0 && claims.some(({ meter }) => meter === "tokens" || meter === "cost"),
  );

/**
 * A caller who named no bound asked for no certain length: counting must give the answer a fifth more than it has, or
 * each isolate would read a tokenizer for the first of such calls.
 */
const WORTH_COUNTING = 4;

function isCutShort({ obligations, outputCap }: Candidate, { ask, namesOutput }: Understood): boolean {
  const { maxOutputTokens } = obligations;
  if (maxOutputTokens === null || ask.outputTokens === null) return false;
  // What a policy cuts whatever the prompt is, counting does not give back.
  if (maxOutputTokens >= Math.min(ask.outputTokens, outputCap ?? Infinity)) return false;
  return namesOutput || (ask.promptTokens ?? 0) * WORTH_COUNTING > maxOutputTokens * ask.choices;
}

const roomCodes: ReadonlySet<RefusalCode> = new Set([
  "token_quota_exceeded",
  "token_rate_exceeded",
  "cost_quota_exceeded",
]);

/** The ledger has no room for as much as the bytes say. */
export const lacksRoom = (judgement: Judgement | Stale): judgement is Judgement & { kind: "refused" } =>
  judgement.kind === "refused" && roomCodes.has(judgement.refusal.code);

/**
 * The judgement of the counted prompt instead of the ledger's first refusal, whose number it accounts for. One that the
 * same ledger did not number cannot: then the first stands.
 */
export function insteadOf(first: Judgement & { kind: "refused" }, counted: Judgement | Stale): Judgement {
  if (counted.kind === "stale") return first;
  const { source, n } = counted.kind === "refused" ? counted.number : counted.reserved.number;
  return source === first.number.source && n > first.number.n ? { ...counted, skips: first.number.n } : first;
}
