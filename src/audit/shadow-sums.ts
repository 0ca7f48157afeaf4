/** What can be asked of policies in shadow, and the sums of several homes as one. Pure. */
import * as z from "zod";
import { AgentId, DecisionId, type PolicyId, TenantId } from "../kernel/ids.ts";
import { refusalCodes } from "../kernel/refusal.ts";
import { DecisionOutcome, ShadowOutcome } from "./audit-record.ts";

const count = z.int().min(0);
const agentId = z.union([AgentId, z.literal("")]);
const flip = {
  to: DecisionOutcome,
  code: z.union([z.literal("allowed"), z.enum(refusalCodes)]),
  basis: ShadowOutcome.shape.flips.element.shape.basis,
};

export const ShadowFlipSum = z.strictObject({ ...flip, flips: count });
export const ShadowAgentSum = z.strictObject({
  tenantId: TenantId,
  agentId,
  to: DecisionOutcome,
  flips: count,
});
export const ShadowSample = z.strictObject({
  /** `2026-01-31T08`. */
  hour: z.string(),
  decisionId: DecisionId,
  tenantId: TenantId,
  agentId,
  ...flip,
});

export const ShadowSums = z.strictObject({
  /** Judged while some policy of the same tenant, or of the platform, was in shadow. */
  decisions: count,
  flips: z.array(ShadowFlipSum),
  /** Those with the most flips. */
  agents: z.array(ShadowAgentSum),
  /** The newest. */
  samples: z.array(ShadowSample),
});
export type ShadowSums = z.infer<typeof ShadowSums>;

export const MAX_SHADOW_AGENTS = 50;
export const MAX_SHADOW_SAMPLES = 10;

export interface ShadowQuestion {
  readonly policyId: PolicyId;
  /** Whose decisions it was judged beside; null = every tenant's, as a policy of the platform is. */
  readonly tenantId: TenantId | null;
  /** Hours as in the table; `from` is inclusive, `to` is not. */
  readonly from: string;
  readonly to: string;
  /** Of the policy's own scope; `fromRevision` is inclusive, `toRevision` is not. */
  readonly fromRevision: number;
  readonly toRevision: number;
}

export function joinedSums(ofHomes: readonly ShadowSums[]): ShadowSums {
  const flips = new Map<string, z.infer<typeof ShadowFlipSum>>();
  for (const sum of ofHomes.flatMap((one) => one.flips)) {
    const key = `${sum.to} ${sum.code} ${sum.basis}`;
    flips.set(key, { ...sum, flips: sum.flips + (flips.get(key)?.flips ?? 0) });
  }
  return {
    decisions: ofHomes.reduce((sum, { decisions }) => sum + decisions, 0),
    flips: [...flips.values()].sort((left, right) => right.flips - left.flips),
    agents: ofHomes
      .flatMap(({ agents }) => agents)
      .sort((left, right) => right.flips - left.flips)
      .slice(0, MAX_SHADOW_AGENTS),
    samples: ofHomes
      .flatMap(({ samples }) => samples)
      .sort((left, right) => (left.hour < right.hour ? 1 : -1))
      .slice(0, MAX_SHADOW_SAMPLES),
  };
}
