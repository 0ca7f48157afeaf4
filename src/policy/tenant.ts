/** A tenant: who the data belongs to. Its id and home are fixed at creation. */
import * as z from "zod";
import { TenantId } from "../kernel/ids.ts";
import { Home } from "../residency/home.ts";
import { NO_PROMISE, ResidencyPromise } from "../residency/promise.ts";
import { limitFields } from "./constraints.ts";

/** Limits of the tenant as a whole, over all its agents. */
export const TenantLimits = z.strictObject(limitFields);
export type TenantLimits = z.infer<typeof TenantLimits>;

export const Tenant = z.strictObject({
  id: TenantId,
  name: z.string().min(1).max(200),
  home: Home.default("global"),
  residency: ResidencyPromise.default(NO_PROMISE),
  limits: TenantLimits.default({}),
});
export type Tenant = z.infer<typeof Tenant>;
