/** What is still to be told webhooks. approval-webhooks.store.ts implements it. */
import type { ApprovalId } from "../kernel/ids.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { Approval, ApprovalRequest } from "./approval.ts";

/** One thing to tell. */
export interface Delivery {
  readonly approval: Pick<Approval, "id" | "tenantId" | "agentId" | "requestedAt" | "expiresAt"> &
    ApprovalRequest;
  /** Whether anybody can still decide. */
  readonly isPending: boolean;
  readonly attempts: number;
  readonly url: string;
  readonly nonce: string;
}

export interface WebhookOutbox {
  /** That of one approval, if it is due. */
  dueOne(home: Home, id: ApprovalId, nowMs: number): Promise<Result<readonly Delivery[]>>;
  due(home: Home, nowMs: number, limit: number): Promise<Result<readonly Delivery[]>>;
  /** False where somebody else has claimed this attempt. @param nextAtMs when the next one is due, if this one fails. */
  claim(home: Home, delivery: Delivery, nextAtMs: number): Promise<Result<boolean>>;
  done(home: Home, id: ApprovalId): Promise<Result<null>>;
  /** Of webhooks that were deleted. */
  purge(home: Home, beforeMs: number): Promise<Result<null>>;
}
