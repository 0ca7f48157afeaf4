/**
 * What a decision looked at beyond what its record says anyway, so that it can be made again: facts about the request,
 * never the request. No text, no address, no token; of texts that policies deny, keyed digests of those that were found.
 */
import * as z from "zod";
import { AskedUnits } from "../azure/unit.ts";
import { RefusalCodeSchema } from "../kernel/refusal-code.ts";

/** A list that is too long for a record: whatever depends on it cannot be judged again. */
export const TOO_LONG = "too_long";

/** Of the literals that policies deny or strip, those that stand in the prompt, as digests keyed like end users. */
const FoundTexts = z.strictObject({
  found: z.array(z.string()),
  /** Whether more were found than are named. */
  more: z.boolean(),
});

export const AskInputs = z.strictObject({
  /** Null = cannot be bounded. */
  promptTokens: z.int().min(0).nullable(),
  /** Whether counting the prompt instead of its bytes would have been possible, and could have given fewer tokens. */
  uncounted: z.boolean(),
  outputTokens: z.int().min(0).nullable(),
  /** Whether nothing could cut the answer; records from before there were such operations lack it. */
  outputIsFixed: z.boolean().default(false),
  choices: z.int().min(0),
  /** What it is billed by instead of tokens; absent = by tokens, and in records from before there were such prices. */
  units: AskedUnits.optional(),
  stream: z.boolean(),
  tools: z.union([z.array(z.string()), z.literal(TOO_LONG)]).nullable(),
  stores: z.boolean().nullable(),
  /** A fact is null where nobody asked for it, or nobody can tell it. */
  content: z.strictObject({
    promptCharacters: z.int().min(0).nullable(),
    /** Those that a policy can bound. */
    parameters: z.record(z.string(), z.number().nullable()).nullable(),
    canStrip: z.boolean(),
    texts: FoundTexts.nullable(),
  }),
  /** What an inspection of the whole body has found it to keep; null = it was not inspected, or kept nothing. */
  reviewed: z.enum(["residency", "tools"]).nullable(),
});
export type AskInputs = z.infer<typeof AskInputs>;

export const DecisionInputs = z.strictObject({
  /** Of the token. */
  roles: z.union([z.array(z.string()), z.literal(TOO_LONG)]),
  /**
   * The token's own as it stated them, each with those of its ancestors that it stands `within`; null = it had none. `names_texts`: they name texts that no record may repeat.
   */
  authorization: z
    .union([z.array(z.record(z.string(), z.json())), z.enum([TOO_LONG, "names_texts"])])
    .nullable(),
  /** Whether the platform told the client's address, which no record holds. */
  clientAddressKnown: z.boolean(),
  /** Null where the decision was made before the body was read. */
  ask: AskInputs.nullable(),
});
export type DecisionInputs = z.infer<typeof DecisionInputs>;

/** One line of the evaluation: a policy, `token` or `tenant`, what came of it, and what it compared with what. */
export const TraceEntry = z.strictObject({
  policyId: z.string(),
  outcome: z.enum(["allows", "not_matched", "dropped", "denies", "bounds"]),
  code: RefusalCodeSchema.optional(),
  evidence: z.record(z.string(), z.json()).optional(),
});
export type TraceEntry = z.infer<typeof TraceEntry>;
