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

export const MicroAnswer = z.strictObject({
  decideMicroseconds: z.number(),
  admitMicroseconds: z.number(),
  verifyMicroseconds: z.number(),
  verifySeenMicroseconds: z.number(),
  receiptMicroseconds: z.number(),
});
export type MicroAnswer = z.infer<typeof MicroAnswer>;
