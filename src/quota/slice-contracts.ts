/**
 * What an agent's ledger and its tenant's say to each other about tenant-wide budgets (DESIGN section 7).
 *
 * A slice is what the tenant counts as used by one holder in one (counter, bucket). Both sides state it in absolute
 * numbers: the holder lowers its own view before it says so, the tenant raises its own before it answers. So the
 * holder's view never exceeds the tenant's, whatever is lost, late or repeated.
 */
import * as z from "zod";
import { Meter, Window } from "./limit-claim.ts";

const amount = z.int().min(0);

/** What the holder holds of one bucket: all it has used, and what it keeps to spend. */
export const Hold = z.strictObject({ counter: z.string(), window: Window, bucket: z.int(), held: amount });
export type Hold = z.infer<typeof Hold>;

export const SliceAsk = z.strictObject({
  counter: z.string(),
  meter: Meter,
  window: Window,
  limit: amount,
  /** For calls that wait for the answer. */
  need: amount,
  /** The smallest of these calls, or the last one: less than this is of no use. */
  least: amount,
  /** For calls that are to be expected under the lease. */
  want: amount,
});
export type SliceAsk = z.infer<typeof SliceAsk>;

export const SliceRequest = z.strictObject({
  holder: z.string().min(1).max(64),
  /** One higher for each message of this holder; older ones that arrive late change nothing. */
  seq: z.int().min(1),
  holds: z.array(Hold),
  /** The holder does not know what the tenant counts (a restart, a lost answer): of what is not listed it holds nothing. */
  complete: z.boolean().default(false),
  asks: z.array(SliceAsk),
});
export type SliceRequest = z.infer<typeof SliceRequest>;

export const Slice = z.strictObject({
  counter: z.string(),
  window: Window,
  bucket: z.int(),
  held: amount,
  /** From before the holder asked; never longer than the lease. */
  durationMs: amount,
});
export type Slice = z.infer<typeof Slice>;

export const SliceLimit = z.strictObject({
  counter: z.string(),
  /** Of the tenant's whole budget, after what was granted. */
  left: amount,
  /** Null where time alone frees nothing. */
  resetsInMs: amount.nullable(),
  refused: z.boolean(),
});
export type SliceLimit = z.infer<typeof SliceLimit>;

export const SliceReply = z.strictObject({
  /** False: the message was overtaken; nothing was changed, and the next must be above `seq`. */
  accepted: z.boolean(),
  seq: z.int().min(0),
  slices: z.array(Slice),
  limits: z.array(SliceLimit),
});
export type SliceReply = z.infer<typeof SliceReply>;
