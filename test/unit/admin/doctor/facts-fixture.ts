// Facts of a deployment that is well, to be made ill one fact at a time.

import { expectedMigrations } from "../../../../src/admin/doctor/expected-migrations.ts";
import type { ApiKeyFacts, DoctorFacts, Reading } from "../../../../src/admin/doctor/facts.ts";
import { DAY_MS } from "../../../../src/kernel/clock.ts";
import { timestampOf } from "../../../../src/kernel/timestamp.ts";
import { Tenant } from "../../../../src/policy/tenant.ts";
import { homeNames } from "../../../../src/residency/home.ts";
import { deploymentOf } from "../../azure/azure-fixture.ts";

export const tenantOf = (id: string, changes: Record<string, unknown> = {}): Tenant =>
  Tenant.parse({ id, name: id, ...changes });

export const euTenant = (id: string, residency: Record<string, unknown> = {}): Tenant =>
  tenantOf(id, { home: "eu", residency: { zone: "eu", ...residency } });

export const allOf = <T>(...items: T[]): Reading<T> => ({ items, illegible: [], rest: null });

/** When the facts were gathered. */
export const GATHERED_MS = Date.parse("2026-11-29T12:00:00.000Z");
export const inDays = (days: number): string => timestampOf(GATHERED_MS + days * DAY_MS);

export const noApiKeys: ApiKeyFacts = { ended: [], nearEnd: [], old: [], lastKeeper: { endsAt: null } };

export const factsOf = (changes: Partial<DoctorFacts> = {}): DoctorFacts => ({
  gatheredAtMs: GATHERED_MS,
  isLocal: false,
  issuer: "https://gateway.contoso.com",
  audience: "https://gateway.contoso.com",
  missingBindings: [],
  configuredHomes: homeNames,
  databases: [
    { binding: "PLATFORM_DB", kind: "platform", applied: expectedMigrations.platform },
    { binding: "EU_DB", kind: "home", applied: expectedMigrations.home },
  ],
  stores: { "eu.db": "ok", "eu.kv": "ok" },
  jurisdictions: [{ home: "eu", jurisdiction: "eu", answer: "given" }],
  tenants: allOf(tenantOf("default-tenant"), euTenant("hospital", { ingress: "anywhere" })),
  strandedTenants: [],
  deployments: allOf(deploymentOf()),
  missingSecrets: new Set(),
  entra: null,
  signingKeys: [{ keyId: "kid-1", endsAt: null }],
  keySet: { signingKeyId: null, keys: [] },
  receiptKeys: [{ keyId: "receipt-kid-1", endsAt: null }],
  apiKeys: noApiKeys,
  signsWebhooks: true,
  ...changes,
});

/** Without the stores of one home. */
export const withoutHome = (home: "eu"): Partial<DoctorFacts> => ({
  configuredHomes: homeNames.filter((name) => name !== home),
});
