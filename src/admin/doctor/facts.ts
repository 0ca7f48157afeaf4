/**
 * What the doctor judges by, gathered before anything is judged. Of a secret it holds whether there is one, never what it
 * is: so no finding can quote one.
 */
import type { Deployment } from "../../azure/deployment.ts";
import type { SigningKeySet } from "../../capability/signing-key-view.ts";
import type { ApiKeyId } from "../../kernel/ids.ts";
import type { Timestamp } from "../../kernel/timestamp.ts";
import type { Tenant } from "../../policy/tenant.ts";
import type { Home } from "../../residency/home.ts";
import type { DatabaseKind } from "./expected-migrations.ts";

export const API_KEY_OLD_DAYS = 365;
/** A key of any kind is near its end this long before it: time to make another and move its users. */
export const KEY_NEAR_END_DAYS = 14;

export interface DoctorFacts {
  readonly gatheredAtMs: number;
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
  /** Whether webhooks can be signed. */
  readonly signsWebhooks: boolean;
  /** Of the secret, those that were not withdrawn. The first whose end has not come signs. */
  readonly signingKeys: readonly SigningKeyFact[];
  /** Null = the states could not be read. */
  readonly keySet: SigningKeySet | null;
  /** The first signs; the others are published for receipts of before, and have no end. */
  readonly receiptKeys: readonly SigningKeyFact[];
  /** Null = they could not be read. */
  readonly apiKeys: ApiKeyFacts | null;
}

export interface SigningKeyFact {
  readonly keyId: string;
  readonly endsAt: Timestamp | null;
}

/** Of each list the first few, and one more where there are more; no key is in two of them. */
export interface ApiKeyFacts {
  readonly ended: readonly ApiKeyId[];
  /** Within KEY_NEAR_END_DAYS. */
  readonly nearEnd: readonly ApiKeyId[];
  /** Older than API_KEY_OLD_DAYS. */
  readonly old: readonly ApiKeyId[];
  /** The key of the platform that can make keys, and can do so longest; null = there is none. */
  readonly lastKeeper: { readonly endsAt: Timestamp | null } | null;
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
