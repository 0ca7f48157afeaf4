/**
 * A snapshot: all a decision needs of a scope at one revision, immutable. The platform's part and a tenant's part
 * are read separately, each in one D1 batch, and kept in KV under the revision that was read. Agents are not in it.
 */
import * as z from "zod";
import { Deployment } from "../azure/deployment.ts";
import { WithdrawnKey } from "../capability/key-states.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { Policy } from "./policy.ts";
import { Tenant } from "./tenant.ts";

export const Revision = z.int().min(0);

/** The pair of revisions under which something was decided. */
export const Revisions = z.strictObject({ tenant: Revision, platform: Revision });
export type Revisions = z.infer<typeof Revisions>;

export const PlatformSnapshot = z.strictObject({
  revision: Revision,
  policies: z.array(Policy),
  deployments: z.array(Deployment),
  /** Of those that sign tokens. Not optional: an entry of KV without them is one of before, and D1 is read instead. */
  withdrawnKeys: z.array(WithdrawnKey),
});
export type PlatformSnapshot = z.infer<typeof PlatformSnapshot>;

export const TenantSnapshot = z.strictObject({
  revision: Revision,
  tenant: Tenant,
  policies: z.array(Policy),
  /** Tokens of the tenant's agents that were issued before this moment are revoked; absent = none. */
  tokensNotBefore: Timestamp.optional(),
});
export type TenantSnapshot = z.infer<typeof TenantSnapshot>;

export interface Snapshot {
  readonly platform: PlatformSnapshot;
  readonly tenant: TenantSnapshot;
}

/** What a decision was made under: a snapshot may be newer than the lease that confirmed it, never older. */
export const newerRevisions = (a: Revisions, b: Revisions): Revisions => ({
  tenant: Math.max(a.tenant, b.tenant),
  platform: Math.max(a.platform, b.platform),
});

export const revisionsOf = (snapshot: Snapshot): Revisions => ({
  tenant: snapshot.tenant.revision,
  platform: snapshot.platform.revision,
});
