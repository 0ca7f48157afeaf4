/** Where snapshots come from: isolate memory, then KV by revision, then D1. Only snapshots.store.ts implements this. */
import type { WithdrawnKey } from "../capability/key-states.ts";
import type { Scope, TenantId } from "../kernel/ids.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import type { Revisions, Snapshot } from "./snapshot.ts";

export interface Snapshots {
  /**
   * @param atLeast revisions a ledger named: whatever is older is read again.
   * @param minRevision a revision of the tenant that the caller named: it is read again as well, but that it does not
   * exist is the caller's mistake (`revision_unknown`), where a database behind its ledger is ill.
   * Fails with `tenant_unknown`, `revision_unknown` or `snapshot_unavailable`.
   */
  load(
    tenant: { readonly tenantId: TenantId; readonly home: Home },
    atLeast?: Revisions,
    minRevision?: number,
  ): Promise<Result<Snapshot, Refusal>>;
  /** Keys that this isolate knows to be withdrawn: what it has read last, which may be old but is never wrong. */
  withdrawnKeys(): readonly WithdrawnKey[];
  /** After a committed write: reads the scope's snapshot on the primary and puts it into KV. Best effort. */
  fill(scope: Scope, home: Home): Promise<void>;
}
