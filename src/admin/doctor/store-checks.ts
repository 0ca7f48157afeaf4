/** Checks of what the platform gives: bindings, homes, databases and their migrations, stores, jurisdictions. */
import { homeNames, homes } from "../../residency/home.ts";
import { type Check, counted, type Found, named } from "./check.ts";
import { expectedMigrations } from "./expected-migrations.ts";
import type { DatabaseFact } from "./facts.ts";

const bindings: Check = {
  id: "bindings",
  looksAt: "bindings that every Worker needs",
  well: "Every binding is there.",
  needs: [],
  find: ({ missingBindings }) =>
    missingBindings.map((name) => ({
      severity: "error",
      subject: name,
      sentence: `${name} is not bound.`,
      remedy: "Write its block into wrangler.toml and run `npm run deploy`.",
    })),
};

const homesWithoutStores: Check = {
  id: "homes",
  looksAt: "homes without stores, and tenants that live in one",
  well: "Every home has its stores.",
  needs: ["tenants"],
  find({ configuredHomes, strandedTenants }) {
    const stranded = Map.groupBy(strandedTenants, ({ home }) => home);
    const known: readonly string[] = homeNames;
    const configured: readonly string[] = configuredHomes;
    const empty = known.filter((home) => !configured.includes(home));
    return [...new Set([...empty, ...stranded.keys()])].map((home): Found => {
      const tenants = (stranded.get(home) ?? []).map(({ tenantId }) => tenantId);
      if (tenants.length > 0) {
        const isKnown = known.includes(home);
        return {
          severity: "error",
          subject: home,
          sentence: `The home ${home} ${isKnown ? "lacks stores" : "is unknown to this version"}, but ${counted(tenants.length, "tenant lives", "tenants live")} there: ${named(tenants)}.`,
          remedy: isKnown
            ? `Give the Worker the stores of ${home} back: its blocks in wrangler.toml, with the ids they had.`
            : "Deploy the version that made it.",
        };
      }
      return {
        severity: "note",
        subject: home,
        sentence: `The home ${home} has no stores here, so no tenant can be made in it.`,
        remedy: `If tenants are to live in ${home}, write its blocks into wrangler.toml and run \`npm run deploy\`.`,
      };
    });
  },
};

const databases: Check = {
  id: "databases",
  looksAt: "D1 databases that do not answer",
  well: "Every database answers.",
  needs: [],
  find: (facts) =>
    facts.databases
      .filter(({ applied }) => applied === null)
      .map(({ binding }) => ({
        severity: "error",
        subject: binding,
        sentence: `${binding} does not answer; what it holds was not looked at.`,
        remedy: "Look at its id in wrangler.toml and at Cloudflare's status of D1.",
      })),
};

const migrations: Check = {
  id: "migrations",
  looksAt: "migrations of this version that a database lacks, and those it has beyond them",
  well: "Every database that answers has the migrations of this version.",
  needs: [],
  find: (facts) => facts.databases.flatMap(migrationsOf),
};

function migrationsOf({ binding, kind, applied }: DatabaseFact): readonly Found[] {
  if (applied === null) return [];
  const expected: readonly string[] = expectedMigrations[kind];
  const pending = expected.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !expected.includes(name));
  const found: Found[] = [];
  if (pending.length > 0) {
    found.push({
      severity: "error",
      subject: binding,
      sentence: `${binding} lacks ${counted(pending.length, "migration")}: ${named(pending)}.`,
      remedy: "Run `npm run deploy` (locally `npm run setup`), which migrates every database.",
    });
  }
  if (unknown.length > 0) {
    found.push({
      severity: "note",
      subject: binding,
      sentence: `${binding} has migrations that this Worker does not know: ${named(unknown)}. The Worker is older than its database.`,
      remedy: "Nothing while an older version is meant to run; else run `npm run deploy`.",
    });
  }
  return found;
}

const stores: Check = {
  id: "stores",
  looksAt: "KV, queues and ledgers of homes that do not answer a probe",
  well: "Every KV, queue and ledger answers.",
  needs: [],
  find: (facts) =>
    Object.entries(facts.stores)
      // Databases have a check of their own, which tells a silent one from one without tables.
      .filter(([name, state]) => state === "ill" && !name.endsWith(".db"))
      .map(([name]) => ({
        severity: "error",
        subject: name,
        sentence: `${name} did not answer in time, or refused.`,
        remedy:
          "Look at its binding in wrangler.toml and at Cloudflare's status; `GET /v1/ready` asks again.",
      })),
};

const jurisdictions: Check = {
  id: "jurisdictions",
  looksAt: "whether ledgers can be made in the jurisdiction of each home",
  well: "Ledgers can be made in the jurisdiction of every home.",
  needs: [],
  find({ isLocal, jurisdictions: facts, configuredHomes }) {
    if (isLocal) {
      const kept = Object.entries(homes).flatMap(([home, { jurisdiction }]) => (jurisdiction ? [home] : []));
      return [
        {
          severity: "note",
          subject: null,
          sentence: `This is a local runtime: it has no jurisdictions, so ${named(kept)} ${kept.length === 1 ? "is a home" : "are homes"} in name only.`,
          remedy: null,
        },
      ];
    }
    return facts
      .filter(({ home, answer }) => answer !== "given" && configuredHomes.includes(home))
      .map(({ home, jurisdiction }) => ({
        severity: "error",
        subject: home,
        sentence: `No ledger can be made in the jurisdiction ${jurisdiction}, so calls of tenants at home in ${home} fail.`,
        remedy: "Ask Cloudflare whether the jurisdiction is open to your account.",
      }));
  },
};

export const storeChecks: readonly Check[] = [
  bindings,
  homesWithoutStores,
  databases,
  migrations,
  stores,
  jurisdictions,
];
