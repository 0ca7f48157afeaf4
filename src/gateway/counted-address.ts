/** The client address as quotas count it: hashed, and only where some policy or the token counts by it. */
import type { Capability } from "../capability/claims.ts";
import { lineageOf } from "../capability/family.ts";
import type { Constraints } from "../policy/constraints.ts";
import type { Policy } from "../policy/policy.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Place } from "../residency/place.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

export interface CountedCaller {
  readonly capability: Pick<Capability, "tenantId" | "tokenId" | "authorization">;
  readonly place: Pick<Place, "clientAddress">;
}

/** Null where nothing counts by address, and where the platform named none. */
export async function countedAddress(
  { hashAddress }: Pick<GatewayPorts, "hashAddress">,
  { capability, place }: CountedCaller,
  { platform, tenant }: Snapshot,
): Promise<string | null> {
  if (place.clientAddress === null) return null;
  const counts =
    platform.policies.some(countsByAddress) ||
    tenant.policies.some(countsByAddress) ||
    (capability.authorization ?? []).flatMap(lineageOf).some(byAddress);
  return counts ? hashAddress(capability.tenantId, place.clientAddress) : null;
}

/** A policy in shadow counts nothing. */
const countsByAddress = (policy: Policy): boolean => policy.mode === "enforce" && byAddress(policy);

const byAddress = ({ constraints }: { readonly constraints: Constraints }): boolean =>
  constraints.quotaScope === "address";
