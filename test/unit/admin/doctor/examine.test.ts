// What the doctor makes of facts: every check in turn against a deployment in which one thing is wrong.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkTable } from "../../../../src/admin/doctor/check-table.ts";
import { examine } from "../../../../src/admin/doctor/examine.ts";
import { expectedMigrations } from "../../../../src/admin/doctor/expected-migrations.ts";
import type { DoctorFacts, Reading } from "../../../../src/admin/doctor/facts.ts";
import { Sku } from "../../../../src/azure/backend.ts";
import type { SigningKeySet, SigningKeyView } from "../../../../src/capability/signing-key-view.ts";
import type { Finding } from "../../../../src/kernel/doctor-report.ts";
import { ApiKeyId } from "../../../../src/kernel/ids.ts";
import { DOCTOR_MAX_FINDINGS } from "../../../../src/kernel/limits.ts";
import { timestampOf } from "../../../../src/kernel/timestamp.ts";
import { keepsPromise } from "../../../../src/residency/eligible-backends.ts";
import { backendId, backendOf, deploymentOf } from "../../azure/azure-fixture.ts";
import { allOf, euTenant, factsOf, inDays, noApiKeys, tenantOf, withoutHome } from "./facts-fixture.ts";

const AT = "2026-11-29T12:00:00.000Z";
const reportOf = (changes: Partial<DoctorFacts> = {}) => examine(factsOf(changes), AT);
const findingsOf = (check: string, changes: Partial<DoctorFacts> = {}) =>
  reportOf(changes).findings.filter((finding) => finding.check === check);

const worldwide = backendOf({ sku: "GlobalStandard" });
const byEntra = backendOf({
  credential: {
    kind: "entra",
    tenantId: "11111111-2222-3333-4444-555555555555",
    clientId: "66666666-7777-8888-9999-000000000000",
  },
});
const keyIds = Array.from({ length: 6 }, (_, index) => ApiKeyId.parse(`key_${String(index).repeat(32)}`));

const keys = (...rows: readonly (readonly [keyId: string, endsAt: string | null])[]) =>
  rows.map(([keyId, endsAt]) => ({ keyId, endsAt }));

/** The first key of the secret, which signs, and another one. */
const keySetOf = (other: Partial<SigningKeyView>): SigningKeySet => {
  const view: SigningKeyView = {
    keyId: "a",
    state: "published",
    inSecret: true,
    endsAt: null,
    publishedAt: inDays(-100),
    promotableAt: inDays(-99),
    signingAt: null,
    retiredAt: null,
    killedAt: null,
    verifiesUntil: null,
    reason: null,
  };
  return { signingKeyId: "a", keys: [view, { ...view, promotableAt: null, ...other }] };
};

/** One fact is wrong: what exactly one check says of it. */
const rows: readonly (readonly [
  check: string,
  what: string,
  changes: Partial<DoctorFacts>,
  found: Partial<Omit<Finding, "sentence">> & { readonly sentence: RegExp },
])[] = [
  [
    "bindings",
    "a binding of the Worker is missing",
    { missingBindings: ["BAD_CREDENTIALS"] },
    { severity: "error", subject: "BAD_CREDENTIALS", sentence: /not bound/ },
  ],
  ["homes", "a home has none", withoutHome("eu"), { severity: "note", subject: "eu", sentence: /no tenant/ }],
  [
    "homes",
    "a home with tenants has none",
    { ...withoutHome("eu"), strandedTenants: [{ tenantId: "hospital", home: "eu" }] },
    { severity: "error", subject: "eu", sentence: /1 tenant lives there: hospital/ },
  ],
  [
    "homes",
    "tenants live in a home that this version does not know",
    { strandedTenants: [{ tenantId: "lost", home: "mars" }] },
    { severity: "error", subject: "mars", sentence: /unknown to this version.*lost/ },
  ],
  [
    "databases",
    "a database does not answer",
    { databases: [{ binding: "EU_DB", kind: "home", applied: null }] },
    { severity: "error", subject: "EU_DB", sentence: /does not answer/ },
  ],
  [
    "migrations",
    "a database was never migrated",
    { databases: [{ binding: "EU_DB", kind: "home", applied: [] }] },
    { severity: "error", subject: "EU_DB", sentence: /0001_create_home_state\.sql/ },
  ],
  [
    "migrations",
    "a database lacks the newest migration",
    { databases: [{ binding: "EU_DB", kind: "home", applied: expectedMigrations.home.slice(0, -1) }] },
    { severity: "error", subject: "EU_DB", sentence: /lacks 1 migration: / },
  ],
  [
    "migrations",
    "a database is newer",
    {
      databases: [{ binding: "EU_DB", kind: "home", applied: [...expectedMigrations.home, "0099_next.sql"] }],
    },
    { severity: "note", subject: "EU_DB", sentence: /0099_next\.sql.*older than its database/ },
  ],
  [
    "stores",
    "a store is ill",
    { stores: { "eu.kv": "ill" } },
    { severity: "error", subject: "eu.kv", sentence: /did not answer/ },
  ],
  [
    "jurisdictions",
    "a jurisdiction is refused",
    { jurisdictions: [{ home: "eu", jurisdiction: "eu", answer: "refused" }] },
    { severity: "error", subject: "eu", sentence: /jurisdiction eu/ },
  ],
  ["jurisdictions", "it is local", { isLocal: true }, { severity: "note", subject: null, sentence: /local/ }],
  [
    "documents",
    "a stored tenant is none",
    { tenants: { ...allOf(tenantOf("a")), illegible: ["broken"] } },
    { severity: "error", subject: "tenants", sentence: /broken/ },
  ],
  [
    "coverage",
    "there are too many tenants",
    { tenants: { ...allOf(tenantOf("a")), rest: "too_many" } },
    { severity: "warning", subject: "tenants", sentence: /Only the first 5000/ },
  ],
  [
    "coverage",
    "deployments are out of reach",
    { deployments: { ...allOf(), rest: "unreachable" } },
    { severity: "warning", subject: "deployments", sentence: /did not answer/ },
  ],
  [
    "addresses",
    "the issuer is the one of the repository",
    { issuer: "https://portcullis.local" },
    { severity: "warning", subject: "ISSUER", sentence: /portcullis\.local/ },
  ],
  [
    "addresses",
    "the audience is plain http",
    { audience: "http://gateway.contoso.com" },
    { severity: "warning", subject: "AUDIENCE", sentence: /no public https address/ },
  ],
  [
    "signing_keys",
    "there are several",
    { signingKeys: keys(["kid-1", null], ["kid-2", null]) },
    { severity: "note", subject: "kid-1", sentence: /kid-2 verifies.*not known here/ },
  ],
  [
    "signing_keys",
    "all have ended",
    { signingKeys: keys(["kid-1", inDays(-1)], ["kid-2", inDays(0)]) },
    { severity: "error", subject: "kid-1", sentence: /signing_keys_ended/ },
  ],
  [
    "key_states",
    "their states cannot be read",
    { keySet: null },
    { severity: "warning", subject: null, sentence: /could not be read/ },
  ],
  [
    "key_states",
    "one could be promoted and was not",
    { keySet: keySetOf({ keyId: "b", promotableAt: inDays(0), publishedAt: inDays(-1) }) },
    { severity: "note", subject: "b", sentence: /was never promoted/ },
  ],
  [
    "key_states",
    "one was forgotten",
    { keySet: keySetOf({ keyId: "b", promotableAt: inDays(-7.5), publishedAt: inDays(-7.6) }) },
    { severity: "warning", subject: "b", sentence: /was never promoted/ },
  ],
  [
    "key_states",
    "a retired one may not leave yet",
    { keySet: keySetOf({ keyId: "b", state: "retired", verifiesUntil: inDays(0.01) }) },
    { severity: "note", subject: "b", sentence: /good until/ },
  ],
  [
    "key_states",
    "a retired one may leave",
    { keySet: keySetOf({ keyId: "b", state: "retired", verifiesUntil: inDays(0) }) },
    { severity: "warning", subject: "b", sentence: /may leave the secret/ },
  ],
  [
    "key_states",
    "a killed one is still in the secret",
    { keySet: keySetOf({ keyId: "b", state: "killed" }) },
    { severity: "warning", subject: "b", sentence: /still in SIGNING_KEYS/ },
  ],
  [
    "key_states",
    "the promoted one is not in the secret",
    { keySet: keySetOf({ keyId: "b", state: "signing", inSecret: false }) },
    { severity: "warning", subject: "b", sentence: /a signs instead/ },
  ],
  [
    "signing_keys",
    "all were withdrawn",
    { signingKeys: [] },
    { severity: "error", subject: null, sentence: /retired or killed.*signing_keys_ended/ },
  ],
  [
    "receipt_keys",
    "there are several",
    { receiptKeys: keys(["kid-1", null], ["kid-2", null]) },
    { severity: "note", subject: "kid-1", sentence: /kid-2 is published/ },
  ],
  [
    "entra_keys",
    "there are some, and what Entra must know of them",
    {
      entra: {
        issuer: "https://gateway.contoso.com/entra",
        subject: "portcullis",
        keyIds: ["kid-1", "kid-2"],
      },
    },
    {
      severity: "note",
      subject: "kid-1",
      sentence: /kid-2 is published.*https:\/\/gateway\.contoso\.com\/entra and the subject portcullis/,
    },
  ],
  [
    "api_keys",
    "some are old",
    { apiKeys: { ...noApiKeys, old: keyIds } },
    { severity: "note", subject: keyIds[0] ?? null, sentence: /older than 365 .*key_4{32} and more\./ },
  ],
  [
    "api_keys",
    "some end soon",
    { apiKeys: { ...noApiKeys, nearEnd: keyIds.slice(0, 2) } },
    { severity: "warning", subject: keyIds[0] ?? null, sentence: /end within 14 .*key_1{32}\. After/ },
  ],
  [
    "api_keys",
    "some have ended",
    { apiKeys: { ...noApiKeys, ended: keyIds.slice(1, 2) } },
    { severity: "note", subject: keyIds[1] ?? null, sentence: /have ended: key_1{32}\. They open nothing/ },
  ],
  [
    "api_keys",
    "none can make keys",
    { apiKeys: { ...noApiKeys, lastKeeper: null } },
    { severity: "error", subject: null, sentence: /No API key of the platform can make keys/ },
  ],
  [
    "api_keys",
    "the last that could make keys has ended",
    { apiKeys: { ...noApiKeys, lastKeeper: { endsAt: inDays(0) } } },
    { severity: "error", subject: null, sentence: /No API key of the platform can make keys/ },
  ],
  [
    "api_keys",
    "the last that can make keys ends soon",
    { apiKeys: { ...noApiKeys, lastKeeper: { endsAt: inDays(14) } } },
    { severity: "warning", subject: null, sentence: /^After 2026-12-13T12:00:00\.000Z no API key/ },
  ],
  [
    "credentials",
    "a secret is not set",
    { missingSecrets: new Set(["AZURE_OPENAI_API_KEY"]) },
    { severity: "error", subject: "AZURE_OPENAI_API_KEY", sentence: /1 deployment answer.*gpt-4/ },
  ],
  [
    "credentials",
    "a backend has an Entra identity, and the gateway no keys",
    { deployments: allOf(deploymentOf({ backends: [byEntra, backendOf()] })) },
    { severity: "error", subject: "ENTRA_KEYS", sentence: /1 deployment answer.*gpt-4/ },
  ],
  [
    "webhook_secret",
    "webhooks cannot be signed",
    { signsWebhooks: false },
    { severity: "note", subject: "WEBHOOK_SECRET", sentence: /nobody is told/ },
  ],
  [
    "deployments",
    "there is none",
    { deployments: allOf() },
    { severity: "note", subject: null, sentence: /no deploy/ },
  ],
  [
    "tenant_promises",
    "nobody keeps a promise",
    { deployments: allOf(deploymentOf({ backends: [worldwide] })) },
    {
      severity: "error",
      subject: "eu, processing zone, EU Data Boundary",
      sentence: /1 tenant,.*: hospital/,
    },
  ],
  [
    "tenant_promises",
    "there is no backend at all",
    { deployments: allOf() },
    { severity: "note", subject: null, sentence: /no backend yet.*1 tenant: hospital/ },
  ],
  [
    "deployment_promises",
    "one deployment of two keeps no promise",
    { deployments: allOf(deploymentOf(), deploymentOf({ name: "anywhere", backends: [worldwide] })) },
    { severity: "note", subject: "anywhere", sentence: /1 tenant: hospital/ },
  ],
  [
    "backend_skus",
    "a backend serves only who promised nothing",
    { deployments: allOf(deploymentOf({ backends: [backendOf(), { ...worldwide, id: backendId(2) }] })) },
    {
      severity: "note",
      subject: backendId(2),
      sentence: /GlobalStandard in swedencentral.*only the 1 tenant/,
    },
  ],
  [
    "backend_skus",
    "a backend serves nobody",
    {
      tenants: allOf(euTenant("hospital", { ingress: "anywhere" })),
      deployments: allOf(deploymentOf({ backends: [backendOf(), { ...worldwide, id: backendId(2) }] })),
    },
    { severity: "warning", subject: backendId(2), sentence: /never called/ },
  ],
  [
    "tenant_homes",
    "a tenant of the zone lives elsewhere",
    { tenants: allOf(tenantOf("bank", { residency: { zone: "eu", ingress: "anywhere" } })) },
    { severity: "warning", subject: "bank", sentence: /eu, at home in global.*bank/ },
  ],
  [
    "regional_services",
    "ingress is promised",
    { tenants: allOf(euTenant("hospital")) },
    { severity: "note", subject: "gateway.contoso.com", sentence: /within eu \(hospital\)/ },
  ],
  [
    "regional_services",
    "ingress is promised on workers.dev",
    { tenants: allOf(euTenant("hospital")), issuer: "https://portcullis.contoso.workers.dev" },
    { severity: "warning", subject: "portcullis.contoso.workers.dev", sentence: /do not cover workers\.dev/ },
  ],
];

describe("a deployment that is well", () => {
  it("has one line for each check, all of them ok but those of keys that tell no age", () => {
    const { healthy, checkedAt, findings } = reportOf();
    expect({ healthy, checkedAt }).toEqual({ healthy: true, checkedAt: AT });
    expect(findings.map(({ check }) => check)).toEqual(checkTable.map(({ id }) => id));
    expect(findings.filter(({ severity }) => severity !== "ok")).toMatchObject([
      { check: "signing_keys", severity: "note" },
      { check: "receipt_keys", severity: "note" },
    ]);
  });
});

describe("a deployment in which", () => {
  it.each(rows)("[%s] %s", (check, _what, changes, { sentence, ...found }) => {
    const findings = findingsOf(check, changes);
    expect(findings).toMatchObject([{ check, ...found, sentence: expect.stringMatching(sentence) }]);
    expect(reportOf(changes).healthy).toBe(
      !reportOf(changes).findings.some(({ severity }) => severity === "error"),
    );
  });

  it("anything is wrong is told by its own check, and every check is among these rows", () => {
    expect(new Set(rows.map(([check]) => check))).toEqual(new Set(checkTable.map(({ id }) => id)));
  });

  it.each(rows.filter(([, , , { severity }]) => severity === "error"))(
    "[%s] %s is not healthy",
    (_check, _what, changes) => {
      expect(reportOf(changes).healthy).toBe(false);
    },
  );

  it("a store of a database is ill leaves that to the databases' own check", () => {
    expect(findingsOf("stores", { stores: { "eu.db": "ill" } })).toMatchObject([{ severity: "ok" }]);
  });

  it("ingress is promised is reminded of nothing where it is local", () => {
    const changes = { tenants: allOf(euTenant("hospital")), isLocal: true };
    expect(findingsOf("regional_services", changes)).toMatchObject([{ severity: "ok" }]);
  });
});

describe("keys that sign", () => {
  const told = (check: string, changes: Partial<DoctorFacts>) =>
    findingsOf(check, changes).map(({ severity, subject }) => `${severity} ${subject}`);
  const justOver14 = timestampOf(Date.parse(inDays(14)) + 1);

  it.each<[what: string, signingKeys: DoctorFacts["signingKeys"], found: readonly string[]]>([
    ["one far from its end", keys(["a", justOver14]), ["note a"]],
    ["one near its end", keys(["a", inDays(14)]), ["warning a", "note a"]],
    ["one at the last moment", keys(["a", timestampOf(Date.parse(inDays(0)) + 1)]), ["warning a", "note a"]],
    ["one past its end, and another", keys(["a", inDays(0)], ["b", null]), ["warning a", "note b"]],
    ["another past its end", keys(["a", null], ["b", inDays(-9)]), ["warning b", "note a"]],
    [
      "one past and one near its end",
      keys(["a", inDays(-1)], ["b", inDays(1)]),
      ["warning a", "warning b", "note b"],
    ],
  ])("tokens: %s", (_what, signingKeys, found) => {
    expect(told("signing_keys", { signingKeys })).toEqual(found);
  });

  it("tokens: who signs after an end is named, or that nobody does", () => {
    const sentenceFor = (...rows: readonly (readonly [keyId: string, endsAt: string])[]) =>
      findingsOf("signing_keys", { signingKeys: keys(...rows) })[0]?.sentence;
    expect(sentenceFor(["a", inDays(1)], ["b", inDays(1)], ["c", inDays(2)])).toMatch(/; c does\.$/);
    expect(sentenceFor(["a", inDays(1)], ["b", inDays(1)])).toMatch(/no key is left then/);
  });

  it.each<[what: string, endsAt: string | null, found: readonly string[]]>([
    ["far from its end", justOver14, ["note a"]],
    ["near its end", inDays(14), ["warning a", "note a"]],
    ["past its end, signing on", inDays(0), ["error a", "note a"]],
  ])("receipts: one %s", (_what, endsAt, found) => {
    expect(told("receipt_keys", { receiptKeys: keys(["a", endsAt], ["b", null]) })).toEqual(found);
  });
});

describe("what could not be read", () => {
  it("is never taken for well", () => {
    const unread = { ...allOf(tenantOf("a")), rest: "unreachable" as const };
    const findings = reportOf({ tenants: unread, deployments: { ...allOf(), rest: "unreachable" } }).findings;
    const judged = new Set(checkTable.filter(({ needs }) => needs.length > 0).map(({ id }) => id));
    expect(judged.size).toBeGreaterThan(4);
    expect(findings.filter(({ check, severity }) => judged.has(check) && severity === "ok")).toEqual([]);
  });
});

describe("what is only known in part", () => {
  const partly = <T>(reading: Reading<T>) => [
    { ...reading, rest: "too_many" as const },
    { ...reading, illegible: ["broken"] },
  ];
  const globalOnly = allOf(deploymentOf({ backends: [worldwide] }));

  it.each(partly(globalOnly))(
    "deployments: no promise is called unkept that another may keep",
    (deployments) => {
      const [found] = findingsOf("tenant_promises", { deployments });
      expect(found).toMatchObject({
        severity: "warning",
        sentence: expect.stringMatching(/that was looked at/),
      });
      expect(found?.sentence).not.toMatch(/all refused/);
    },
  );

  it.each(partly(allOf(euTenant("hospital"))))(
    "tenants: no backend is called useless that another may use",
    (tenants) => {
      const [found] = findingsOf("backend_skus", { tenants, deployments: globalOnly });
      expect(found).toMatchObject({ severity: "note" });
      expect(found?.sentence).not.toMatch(/never called/);
    },
  );
});

describe("a long list of findings", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => deploymentOf({ name: `m${index}`, backends: [worldwide] }));

  it("is cut, says how much is left, and keeps its worst", () => {
    const found = findingsOf("deployment_promises", { deployments: allOf(...many(DOCTOR_MAX_FINDINGS + 7)) });
    expect(found).toHaveLength(DOCTOR_MAX_FINDINGS + 1);
    expect(found.at(-1)).toMatchObject({ severity: "note", sentence: "And 7 more findings of this kind." });
    const databases = [
      ...Array.from({ length: DOCTOR_MAX_FINDINGS }, (_, index) => ({
        binding: `DB_${index}`,
        kind: "home" as const,
        applied: [...expectedMigrations.home, "0099_next.sql"],
      })),
      { binding: "EU_DB", kind: "home" as const, applied: [] },
    ];
    expect(findingsOf("migrations", { databases })[0]).toMatchObject({ severity: "error", subject: "EU_DB" });
  });

  it("names a few tenants of many and counts the rest", () => {
    const tenants = Array.from({ length: 300 }, (_, index) => euTenant(`t${index}`, { ingress: "anywhere" }));
    const [found, ...others] = findingsOf("tenant_promises", {
      tenants: allOf(...tenants),
      deployments: allOf(deploymentOf({ backends: [worldwide] })),
    });
    expect(others).toEqual([]);
    expect(found?.sentence).toMatch(/of 300 tenants,.*: t0, t1, t2, t3, t4 and 295 more\.$/);
  });
});

describe("promises", () => {
  const promise = fc.record({
    zone: fc.constantFrom("none", "eu", "us"),
    processing: fc.constantFrom("region", "zone", "global"),
    euReading: fc.constantFrom("data_boundary", "members"),
    ingress: fc.constantFrom("zone", "anywhere"),
  });
  const backend = fc.record({
    sku: fc.constantFrom(...Sku.options),
    region: fc.constantFrom("swedencentral", "norwayeast", "eastus2", "uksouth"),
  });

  it("are judged for each tenant and backend as a call would be", () => {
    fc.assert(
      fc.property(
        fc.array(promise, { maxLength: 5 }),
        fc.array(fc.array(backend, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
        (promises, perDeployment) => {
          const tenants = promises.map((residency, index) => tenantOf(`t${index}`, { residency }));
          const deployments = perDeployment.map((backends, at) =>
            deploymentOf({
              name: `m${at}`,
              backends: backends.map((each, index) => backendOf({ ...each, id: backendId(at * 10 + index) })),
            }),
          );
          const { findings } = reportOf({ tenants: allOf(...tenants), deployments: allOf(...deployments) });
          const sentences = (check: string) =>
            findings
              .filter((each) => each.check === check && each.severity !== "ok")
              .map((each) => each.sentence);
          const mentioned = (check: string) =>
            new Set(
              sentences(check)
                .join(" ")
                .match(/\bt\d\b/g) ?? [],
            );

          const promising = tenants.filter(({ residency }) => residency.zone !== "none");
          const backends = deployments.flatMap((deployment) => deployment.backends);
          const keptBy = (some: typeof backends, tenant: (typeof tenants)[number]) =>
            some.some((each) => keepsPromise(each, tenant.residency));
          expect(mentioned("tenant_promises")).toEqual(
            new Set(promising.filter((tenant) => !keptBy(backends, tenant)).map(({ id }) => id)),
          );
          for (const { name, backends: own } of deployments) {
            const expected = promising.filter((tenant) => !keptBy(own, tenant)).map(({ id }) => id);
            const found = findings.find(
              (each) => each.check === "deployment_promises" && each.subject === name,
            );
            expect(new Set(found?.sentence.match(/\bt\d\b/g) ?? [])).toEqual(new Set(expected));
          }
          const useless = backends.filter((each) => !promising.some((tenant) => keptBy([each], tenant)));
          expect(
            findings.flatMap(({ check, subject, severity }) =>
              check === "backend_skus" && severity !== "ok" ? [subject] : [],
            ),
          ).toEqual(promising.length === 0 ? [] : useless.map(({ id }) => id));
        },
      ),
    );
  });
});
