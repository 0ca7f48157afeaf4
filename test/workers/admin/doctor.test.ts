// The doctor over the platform's real stores: what it sees of them, past what is ill, and what it never tells.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { checkTable } from "../../../src/admin/doctor/check-table.ts";
import { expectedMigrations } from "../../../src/admin/doctor/expected-migrations.ts";
import type { Env } from "../../../src/bindings.ts";
import { doctor } from "../../../src/cli/doctor.ts";
import { DoctorReport, type Finding } from "../../../src/kernel/doctor-report.ts";
import { DOCTOR_MAX_EXAMPLES } from "../../../src/kernel/limits.ts";
import { askJurisdiction } from "../../../src/quota/ledger-namespace.store.ts";
import worker from "../../../src/worker.ts";
import { call, makeKey } from "./every-route-fixture.ts";

const KEY = await makeKey(null);

async function askIn(bindings: Env) {
  const request = new Request("https://gateway.test/v1/doctor", { headers: { "x-api-key": KEY } });
  const response = await worker.fetch(request, bindings, createExecutionContext());
  const text = await response.text();
  return { status: response.status, text, report: DoctorReport.parse(JSON.parse(text)) };
}

const found = ({ findings }: DoctorReport, check: string): readonly Finding[] =>
  findings.filter((each) => each.check === check);

const tenant = (id: string, home: string, residency: object) =>
  call("POST", "/v1/tenants", { body: { id, name: id, home, residency } });

await tenant("doctor-eu", "eu", { zone: "eu", processing: "region", ingress: "anywhere" });
await tenant("doctor-us", "global", { zone: "us" });

describe("of this deployment", () => {
  it("tells what tenants promise and backends cannot keep, through every check", async () => {
    const { status, report } = await askIn(env);
    expect(status).toBe(200);
    expect(new Set(report.findings.map(({ check }) => check))).toEqual(
      new Set(checkTable.map(({ id }) => id)),
    );
    for (const check of [
      "bindings",
      "databases",
      "migrations",
      "stores",
      "documents",
      "coverage",
      "credentials",
    ]) {
      expect(found(report, check)).toMatchObject([{ severity: "ok" }]);
    }
    expect(found(report, "jurisdictions")).toMatchObject([{ severity: "note" }]);
    expect(found(report, "tenant_promises")).toMatchObject([
      { severity: "error", subject: "us, processing zone", sentence: expect.stringContaining("doctor-us") },
    ]);
    expect(found(report, "tenant_homes")).toMatchObject([{ severity: "warning", subject: "doctor-us" }]);
    expect(report.healthy).toBe(false);
  });

  it("names a secret that is not set, and never tells one that is", async () => {
    const { report, text } = await askIn({ ...env, AZURE_OPENAI_API_KEY: "" } as Env);
    expect(found(report, "credentials")).toMatchObject([
      { severity: "error", subject: "AZURE_OPENAI_API_KEY" },
    ]);
    const whole = await askIn(env);
    const privateHalf = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    expect(env.SIGNING_KEYS).toContain(privateHalf);
    const receiptHalf = "4r82fIjlI8cuqlYtLz-2Ptzr25mXGOBRxf_jGcmOD5M";
    expect(env.RECEIPT_KEYS).toContain(receiptHalf);
    const secrets = [
      privateHalf,
      receiptHalf,
      env.LEDGER_NAME_SECRET,
      env.END_USER_SALT,
      "simulator-key",
      KEY,
    ];
    for (const secret of secrets) expect(text + whole.text).not.toContain(secret);
  });
});

it("is asked by the command line, which tells what it found", async () => {
  const lines: string[] = [];
  const code = await doctor.run(["--url", "https://gateway.test"], {
    out: (line) => lines.push(line),
    err: (line) => lines.push(line),
    environment: { ADMIN_KEY: KEY },
    fetch: async (input, init) => worker.fetch(new Request(input, init), env, createExecutionContext()),
    readFile: () => Promise.reject(new Error("not asked")),
    writeFile: () => Promise.reject(new Error("not asked")),
    listFolder: () => Promise.reject(new Error("not asked")),
    readStandardInput: () => Promise.reject(new Error("not asked")),
    clock: () => 0,
    random: (length) => new Uint8Array(length),
  });
  expect(code).toBe(1);
  expect(lines[0]).toMatch(/^error {3}tenant_promises \[us, processing zone\] No backend keeps /);
});

describe("what is ill", () => {
  const silent = {
    prepare: () => {
      throw new Error("D1_ERROR: connect ECONNREFUSED 192.0.2.7");
    },
  } as unknown as D1Database;

  it("hides nothing but itself where it is a home's database", async () => {
    const { report, text } = await askIn({ ...env, EU_DB: silent });
    expect(found(report, "databases")).toMatchObject([{ severity: "error", subject: "EU_DB" }]);
    expect(found(report, "coverage")).toMatchObject([{ severity: "warning", subject: "tenants" }]);
    // A tenant of another home is judged all the same.
    expect(found(report, "tenant_homes")).toMatchObject([{ subject: "doctor-us" }]);
    expect(text).not.toContain("192.0.2.7");
  });

  it("is named where it is a home without stores, with the tenants that live there", async () => {
    const { EU_DB: _db, EU_KV: _kv, EU_AUDIT: _audit, EU_ARCHIVE: _archive, ...rest } = env;
    const { report } = await askIn(rest as unknown as Env);
    expect(found(report, "bindings")).toMatchObject([{ severity: "ok" }]);
    expect(found(report, "homes")).toMatchObject([
      { severity: "error", subject: "eu", sentence: expect.stringContaining("doctor-eu") },
    ]);
  });

  it("is named where a database was never migrated, or lacks a migration, or a document is none", async () => {
    const migrations = expectedMigrations.home;
    await env.EU_DB.prepare("DELETE FROM d1_migrations WHERE name = '0002_count_usage.sql'").run();
    await env.GLOBAL_DB.prepare("ALTER TABLE d1_migrations RENAME TO elsewhere").run();
    await env.PLATFORM_DB.prepare("INSERT INTO deployments VALUES ('doctor-broken', '{', '', '')").run();
    try {
      const { status, report } = await askIn(env);
      expect(status).toBe(200);
      expect(found(report, "migrations").map(({ subject, sentence }) => `${subject}: ${sentence}`)).toEqual([
        `GLOBAL_DB: GLOBAL_DB lacks ${migrations.length} migrations: ${migrations.slice(0, DOCTOR_MAX_EXAMPLES).join(", ")} and ${migrations.length - DOCTOR_MAX_EXAMPLES} more.`,
        "EU_DB: EU_DB lacks 1 migration: 0002_count_usage.sql.",
      ]);
      expect(found(report, "documents")).toMatchObject([
        { severity: "error", subject: "deployments", sentence: expect.stringContaining("doctor-broken") },
      ]);
    } finally {
      await env.GLOBAL_DB.prepare("ALTER TABLE elsewhere RENAME TO d1_migrations").run();
      await env.PLATFORM_DB.prepare("DELETE FROM deployments WHERE name = 'doctor-broken'").run();
    }
  });
});

describe("keys", () => {
  it("are read: those that end soon, have ended, are old, and the last that can make others", async () => {
    const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const { results: before } = await env.PLATFORM_DB.prepare("SELECT * FROM api_keys").all();
    // They sort before all that were made elsewhere: a list of keys is cut short after a few.
    const rows: readonly (readonly [id: string, madeDaysAgo: number, endsInDays: number | null])[] = [
      ["key_00000000000000000000000000000001", 1, 13],
      ["key_00000000000000000000000000000002", 1, 15],
      ["key_00000000000000000000000000000003", 500, -1],
      ["key_00000000000000000000000000000004", 500, null],
      ["key_00000000000000000000000000000005", 500, 10],
    ];
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO api_keys (id, hash, name, scopes, tenant_id, created_at, expires_at)
       VALUES (?1, ?1, 'ends', '["agents:read"]', NULL, ?2, ?3)`,
    );
    await env.PLATFORM_DB.batch(
      rows.map(([id, ago, ends]) => insert.bind(id, day(-ago), ends === null ? null : day(ends))),
    );
    // Every key that could make others ends in ten days.
    await env.PLATFORM_DB.prepare("UPDATE api_keys SET expires_at = ?1 WHERE scopes LIKE '%keys:write%'")
      .bind(day(10))
      .run();
    try {
      const { report } = await askIn(env);
      const told = found(report, "api_keys").map(({ severity, sentence }) => `${severity}: ${sentence}`);
      expect(told).toHaveLength(4);
      expect(told[0]).toMatch(/^warning: After .* no API key of the platform can make keys/);
      expect(told[1]).toMatch(/^warning: .* end within 14 days: .*key_0{31}1, key_0{31}5/);
      expect(told[1]).not.toMatch(/key_0{31}[234]/);
      expect(told[2]).toBe(`note: API keys that have ended: key_${"0".repeat(31)}3. They open nothing.`);
      expect(told[3]).toMatch(/^note: .* older than 365 days: key_0{31}4\. They stay good/);
    } finally {
      await env.PLATFORM_DB.prepare("DELETE FROM api_keys WHERE name = 'ends'").run();
      await env.PLATFORM_DB.prepare("UPDATE api_keys SET expires_at = NULL").run();
    }
    expect((await env.PLATFORM_DB.prepare("SELECT * FROM api_keys").all()).results).toEqual(before);
  });

  it("that sign are read with their end from the Worker's secrets", async () => {
    const ending = (secret: string, days: number) => {
      const { keys } = JSON.parse(secret) as { readonly keys: readonly object[] };
      const exp = Math.floor(Date.now() / 1_000) + days * 86_400;
      return JSON.stringify({ keys: keys.map((key) => ({ ...key, exp })) });
    };
    const { report, text } = await askIn({
      ...env,
      SIGNING_KEYS: ending(env.SIGNING_KEYS, 13),
      RECEIPT_KEYS: ending(env.RECEIPT_KEYS, -1),
    });
    expect(found(report, "signing_keys")).toMatchObject([
      { severity: "warning" },
      { severity: "warning" },
      { severity: "note" },
    ]);
    expect(found(report, "receipt_keys")).toMatchObject([{ severity: "error" }, { severity: "note" }]);
    expect(text).not.toContain("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  });

  it("open the doctor also where the migration that gave them ends is pending", async () => {
    await env.PLATFORM_DB.prepare("ALTER TABLE api_keys RENAME COLUMN expires_at TO later").run();
    try {
      const { status, report } = await askIn(env);
      expect(status).toBe(200);
      expect(found(report, "api_keys")).toMatchObject([{ severity: "ok" }]);
    } finally {
      await env.PLATFORM_DB.prepare("ALTER TABLE api_keys RENAME COLUMN later TO expires_at").run();
    }
  });
});

describe("who may ask", () => {
  it.each<[what: string, tenantId: string | null, scopes: readonly string[] | undefined]>([
    ["of a tenant", "doctor-eu", undefined],
    ["that may not read tenants", null, ["deployments:read"]],
    ["that may not read deployments", null, ["tenants:read"]],
  ])("is no key %s", async (_what, tenantId, scopes) => {
    const key = await makeKey(tenantId, scopes);
    expect(await call("GET", "/v1/doctor", { key })).toMatchObject({
      status: 403,
      body: { code: "scope_missing" },
    });
  });

  it("is a platform's key that reads both", async () => {
    const key = await makeKey(null, ["deployments:read", "tenants:read"]);
    expect(await call("GET", "/v1/doctor", { key })).toMatchObject({ status: 200 });
  });
});

describe("a jurisdiction", () => {
  const deployed = (opened: readonly string[]) =>
    ({
      jurisdiction(name: string) {
        if (!opened.includes(name)) throw new Error(`Jurisdiction ${name} is not available.`);
        return { idFromName: () => ({}) };
      },
    }) as unknown as typeof env.AGENT_LEDGER;

  it("is not implemented here, given or refused where it is deployed", () => {
    expect(askJurisdiction(env.AGENT_LEDGER, "eu")).toBe("not_implemented");
    expect(askJurisdiction(deployed(["eu"]), "eu")).toBe("given");
    expect(askJurisdiction(deployed(["eu"]), "us")).toBe("refused");
  });
});
