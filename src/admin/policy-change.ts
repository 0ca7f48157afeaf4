/** The change that a write to a policy makes: its row and the row of its history, in one batch. */
import type { PolicyId } from "../kernel/ids.ts";
import type { Timestamp } from "../kernel/timestamp.ts";
import type { PolicyDocument } from "../policy/policy.ts";
import type { ScopeAddress } from "../quota/ledgers.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import type { Caller } from "./operation.ts";
import type { PolicyOperation } from "./policy-version.ts";
import type { Change } from "./revisioned-write.store.ts";

export interface PolicyChange<P extends PolicyDocument | null> extends ScopeAddress {
  readonly id: PolicyId;
  readonly operation: Exclude<PolicyOperation, "baseline">;
  readonly caller: Caller;
  readonly revision: number;
  readonly at: Timestamp;
  readonly before: PolicyDocument | null;
  readonly after: P;
  readonly revertedTo?: number;
}

export function policyChange<P extends PolicyDocument | null>(
  { policies, policyHistory }: Pick<ControlPlaneDeps, "policies" | "policyHistory">,
  change: PolicyChange<P>,
): Change<P> {
  const { scope, home, id, operation, caller, revision, at, before, after, revertedTo = null } = change;
  const address = { scope, home };
  const author = caller.apiKey.id;
  const version = { id, revision, operation, author, at, before, after, revertedTo };
  return {
    statements: [
      after === null ? policies.delete(address, id) : policies.put(address, after),
      policyHistory.append(address, version),
    ],
    operation: `policy.${operation}`,
    objectId: id,
    value: after,
  };
}
