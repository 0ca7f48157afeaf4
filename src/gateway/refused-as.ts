/** A refusal with the number its record will carry and what is known about why. */
import type { Refusal } from "../kernel/refusal.ts";
import type { Ask, TraceLine } from "../policy/decision.ts";
import type { Revisions } from "../policy/snapshot.ts";
import type { LedgerRefusal, RecordNumber } from "../quota/contracts.ts";
import type { Refused } from "./question.ts";

export interface Reasoning {
  readonly ask?: Ask;
  readonly policyIds?: readonly string[];
  readonly trace?: readonly TraceLine[];
}

export const refusedAs = (
  refusal: Refusal | LedgerRefusal,
  by: { readonly number: RecordNumber; readonly revisions: Revisions | null },
  { ask, policyIds, trace }: Reasoning,
): Refused => ({
  kind: "refused",
  refusal: definedOnly(refusal),
  number: by.number,
  revisions: by.revisions,
  ask: ask ?? null,
  policyIds: policyIds ?? [],
  trace: trace ?? [],
});

/** RPC carries optional fields as `undefined`; a Refusal leaves them out. */
const definedOnly = ({
  code,
  message,
  retryAfterSeconds,
  evidence,
  ...rest
}: Refusal | LedgerRefusal): Refusal => ({
  code,
  message,
  ...("field" in rest && rest.field !== undefined ? { field: rest.field } : {}),
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  ...(evidence === undefined ? {} : { evidence }),
});
