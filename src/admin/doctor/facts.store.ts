/**
 * Gathers what the doctor judges by. Every store is asked by itself and within a time limit, so one that cannot be reached
 * is a fact about that store and nothing more.
 */
import * as z from "zod";
import type { EntraIssuer } from "../../capability/entra-issuer.ts";
import type { KeyRing } from "../../capability/key-ring.ts";
import { type KeyRecord, type KeyState, stateIn } from "../../capability/key-states.ts";
import type { ReceiptKeys } from "../../capability/receipt-keys.ts";
import { signingKeySet } from "../../capability/signing-key-view.ts";
import type { SigningKeyStore } from "../../capability/signing-keys.store.ts";
import { asked } from "../../kernel/asked.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Home, homeBinding, homes, type Jurisdiction } from "../../residency/home.ts";
import type { Databases } from "../databases.ts";
import { readApiKeys } from "./api-key-facts.store.ts";
import { readDeployments, readTenants } from "./documents.store.ts";
import type { DatabaseFact, DoctorFacts, JurisdictionFact, SigningKeyFact } from "./facts.ts";
import { missingBindings } from "./missing-bindings.ts";

export interface DoctorSources {
  readonly isLocal: boolean;
  readonly config: { readonly issuer: string; readonly audience: string };
  readonly keyRing: KeyRing;
  readonly signingKeys: Pick<SigningKeyStore, "all">;
  readonly receiptKeys: ReceiptKeys;
  readonly entra: Pick<EntraIssuer, "discovery" | "subject" | "published"> | null;
  readonly configuredHomes: readonly Home[];
  readonly isBound: (name: string) => boolean;
  /** Whether a Worker secret is set: all that is asked about one. */
  readonly hasSecret: (name: string) => boolean;
  /** Their calls must end. */
  readonly databases: Databases;
  readonly probeStores: () => Promise<DoctorFacts["stores"]>;
  readonly askJurisdiction: (jurisdiction: Jurisdiction) => JurisdictionFact["answer"];
  readonly clock: Clock;
}

export const createDoctorFacts = (sources: DoctorSources) => async (): Promise<DoctorFacts> => {
  const { databases, configuredHomes, config, isLocal, keyRing, receiptKeys, entra, hasSecret } = sources;
  const gatheredAtMs = sources.clock();
  const [readings, { tenants, stranded }, deployments, apiKeys, keyRecords, stores] = await Promise.all([
    readMigrations(databases, configuredHomes),
    readTenants(databases, configuredHomes),
    readDeployments(databases.platform),
    readApiKeys(databases.platform, gatheredAtMs),
    sources.signingKeys.all(),
    sources.probeStores(),
  ]);
  const secrets = deployments.items.flatMap(({ backends }) =>
    backends.flatMap(({ credential }) => (credential.kind === "api_key" ? [credential.secret] : [])),
  );
  return {
    gatheredAtMs,
    isLocal,
    issuer: config.issuer,
    audience: config.audience,
    missingBindings: missingBindings(sources.isBound),
    configuredHomes,
    databases: readings,
    stores,
    jurisdictions: configuredHomes.flatMap((home) => jurisdictionOf(home, sources.askJurisdiction)),
    tenants,
    strandedTenants: stranded,
    deployments,
    missingSecrets: new Set(secrets.filter((name) => !hasSecret(name))),
    entra: entra && {
      issuer: entra.discovery.issuer,
      subject: entra.subject,
      keyIds: entra.published.map(({ kid }) => kid),
    },
    signsWebhooks: hasSecret("WEBHOOK_SECRET"),
    signingKeys: goingKeys(keyRing, keyRecords.ok ? keyRecords.value : []),
    keySet: keyRecords.ok ? signingKeySet(keyRing, keyRecords.value, gatheredAtMs) : null,
    receiptKeys: receiptKeys.published.map(({ kid }) => ({
      keyId: kid,
      endsAt: kid === receiptKeys.signing.keyId ? receiptKeys.signing.endsAt : null,
    })),
    apiKeys,
  };
};

/** The promoted one first. */
function goingKeys(
  { signers }: Pick<KeyRing, "signers">,
  records: readonly KeyRecord[],
): readonly SigningKeyFact[] {
  const inState = (state: KeyState) => signers.filter(({ keyId }) => stateIn(records, keyId) === state);
  return [...inState("signing"), ...inState("published")].map(({ keyId, endsAt }) => ({ keyId, endsAt }));
}

function jurisdictionOf(home: Home, ask: DoctorSources["askJurisdiction"]): readonly JurisdictionFact[] {
  const { jurisdiction } = homes[home];
  return jurisdiction === undefined ? [] : [{ home, jurisdiction, answer: ask(jurisdiction) }];
}

const readMigrations = (
  databases: Databases,
  configuredHomes: readonly Home[],
): Promise<readonly DatabaseFact[]> =>
  Promise.all([
    migrationsIn(databases.platform, "PLATFORM_DB", "platform"),
    ...configuredHomes.map((home) => migrationsIn(databases.ofHome(home), homeBinding(home, "db"), "home")),
  ]);

// Both tables are a few rows: those of the schema, and one for each migration.
const HAS_BOOK = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'";
const BOOK = "SELECT name FROM d1_migrations ORDER BY id";
const MigrationRow = z.object({ name: z.string() });

async function migrationsIn(
  db: D1Database,
  binding: string,
  kind: DatabaseFact["kind"],
): Promise<DatabaseFact> {
  const applied = await asked(async () => {
    // A database nobody has migrated has no book of migrations either.
    if ((await db.prepare(HAS_BOOK).first()) === null) return [];
    const { results } = await db.prepare(BOOK).all();
    return results.map((row) => MigrationRow.parse(row).name);
  });
  return { binding, kind, applied: applied.ok ? applied.value : null };
}
