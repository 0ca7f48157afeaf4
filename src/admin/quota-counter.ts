/** One live counter joined with its owner: whose limit it counts against, what that is today, and what is left. Pure. */
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import { limitOn } from "../policy/limit-claims.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { TenantLimits } from "../policy/tenant.ts";
import { type CounterKey, counterKeyOf } from "../quota/limit-claim.ts";
import type { CounterState } from "../quota/state-contracts.ts";
import type { CounterOwner, QuotaCounter } from "./usage-descriptions.ts";

/** @param heldByAll what all agents hold of a tenant-wide limit. Null for a name that says nothing. */
export function quotaCounter(
  { counter, used, reserved, endsAtMs, held }: CounterState,
  heldByAll: number,
  snapshot: Snapshot,
): QuotaCounter | null {
  const key = counterKeyOf(counter);
  const found = key && ownerOf(key, snapshot);
  if (key === null || found === null) return null;
  const { scope, meter, window, subject } = key;
  const limit = found.limits && limitOn(found.limits, key);
  const charged = held === null ? used : heldByAll;
  return {
    owner: found.owner,
    scope,
    meter,
    window,
    subject,
    limit,
    used,
    reserved,
    // Debt can put a counter above its limit; nothing less than nothing is left then.
    left: limit === null ? null : Math.max(0, limit - charged),
    resetsAt: endsAtMs === null ? null : resetsAt(endsAtMs),
    tenantWide: held === null ? null : { held, heldByAll },
  };
}

const resetsAt = (epochMs: number): Timestamp => timestampOf(epochMs);

interface Found {
  readonly owner: CounterOwner;
  /** Null where nobody knows them, or the owner counts by another scope now. */
  readonly limits: TenantLimits | null;
}

const finders: Readonly<
  Record<CounterOwner["kind"], (id: string, key: CounterKey, snapshot: Snapshot) => Found>
> = {
  policy(id, { scope }, { platform, tenant }) {
    const policy = [...tenant.policies, ...platform.policies].find((one) => one.id === id);
    if (policy === undefined)
      return { owner: { kind: "policy", id, name: null, state: "gone" }, limits: null };
    const { name, mode, constraints } = policy;
    const counts = mode === "enforce" && (constraints.quotaScope ?? "agent") === scope;
    return { owner: { kind: "policy", id, name, state: "current" }, limits: counts ? constraints : null };
  },
  tenant: (id, _, { tenant: { tenant } }) => ({
    owner: { kind: "tenant", id, name: tenant.name, state: "current" },
    limits: tenant.limits,
  }),
  token: (id) => ({ owner: { kind: "token", id, name: null, state: "unknown" }, limits: null }),
};

function ownerOf(key: CounterKey, snapshot: Snapshot): Found | null {
  const [kind = "", id = ""] = key.owner.split(":");
  const find = Object.hasOwn(finders, kind) ? finders[kind as CounterOwner["kind"]] : undefined; // Just looked up.
  return find ? find(id, key, snapshot) : null;
}
