/**
 * Snapshots from isolate memory, KV or D1. Rows and revision are read together in one batch, so a snapshot is never
 * torn. What is current is decided by the ledgers' leases, not here. Neither store has a time limit of its own: a KV
 * that does not answer is passed over, a D1 that does not answer refuses.
 */
import * as z from "zod";
import { Deployment } from "../azure/deployment.ts";
import { keyRecordOfRow, SELECT_SIGNING_KEYS } from "../capability/key-rows.ts";
import { withdrawnKeyOf } from "../capability/key-states.ts";
import type { StartTimer } from "../kernel/clock.ts";
import { DEFAULT_TENANT, PLATFORM, type Scope, type TenantId } from "../kernel/ids.ts";
import { D1_READ_MAX_MS } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok } from "../kernel/result.ts";
import { Timestamp } from "../kernel/timestamp.ts";
import { withinLimit } from "../kernel/within-limit.ts";
import { type Home, homeNames, PLATFORM_HOME } from "../residency/home.ts";
import { builtInDefaultTenant } from "./default-tenant.ts";
import { policyOfRow, SELECT_RULES_OF_SCOPE } from "./policy-rows.ts";
import { PlatformSnapshot, TenantSnapshot } from "./snapshot.ts";
import { fromKv, toKv } from "./snapshot-cache.store.ts";
import type { Snapshots } from "./snapshots.ts";
import { Tenant } from "./tenant.ts";

export const snapshotStatements = {
  revision: "SELECT max(revision) AS revision FROM revisions WHERE scope = ?1",
  tenant: "SELECT document FROM tenants WHERE id = ?1",
  tokensNotBefore: "SELECT not_before FROM token_epochs WHERE tenant_id = ?1",
  policies: SELECT_RULES_OF_SCOPE,
  // All of them, read off the primary key.
  deployments: "SELECT document FROM deployments WHERE name > '' ORDER BY name",
  signingKeys: SELECT_SIGNING_KEYS,
} as const;

const RevisionRow = z.object({ revision: z.int().nullable() });
const DocumentRow = z.object({ document: z.string() });
const EpochRow = z.object({ not_before: Timestamp });

/** Of a home: enough for every tenant an isolate meets in its life; the oldest go first. */
const MAX_SCOPES_IN_MEMORY = 500;

interface SnapshotStores {
  readonly platformDb: D1Database;
  readonly dbOf: (home: Home) => D1Database;
  readonly kvOf: (home: Home) => KVNamespace;
  readonly background: (work: Promise<unknown>) => void;
  readonly startTimer: StartTimer;
}

interface Revised {
  readonly revision: number;
}

/** One kind of snapshot: where it is read and how it is recognised. */
interface Part<S> {
  readonly scope: Scope;
  readonly home: Home;
  readonly schema: z.ZodType<S>;
  /** Of this isolate and this home: values, never promises, which must not be shared between requests. */
  readonly memory: Map<Scope, S>;
  /** Null when the scope does not exist. */
  read(): Promise<S | null>;
}

export function createSnapshots(stores: SnapshotStores): Snapshots {
  const { startTimer } = stores;
  const fromD1 = <S>({ read }: Part<S>) => withinLimit(startTimer, D1_READ_MAX_MS, read());
  // By home: a tenant that is made anew in another home is another tenant, and its revisions start again.
  const tenants = Object.fromEntries(
    homeNames.map((home) => [home, new Map<Scope, TenantSnapshot>()]),
  ) as Readonly<Record<Home, Map<Scope, TenantSnapshot>>>; // Object.fromEntries loses the key type.
  const platformPart: Part<PlatformSnapshot> = {
    scope: PLATFORM,
    home: PLATFORM_HOME,
    schema: PlatformSnapshot,
    memory: new Map(),
    read: () => readPlatform(stores.platformDb),
  };
  const tenantPart = (tenantId: TenantId, home: Home): Part<TenantSnapshot> => ({
    scope: tenantId,
    home,
    schema: TenantSnapshot,
    memory: tenants[home],
    read: () => readTenant(stores.dbOf(home), tenantId),
  });

  /** @param wanted what D1 is asked for, and may not have yet. */
  async function load<S extends Revised>(
    part: Part<S>,
    atLeast: number | undefined,
    wanted = atLeast,
  ): Promise<S | null> {
    const kept = part.memory.get(part.scope) ?? null;
    const fresh = (snapshot: S | null): snapshot is S =>
      snapshot !== null && snapshot.revision >= (wanted ?? 0);
    if (fresh(kept)) return kept;
    const cached = await fromKv(stores.kvOf(part.home), part, wanted, startTimer);
    if (fresh(cached)) return remember(part, cached);
    const read = await fromD1(part);
    if (read === null) return null;
    if (read.revision < (atLeast ?? 0))
      throw new Error("The database is behind the revision its ledger published.");
    stores.background(toKv(stores.kvOf(part.home), part, read, startTimer));
    return remember(part, read);
  }

  return {
    async load({ tenantId, home }, atLeast, minRevision = 0) {
      try {
        const wanted = minRevision === 0 ? atLeast?.tenant : Math.max(minRevision, atLeast?.tenant ?? 0);
        const [platform, tenant] = await Promise.all([
          load(platformPart, atLeast?.platform),
          load(tenantPart(tenantId, home), atLeast?.tenant, wanted),
        ]);
        if (tenant === null || platform === null) return fail(refuse("tenant_unknown"));
        if (tenant.revision < minRevision) return fail(refuse("revision_unknown", { field: "minRevision" }));
        return ok({ platform, tenant });
      } catch {
        return fail(refuse("snapshot_unavailable"));
      }
    },
    withdrawnKeys: () => platformPart.memory.get(PLATFORM)?.withdrawnKeys ?? [],
    async fill(scope, home) {
      const fillPart = async <S extends Revised>(part: Part<S>) => {
        const read = await fromD1(part);
        if (read !== null) await toKv(stores.kvOf(part.home), part, read, startTimer);
      };
      // A write that has committed does not fail because its snapshot cannot be read back.
      await (scope === PLATFORM ? fillPart(platformPart) : fillPart(tenantPart(scope, home))).catch(() => {});
    },
  };
}

function remember<S>({ memory, scope }: Part<S>, snapshot: S): S {
  memory.delete(scope);
  memory.set(scope, snapshot);
  const oldest = memory.keys().next().value;
  if (memory.size > MAX_SCOPES_IN_MEMORY && oldest !== undefined) memory.delete(oldest);
  return snapshot;
}

export async function readPlatform(db: D1Database): Promise<PlatformSnapshot> {
  const [revision, policies, deployments, signingKeys] = await db.batch([
    db.prepare(snapshotStatements.revision).bind(PLATFORM),
    db.prepare(snapshotStatements.policies).bind(PLATFORM),
    db.prepare(snapshotStatements.deployments),
    db.prepare(snapshotStatements.signingKeys),
  ]);
  return {
    revision: revisionOf(revision),
    policies: (policies?.results ?? []).map(policyOfRow),
    deployments: (deployments?.results ?? []).map((row) =>
      Deployment.parse(JSON.parse(DocumentRow.parse(row).document)),
    ),
    withdrawnKeys: (signingKeys?.results ?? []).flatMap((row) => withdrawnKeyOf(keyRecordOfRow(row)) ?? []),
  };
}

export async function readTenant(db: D1Database, tenantId: TenantId): Promise<TenantSnapshot | null> {
  const [revision, tenants, policies, epochs] = await db.batch([
    db.prepare(snapshotStatements.revision).bind(tenantId),
    db.prepare(snapshotStatements.tenant).bind(tenantId),
    db.prepare(snapshotStatements.policies).bind(tenantId),
    db.prepare(snapshotStatements.tokensNotBefore).bind(tenantId),
  ]);
  const row = tenants?.results[0];
  const tenant = row
    ? Tenant.parse(JSON.parse(DocumentRow.parse(row).document))
    : tenantId === DEFAULT_TENANT
      ? builtInDefaultTenant
      : null;
  if (tenant === null) return null;
  const epoch = epochs?.results[0];
  return {
    revision: revisionOf(revision),
    tenant,
    policies: (policies?.results ?? []).map(policyOfRow),
    ...(epoch === undefined ? {} : { tokensNotBefore: EpochRow.parse(epoch).not_before }),
  };
}

const revisionOf = (result: D1Result | undefined): number =>
  RevisionRow.parse(result?.results[0]).revision ?? 0;
