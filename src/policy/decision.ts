/** What `decide` answers: a refusal, or the grants that would allow, in order, each with its limits and obligations. */
import * as z from "zod";
import type { TokenPrice } from "../azure/cost.ts";
import type { AskedUnits } from "../azure/unit.ts";
import type { PolicyId } from "../kernel/ids.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { LimitClaim } from "../quota/limit-claim.ts";
import { ResidencyObligation } from "../residency/demanded-backends.ts";
import type { Action } from "./action.ts";
import type { Classification } from "./classification.ts";
import type { AskContent } from "./content.ts";
import { PatternSet } from "./denied-patterns.ts";
import type { Resource } from "./resource.ts";

/** What one request wants. Token bounds are upper bounds, never estimates. */
export interface Ask {
  readonly action: Action;
  readonly resource: Resource;
  readonly deployment: string;
  /** Null when the prompt cannot be bounded: refused wherever a token limit applies. */
  readonly promptTokens: number | null;
  /**
   * Per choice: what the caller asked for, cut to the deployment's cap. Null when the caller of /v1/enforce named
   * no counts: then the grant's `maxTokensPerRequest` is reserved, or a default.
   */
  readonly outputTokens: number | null;
  /** Nothing that can be written into the request makes the answer shorter; absent where something does. */
  readonly outputIsFixed?: boolean;
  /** How many choices Azure generates: max of `n` and `best_of`. */
  readonly choices: number;
  readonly stream: boolean;
  /** Declared by the caller; the agent's default otherwise. */
  readonly classification: Classification;
  /** Salted hash of the end user. */
  readonly endUser: string | null;
  /** Salted hash of the client's address or network; null where no policy counts by it, or the platform named none. */
  readonly clientAddress: string | null;
  /** At most; null = unknown. */
  readonly price: TokenPrice | null;
  /** What the call is billed by instead of tokens; absent = by tokens. */
  readonly units?: AskedUnits;
  /** Offered to the model, as azure/tools-used.ts names them; null where a caller of /v1/enforce did not say. */
  readonly tools: readonly string[] | null;
  /** Whether it asks Azure to keep its answer; null where a caller of /v1/enforce did not say. */
  readonly stores: boolean | null;
  readonly content: AskContent;
}

/** What a decision obliges the gateway (or the caller of /v1/enforce) to do. */
export const Obligations = z.strictObject({
  /**
   * Write this bound of output tokens per choice into the request; null = no token, output or cost limit applies, or
   * nothing in the request bounds its output.
   */
  maxOutputTokens: z.int().min(0).nullable(),
  /** What is reserved: prompt bound plus output bound times choices. */
  reservedTokens: z.int().min(0),
  auditLogging: z.enum(["standard", "detailed"]),
  encryptionRequired: z.boolean(),
  /** Where Azure may process the call; null = anywhere. */
  residency: ResidencyObligation.nullable(),
  /** The tools the request may offer, by type or as `function:<name>`; null = any. */
  allowedTools: z.array(z.string()).nullable(),
  /** Whether the request may have Azure keep its answer; where not, `store` must be false. */
  allowStore: z.boolean(),
  /** The texts to remove from every text of the prompt, whatever their case; null = none. */
  stripPatterns: PatternSet.nullable(),
});
export type Obligations = z.infer<typeof Obligations>;

/** One grant that would allow the ask. */
export interface Candidate {
  readonly grantId: PolicyId;
  /** The grant and the boundaries that hold it. */
  readonly policyIds: readonly PolicyId[];
  readonly claims: readonly LimitClaim[];
  /** What is reserved, at most; null where no price is known, and then no claim counts cost. */
  readonly reservedCostNanoUsd: number | null;
  /** The smallest `maxOutputTokens` that applies; null = none. */
  readonly outputCap: number | null;
  /** What lets this through only once it is approved; empty = it needs no approval. */
  readonly approvalFrom: readonly (PolicyId | "token")[];
  readonly obligations: Obligations;
}

/** One line of the evaluation, for administrators. */
export interface TraceLine {
  readonly policyId: PolicyId | "token" | "tenant";
  readonly outcome: "allows" | "not_matched" | "dropped" | "denies" | "bounds";
  readonly refusal?: Refusal;
}

export type Verdict =
  | {
      readonly kind: "refused";
      readonly refusal: Refusal;
      readonly policyIds: readonly PolicyId[];
      readonly trace: readonly TraceLine[];
    }
  | {
      readonly kind: "candidates";
      readonly candidates: readonly [Candidate, ...Candidate[]];
      readonly trace: readonly TraceLine[];
    };
