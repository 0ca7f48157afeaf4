/**
 * A limit claim: one counter that an ask would charge, with its limit and the amount. The counter's name is made of
 * owner, scope, meter and window, not of the limit: so a counter survives edits of the policy that limits it.
 */
import * as z from "zod";

export const Meter = z.enum(["requests", "tokens"]);
export type Meter = z.infer<typeof Meter>;

export const QuotaScope = z.enum(["agent", "tenant"]);
export type QuotaScope = z.infer<typeof QuotaScope>;

/** Calendar windows are UTC days of the ledger that counts. */
export const Window = z.enum(["day"]);
export type Window = z.infer<typeof Window>;

const amount = z.int().min(0);

export const LimitClaim = z.strictObject({
  /** `policy:<id>`, `tenant:<id>` or `token:<root token id>`. */
  owner: z.string().min(1).max(128),
  scope: QuotaScope,
  meter: Meter,
  window: Window,
  limit: amount,
  amount,
});
export type LimitClaim = z.infer<typeof LimitClaim>;

export const counterName = (claim: Pick<LimitClaim, "owner" | "scope" | "meter" | "window">): string =>
  `${claim.owner}/${claim.scope}/${claim.meter}/${claim.window}`;
