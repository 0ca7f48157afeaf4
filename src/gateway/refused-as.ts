/** A refusal with the number its record will carry and what is known about why. */
import { SECOND_MS } from "../kernel/clock.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Ask, TraceLine } from "../policy/decision.ts";
import { type ShadowJudgement, withoutFlips } from "../policy/shadow.ts";
import type { Revisions } from "../policy/snapshot.ts";
import type { LedgerRefusal, RecordNumber } from "../quota/contracts.ts";
import { toldLimit } from "../quota/told-limit.ts";
import type { AskNotes, BoundLimit, Refused } from "./question.ts";

export interface Reasoning {
  readonly ask?: Ask;
  readonly notes?: AskNotes;
  readonly policyIds?: readonly string[];
  readonly trace?: readonly TraceLine[];
  readonly shadow?: ShadowJudgement | null;
}

interface Numbered {
  readonly number: RecordNumber;
  readonly revisions: Revisions | null;
}

const plain = (refusal: Refusal, by: Numbered, { ask, notes, policyIds, trace, shadow }: Reasoning) => ({
  kind: "refused" as const,
  refusal,
  number: by.number,
  revisions: by.revisions,
  ask: ask ?? null,
  ...(notes === undefined ? {} : { notes }),
  policyIds: policyIds ?? [],
  trace: trace ?? [],
  shadow: shadow ?? null,
});

/** By the gateway itself. */
export const refusedAs = (refusal: Refusal, by: Numbered, reasoning: Reasoning): Refused => ({
  ...plain(refusal, by, reasoning),
  bound: null,
});

/** RPC carries optional fields as `undefined`; a Refusal leaves them out. */
export const refusalOfLedger = ({
  code,
  message,
  retryAfterSeconds,
  limit,
  approvalId,
  evidence,
}: LedgerRefusal): Refusal => ({
  code,
  message,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  ...(limit === undefined ? {} : { limit: toldLimit(limit) }),
  ...(approvalId === undefined ? {} : { approvalId }),
  ...(evidence === undefined ? {} : { evidence }),
});

/** By a ledger. @param by with the ledger's clock at its answer. */
export function refusedByLedger(
  given: LedgerRefusal,
  by: Numbered & { readonly atMs?: number | undefined },
  reasoning: Reasoning,
): Refused {
  const { limit, retryAfterSeconds } = given;
  const bound: BoundLimit | null =
    limit === undefined || by.atMs === undefined ? null : { limits: [limit], atMs: by.atMs };
  const waitSeconds = bound === null ? null : exactWaitSeconds(bound);
  const exact = retryAfterSeconds === undefined ? undefined : (waitSeconds ?? retryAfterSeconds);
  return {
    ...plain(refusalOfLedger({ ...given, retryAfterSeconds: exact }), by, {
      ...reasoning,
      shadow: withoutFlips(reasoning.shadow ?? null),
    }),
    bound,
  };
}

/** Null where the limit says no moment, or one that has passed: then the ledger's own hint is the better one. */
function exactWaitSeconds({ limits: [limit], atMs }: BoundLimit): number | null {
  const resetsAtMs = limit.resetsAtMs ?? atMs;
  return resetsAtMs > atMs ? (resetsAtMs - atMs) / SECOND_MS : null;
}
