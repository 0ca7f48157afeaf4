/** A policy: a rule of one tenant, or of the platform (all tenants). */
import * as z from "zod";
import { PolicyId, Scope } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { ActionPattern } from "./action.ts";
import { Constraints } from "./constraints.ts";
import { ResourcePattern } from "./resource.ts";

const DEFAULT_PRIORITY = 100;

/** What a security officer writes. */
export const PolicyInput = z.strictObject({
  name: z.string().min(1).max(200),
  description: z.string().max(2_000).default(""),
  kind: z.enum(["grant", "boundary"]).default("grant"),
  /** In `shadow` it changes nothing, and records say what it would have changed. */
  mode: z.enum(["enforce", "shadow"]).default("enforce"),
  /** Lower is tried first; equal priorities in order of age. */
  priority: z.int().min(0).max(1_000_000).default(DEFAULT_PRIORITY),
  effect: z.enum(["allow", "deny"]),
  actions: z.array(ActionPattern).min(1).max(20),
  resources: z.array(ResourcePattern).min(1).max(200),
  constraints: Constraints.default({}),
});
export type PolicyInput = z.infer<typeof PolicyInput>;

export const Policy = PolicyInput.extend({
  id: PolicyId,
  /** The tenant whose rule it is, or `platform`. */
  scope: Scope,
  createdAt: Timestamp,
  updatedAt: Timestamp,
});
export type Policy = z.infer<typeof Policy>;
