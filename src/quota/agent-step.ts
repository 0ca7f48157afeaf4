/** What one step of an agent's ledger comes to. Pure. */
import type { AgentReservation } from "./agent-reservation.ts";
import type { LedgerRefusal, LimitState, ReserveReply } from "./contracts.ts";
import type { LimitClaim } from "./limit-claim.ts";

export type Step =
  /** `charged`: by this very step; a call that is repeated, or replayed, was charged before. */
  | { readonly kind: "answer"; readonly reply: ReserveReply; readonly charged: boolean }
  /** This candidate has no room. */
  | { readonly kind: "full"; readonly refusal: LedgerRefusal }
  /** This candidate needs an approval that there is not. */
  | { readonly kind: "unapproved" }
  /** A slice is too small: renew the lease, then try again. */
  | { readonly kind: "needs_slice" }
  /** The tenant's ledger must agree to one more call under way, then try again. */
  | { readonly kind: "needs_permit"; readonly claims: readonly LimitClaim[] };

/** What the tenant's ledger said of tenant-wide concurrency. */
export interface GivenPermit {
  readonly permitId: AgentReservation["reservationId"];
  readonly limits: readonly LimitState[];
}
