/**
 * A limit as callers are told of it. Policies, tenants and tokens that own limits stay unnamed, and money shows only as
 * a share: what a budget amounts to is the administrator's business, that it runs out is the caller's as well. Pure.
 */
import * as z from "zod";
import { Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { LimitState } from "./contracts.ts";
import { Meter, QuotaScope, Window } from "./limit-claim.ts";

/** As quota units are named in draft-ietf-httpapi-ratelimit-headers; `tokens` and `percent` are ours. */
export const QuotaUnit = z.enum(["requests", "tokens", "percent", "concurrent-requests"]);
export type QuotaUnit = z.infer<typeof QuotaUnit>;

export const ToldLimit = z
  .strictObject({
    scope: QuotaScope,
    meter: Meter,
    window: Window,
    unit: QuotaUnit,
    limit: z.int().min(0),
    left: z.int().min(0),
    resetsAt: Timestamp.nullable(),
  })
  .meta({
    id: "BindingLimit",
    description:
      "The limit that bound, in its unit (costs: percent of the budget), and when this request would have room; `resetsAt` is null where time alone frees nothing.",
  });
export type ToldLimit = z.infer<typeof ToldLimit>;

const units: Record<Meter, QuotaUnit> = {
  requests: "requests",
  tokens: "tokens",
  cost: "percent",
  concurrent: "concurrent-requests",
};

/** Nothing is left of nothing. */
export const shareLeft = ({ limit, left }: Pick<LimitState, "limit" | "left">): number =>
  limit > 0 ? Math.min(1, left / limit) : 0;

export function inItsUnit(state: LimitState): Pick<ToldLimit, "unit" | "limit" | "left"> {
  const unit = units[state.meter];
  return unit === "percent"
    ? { unit, limit: 100, left: Math.floor(100 * shareLeft(state)) }
    : { unit, limit: state.limit, left: state.left };
}

export function toldLimit(state: LimitState): ToldLimit {
  const { scope, meter, window, resetsAtMs } = state;
  const resetsAt = resetsAtMs === null ? null : timestampOf(resetsAtMs);
  return { scope, meter, window, ...inItsUnit(state), resetsAt };
}
