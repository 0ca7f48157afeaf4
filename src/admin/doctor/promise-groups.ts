/**
 * Tenants by what they promise of processing. There are few different promises however many tenants, and few pairs of sku
 * and region however many backends, so every tenant can be held against every backend.
 */
import type { Backend } from "../../azure/backend.ts";
import type { TenantId } from "../../kernel/ids.ts";
import type { Tenant } from "../../policy/tenant.ts";
import { keepsPromise } from "../../residency/eligible-backends.ts";
import type { ResidencyPromise } from "../../residency/promise.ts";

export interface PromiseGroup {
  /** In words. */
  readonly promise: string;
  readonly tenants: readonly TenantId[];
  readonly isKeptBy: (backend: Backend) => boolean;
}

/** Of tenants that promise a zone; the others are content with any backend. */
export function promiseGroupsOf(tenants: readonly Tenant[]): readonly PromiseGroup[] {
  const promising = tenants.filter(({ residency }) => residency.zone !== "none");
  const groups = Map.groupBy(promising, ({ residency }) => inWords(residency));
  return [...groups].map(([promise, members]) => ({
    promise,
    tenants: members.map(({ id }) => id),
    isKeptBy: remembered(members.map(({ residency }) => residency)[0]),
  }));
}

/** All that decides about backends: promises with the same words are kept by the same ones. */
const inWords = ({ zone, processing, euReading }: ResidencyPromise): string =>
  [
    zone,
    `processing ${processing}`,
    ...(zone === "eu" ? [euReading === "members" ? "EU members only" : "EU Data Boundary"] : []),
  ].join(", ");

function remembered(promise: ResidencyPromise | undefined): (backend: Backend) => boolean {
  const kept = new Map<string, boolean>();
  return (backend) => {
    const key = `${backend.sku}/${backend.region}`;
    const known = kept.get(key) ?? (promise !== undefined && keepsPromise(backend, promise));
    kept.set(key, known);
    return known;
  };
}
