/** A policy: a rule of one tenant, or of the platform (all tenants). */
import * as z from "zod";
import { PolicyId, Scope } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { ActionPattern } from "./action.ts";
import { MAX_TESTS_OF_POLICY, PolicyTest, ShownPolicyTest } from "./as-code/policy-test.ts";
import { Constraints } from "./constraints.ts";
import { ResourcePattern } from "./resource.ts";

const DEFAULT_PRIORITY = 100;

/** The rule itself: all of a policy that decides. */
const PolicyRule = z.strictObject({
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
const ofServer = {
  id: PolicyId,
  /** The tenant whose rule it is, or `platform`. */
  scope: Scope,
  createdAt: Timestamp,
  updatedAt: Timestamp,
};
/** What must be decided with this policy in force: no write of its scope may break them. */
const carried = <T extends z.ZodType>(test: T) => ({
  tests: z.array(test).max(MAX_TESTS_OF_POLICY).optional(),
});

/** What a security officer writes. `mode` other than `enforce` is refused at write until it is built. */
export const PolicyInput = PolicyRule.extend(carried(PolicyTest));
export type PolicyInput = z.infer<typeof PolicyInput>;

/** As snapshots hold it: decisions need no tests. */
export const Policy = PolicyRule.extend(ofServer);
export type Policy = z.infer<typeof Policy>;

/** As it is stored and shown. */
export const PolicyDocument = PolicyRule.extend({ ...carried(ShownPolicyTest), ...ofServer });
export type PolicyDocument = z.infer<typeof PolicyDocument>;
