/** Where the claims of one candidate are charged. Pure. */
import type { LimitClaim } from "./limit-claim.ts";

/** The agent's own counters; slices of the tenant's; what only the tenant's ledger can say. */
export function byPlace(claims: readonly LimitClaim[]): readonly [LimitClaim[], LimitClaim[], LimitClaim[]] {
  const own: LimitClaim[] = [];
  const sliced: LimitClaim[] = [];
  const tenantWide: LimitClaim[] = [];
  for (const claim of claims) {
    const place = claim.scope !== "tenant" ? own : claim.meter === "concurrent" ? tenantWide : sliced;
    place.push(claim);
  }
  return [own, sliced, tenantWide];
}
