/** Where the gateway leaves what waits for approval. */
import type { ApprovalId } from "../kernel/ids.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { NewApproval } from "./approval.ts";

export interface ApprovalDesk {
  /** Once this has answered, approvers find it. Repeating only adds to who has asked. */
  keep(home: Home, approval: NewApproval): Promise<Result<null>>;
  /** Tells the tenant's webhook, if it has one. What fails is tried again by the minute's schedule. */
  announce(home: Home, approvalId: ApprovalId): Promise<void>;
}
