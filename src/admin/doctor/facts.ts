/**
 * What the doctor judges by, gathered before anything is judged. Of a secret it holds whether there is one, never what it
 * is: so no finding can quote one.
 */
import type { Deployment } from "../../azure/deployment.ts";
import type { ApiKeyId } from "../../kernel/ids.ts";
import type { Tenant } from "../../policy/tenant.ts";
import type { Home } from "../../residency/home.ts";
import type { DatabaseKind } from "./expected-migrations.ts";

export const API_KEY_OLD_DAYS = 365;

export interface DoctorFacts {
  readonly isLocal: boolean;
  readonly issuer: string;
  readonly audience: string;
  readonly missingBindings: readonly string[];
  /** Homes with all their stores. */
  readonly configuredHomes: readonly Home[];
  readonly databases: readonly DatabaseFact[];
  /** `<home>.<store>`, of configured homes. */
  readonly stores: Readonly<Record<string, "ok" | "ill">>;
  readonly jurisdictions: readonly JurisdictionFact[];
  readonly tenants: Reading<Tenant>;
  /** In the directory under a home that is not configured. */
  readonly strandedTenants: readonly StrandedTenant[];
  readonly deployments: Reading<Deployment>;
  /** Names of Worker secrets that a backend names and that are not set. */
  readonly missingSecrets: ReadonlySet<string>;
  /** What Microsoft Entra must know of this gateway; null = it has no keys for Entra. */
  readonly entra: EntraFact | null;
  /** The first signs. */
  readonly signingKeyIds: readonly string[];
  /** The first signs; the others are published for receipts of before. */
  readonly receiptKeyIds: readonly string[];
  /** Older than API_KEY_OLD_DAYS, the first few; null = they could not be read. */
  readonly oldApiKeys: readonly ApiKeyId[] | null;
}

export interface EntraFact {
  readonly issuer: string;
  readonly subject: string;
  /** The first signs. */
  readonly keyIds: readonly string[];
}

export interface DatabaseFact {
  readonly binding: string;
  readonly kind: DatabaseKind;
  /** Names of the migrations applied to it; null = it did not answer. */
  readonly applied: readonly string[] | null;
}

export interface JurisdictionFact {
  readonly home: Home;
  readonly jurisdiction: string;
  readonly answer: "given" | "not_implemented" | "refused";
}

export interface StrandedTenant {
  readonly tenantId: string;
  readonly home: string;
}

/** Documents as far as they could be read. */
export interface Reading<T> {
  readonly items: readonly T[];
  /** Names of those whose document is none of ours. */
  readonly illegible: readonly string[];
  /** Why there may be more; null = that is all of them. */
  readonly rest: "too_many" | "unreachable" | null;
}
