/**
 * A limit claim: one counter that an ask would charge, with its limit and the amount. The counter's name is made of
 * owner, scope, meter, window and subject, not of the limit: so a counter survives edits of the policy that limits it.
 */
import * as z from "zod";

/** `cost` counts nano-USD (whole numbers: prices of single tokens are fractions of a micro-USD). */
export const Meter = z.enum(["requests", "tokens", "cost", "concurrent"]);
export type Meter = z.infer<typeof Meter>;

/** Where the counter lives: `tenant` in the tenant's ledger, all others in the agent's. */
export const QuotaScope = z.enum(["agent", "tenant", "user", "address"]);
export type QuotaScope = z.infer<typeof QuotaScope>;

/**
 * `minute` slides; `day` and `month` are UTC calendar windows of the ledger that counts; `open` holds what is under
 * way and nothing else, which is what concurrency is.
 */
export const Window = z.enum(["minute", "day", "month", "open"]);
export type Window = z.infer<typeof Window>;

const amount = z.int().min(0);

export const LimitClaim = z.strictObject({
  /** `policy:<id>`, `tenant:<id>` or `token:<root token id>`. */
  owner: z.string().min(1).max(128),
  scope: QuotaScope,
  /** Salted hash of the end user or client address; null for the other scopes. */
  subject: z.string().min(1).max(64).nullable().default(null),
  meter: Meter,
  window: Window,
  limit: amount,
  amount,
});
export type LimitClaim = z.infer<typeof LimitClaim>;

/** What a counter counts. */
export type CounterKey = Pick<LimitClaim, "owner" | "scope" | "meter" | "window" | "subject">;

/** Owners and subjects hold no slash, so a name says what it is made of. */
export function counterKeyOf(name: string): CounterKey | null {
  const [owner, scope, meter, window, subject = null] = name.split("/");
  const key = CounterKeyParts.safeParse({ owner, scope, meter, window, subject });
  return key.success ? key.data : null;
}

const CounterKeyParts = LimitClaim.pick({
  owner: true,
  scope: true,
  meter: true,
  window: true,
  subject: true,
});

export const counterName = ({ owner, scope, meter, window, subject }: CounterKey): string =>
  subject === null
    ? `${owner}/${scope}/${meter}/${window}`
    : `${owner}/${scope}/${meter}/${window}/${subject}`;
