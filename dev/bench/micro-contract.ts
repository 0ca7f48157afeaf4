/** What the benchmark asks the Worker that times pure parts. */
import * as z from "zod";

export const MicroQuestion = z.strictObject({
  rounds: z.int().min(1).max(100_000),
  signingKeys: z.string(),
  receiptKeys: z.string(),
  issuer: z.string(),
  audience: z.string(),
  token: z.string(),
});
export type MicroQuestion = z.infer<typeof MicroQuestion>;

/** With how many policies, and what is asked of the decision. */
export const decideCases = {
  decide_10: "decide with 10 policies",
  decide: "decide with 100 policies, warm",
  decide_untraced: "decide with 100 policies, without a trace",
  decide_1000: "decide with 1,000 policies",
  decide_1000_untraced: "decide with 1,000 policies, without a trace",
  decide_sparse_100: "decide with 100 policies of which four cover the ask",
  decide_sparse_1000: "decide with 1,000 policies of which four cover the ask",
  decide_unknown_1000: "decide with 1,000 policies, the first ask for a resource",
  decide_shadow: "decide with 100 policies, and 100 in shadow of which four cover the ask",
} as const;
export type DecideCase = keyof typeof decideCases;
// Object.keys loses the key type.
export const DecideCase = z.enum(Object.keys(decideCases) as [DecideCase, ...DecideCase[]]);

export const MicroAnswer = z.strictObject({
  decide: z.record(DecideCase, z.number()),
  admitMicroseconds: z.number(),
  verifyMicroseconds: z.number(),
  verifySeenMicroseconds: z.number(),
  receiptMicroseconds: z.number(),
});
export type MicroAnswer = z.infer<typeof MicroAnswer>;
