/** What a rule answers when it needs a fact that nobody can supply: never "no". */
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { ConstraintKey } from "./constraints.ts";

export const indeterminate = (constraint: ConstraintKey, missing: string): Refusal =>
  refuse("indeterminate", { evidence: { constraint, missing } });
