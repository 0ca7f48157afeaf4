// `npm run deploy` as an operator meets it, against a stand-in for wrangler that keeps an account in memory.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../dev/deploy/read-config.ts";
import { type RunWrangler, runOrFail } from "../../../dev/deploy/wrangler.ts";
import { type Home, homeNames, homes } from "../../../src/residency/home.ts";
import { newAccount, wranglerToml } from "./deploy-fixture.ts";

/** The platform's, and one of each home. */
const DATABASES = 1 + homeNames.length;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const homesOf = (stores: ReadonlyMap<string, { jurisdiction: string | undefined }>) =>
  Object.fromEntries([...stores].map(([name, { jurisdiction }]) => [name, jurisdiction]));

describe("on a fresh account", () => {
  it("makes every store where its home is", async () => {
    const account = newAccount();
    expect(await account.run()).toBe(0);
    const { databases, namespaces, queues, buckets } = account.wrangler;
    const perHome = (nameOf: (home: Home) => string) =>
      Object.fromEntries(homeNames.map((home) => [nameOf(home), homes[home].jurisdiction]));
    expect(homesOf(databases)).toEqual({
      "portcullis-platform": undefined,
      ...perHome((home) => `portcullis-${home}`),
    });
    expect(homesOf(namespaces)).toEqual(perHome((home) => `portcullis-${home}-kv`));
    expect(homesOf(queues)).toEqual({
      ...perHome((home) => `portcullis-audit-${home}`),
      ...perHome((home) => `portcullis-audit-${home}-dead`),
    });
    expect(homesOf(buckets)).toEqual(
      perHome((home) => `portcullis-archive-${home} ${homes[home].jurisdiction}`),
    );
    expect(homesOf(databases)).toMatchObject({ "portcullis-eu": "eu", "portcullis-us": "us" });
  });

  it("deploys with every secret set and every database migrated", async () => {
    const account = newAccount();
    await account.run();
    const secrets = account.wrangler.secrets.get("portcullis");
    expect([...(secrets?.keys() ?? [])]).toEqual([
      "SIGNING_KEYS",
      "RECEIPT_KEYS",
      "LEDGER_NAME_SECRET",
      "END_USER_SALT",
      "WEBHOOK_SECRET",
    ]);
    const [token, receipt] = ["SIGNING_KEYS", "RECEIPT_KEYS"].map(
      (name) => JSON.parse(secrets?.get(name) ?? "").keys[0],
    );
    expect([token, receipt]).toMatchObject(Array(2).fill({ kty: "OKP", crv: "Ed25519" }));
    expect(receipt.x).not.toBe(token.x);
    expect(secrets?.get("LEDGER_NAME_SECRET")?.length).toBeGreaterThanOrEqual(32);
    expect(account.wrangler.tables.size).toBe(DATABASES);
    const order = account.wrangler.calls.map(({ args }) => args.slice(0, 2).join(" "));
    expect(order.lastIndexOf("secret put")).toBeLessThan(
      order.findIndex((each) => each.startsWith("deploy")),
    );
    expect(order.lastIndexOf("d1 migrations")).toBeLessThan(
      order.findIndex((each) => each.startsWith("deploy")),
    );
  });

  it("shows the admin key whose SHA-256 is stored, and keeps no copy", async () => {
    const account = newAccount();
    await account.run();
    const [key = "", ...others] = account.shownKeys();
    expect(others).toEqual([]);
    expect(account.adminKeyHashes()).toEqual([sha256(key)]);
    expect(account.keptKeys()).toEqual([]);
  });

  it("writes ids that wrangler reads, and nothing else", async () => {
    const account = newAccount();
    await account.run();
    const config = readConfig(account.configPath, undefined);
    expect(config.d1_databases.map((row) => row.database_id)).toEqual([
      "d1-portcullis-platform",
      ...homeNames.map((home) => `d1-portcullis-${home}`),
    ]);
    expect(config.kv_namespaces.map(({ id }) => id)).toEqual([
      ...homeNames.map((home) => `kv-portcullis-${home}-kv`),
    ]);
    expect(account.toml().replaceAll(/^(database_id|id) = .*\n/gm, "")).toBe(wranglerToml);
  });

  it("puts no secret into arguments or output, whatever fails", async () => {
    const account = newAccount();
    await account.run();
    const secrets = [...(account.wrangler.secrets.get("portcullis")?.values() ?? []), ...account.shownKeys()];
    expect(secrets).toHaveLength(6);
    const args = account.wrangler.calls.map((call) => call.args.join(" ")).join("\n");
    const output = account.said.filter((line) => !line.startsWith("Admin key")).join("\n");
    for (const secret of secrets) {
      expect(args).not.toContain(secret);
      expect(output).not.toContain(secret);
    }
  });

  it("shows no secret that wrangler repeats in an error", async () => {
    const echo: RunWrangler = async (_, stdin) => ({ code: 1, stdout: "", stderr: `cannot store ${stdin}` });
    const failure = runOrFail(echo, ["secret", "put", "END_USER_SALT"], "the-value");
    await expect(failure).rejects.toThrow("cannot store …");
    await expect(failure).rejects.not.toThrow("the-value");
  });
});

describe("again", () => {
  it("changes nothing but the code", async () => {
    const account = newAccount();
    await account.run();
    const before = account.endState();
    const secrets = new Map(account.wrangler.secrets.get("portcullis"));
    account.wrangler.forgetCalls();
    expect(await account.run()).toBe(0);
    expect(account.endState()).toEqual(before);
    expect(account.wrangler.secrets.get("portcullis")).toEqual(secrets);
    expect(account.shownKeys()).toHaveLength(1);
    // Every database looked over for new migrations, and the code.
    expect(account.wrangler.changes).toBe(DATABASES + 1);
  });

  it("finds the stores of a checkout that has no ids yet", async () => {
    const account = newAccount();
    await account.run();
    const complete = account.toml();
    writeFileSync(account.configPath, wranglerToml);
    await account.run();
    expect(account.toml()).toBe(complete);
  });

  it("gives a deployment from before there were receipts their keys, and touches no other secret", async () => {
    const account = newAccount();
    await account.run();
    const secrets = account.wrangler.secrets.get("portcullis");
    const { RECEIPT_KEYS, ...others } = Object.fromEntries(secrets ?? []);
    secrets?.delete("RECEIPT_KEYS");
    expect(await account.run()).toBe(0);
    const { RECEIPT_KEYS: made, ...kept } = Object.fromEntries(secrets ?? []);
    expect(kept).toEqual(others);
    expect(made).toBeDefined();
    expect(made).not.toBe(RECEIPT_KEYS);
  });

  it("never makes LEDGER_NAME_SECRET again", async () => {
    const account = newAccount();
    await account.run();
    account.wrangler.secrets.get("portcullis")?.delete("LEDGER_NAME_SECRET");
    account.wrangler.forgetCalls();
    await expect(account.run()).rejects.toThrow(/LEDGER_NAME_SECRET is not set although/);
    expect(account.wrangler.changes).toBe(0);
  });

  it("stops at an id that the account does not have", async () => {
    const account = newAccount();
    await account.run();
    account.wrangler.databases.delete("portcullis-eu");
    account.wrangler.forgetCalls();
    await expect(account.run()).rejects.toThrow(
      /EU_DB the id d1-portcullis-eu, which this account does not have/,
    );
    expect(account.wrangler.changes).toBe(0);
  });
});

describe("existing stores", () => {
  it("are doubted where the listing does not tell their jurisdiction", async () => {
    const account = newAccount();
    account.wrangler.tellsJurisdictions = false;
    await account.run();
    await account.run();
    const warnings = account.said.filter((line) => line.startsWith("Warning"));
    const doubted = warnings.map((line) => /the [\w ]+? portcullis-([\w-]+), which/.exec(line)?.[1]);
    const restricted = homeNames.filter((home) => homes[home].jurisdiction !== undefined);
    expect(doubted.toSorted()).toEqual(
      restricted.flatMap((home) => [home, `${home}-kv`, `audit-${home}`, `audit-${home}-dead`]).toSorted(),
    );
  });

  it("count although the listing of buckets ends before them", async () => {
    const account = newAccount();
    const stderr = "The bucket you tried to create already exists, and you own it. [code: 10004]";
    account.wrangler.failing = { start: "r2 bucket create", answer: { code: 1, stdout: "", stderr } };
    expect(await account.run()).toBe(0);
    expect(account.wrangler.deployed).toEqual(new Set(["portcullis"]));
  });

  it("in another jurisdiction end the run before anything is made", async () => {
    const account = newAccount();
    account.wrangler.databases.set("portcullis-eu", { id: "old", jurisdiction: undefined });
    await expect(account.run()).rejects.toThrow(/D1 database portcullis-eu is unrestricted, not eu/);
    expect(account.wrangler.changes).toBe(0);
  });
});

describe("what it needs", () => {
  it("says that wrangler is not logged in", async () => {
    const account = newAccount();
    account.wrangler.isLoggedIn = false;
    await expect(account.run()).rejects.toThrow(/not logged in: run `npx wrangler login`/);
    expect(account.wrangler.calls).toHaveLength(1);
  });

  it("passes on why the login could not be asked for", async () => {
    const account = newAccount();
    account.wrangler.failing = { start: "whoami", answer: { code: 1, stdout: "", stderr: "fetch failed" } };
    await expect(account.run()).rejects.toThrow(/whoami --json failed with 1:\nfetch failed/);
  });

  it("asks which of several accounts is meant", async () => {
    const account = newAccount();
    const stdout = JSON.stringify({
      loggedIn: true,
      accounts: [
        { id: "1", name: "one" },
        { id: "2", name: "two" },
      ],
    });
    account.wrangler.failing = { start: "whoami", answer: { code: 0, stdout, stderr: "" } };
    await expect(account.run()).rejects.toThrow(/choose one with CLOUDFLARE_ACCOUNT_ID:\n {2}1 {2}one/);
    expect(account.wrangler.calls).toHaveLength(1);
  });

  it.each(["secret list", "d1 list", "kv namespace list", "queues list", "r2 bucket list", "d1 execute"])(
    "takes a failing `%s` for no empty account",
    async (start) => {
      const account = newAccount();
      await account.run();
      account.wrangler.forgetCalls();
      account.wrangler.failing = { start, answer: { code: 1, stdout: "", stderr: "fetch failed" } };
      await expect(account.run()).rejects.toThrow(/fetch failed/);
      expect(account.wrangler.changes).toBe(0);
    },
  );

  it("refuses an environment that wrangler.toml does not have, which wrangler would take for production", async () => {
    const account = newAccount();
    await expect(account.run("stagin")).rejects.toThrow(/no environment "stagin" \(it has: staging\)/);
    expect(account.wrangler.calls).toEqual([]);
  });

  it("refuses a bucket that is bound without the jurisdiction of its home", async () => {
    const account = newAccount();
    writeFileSync(account.configPath, account.toml().replaceAll('jurisdiction = "eu"', ""));
    await expect(account.run()).rejects.toThrow(/EU_ARCHIVE must have jurisdiction = "eu"/);
  });
});

describe("staging", () => {
  it("has names, secrets and ids of its own", async () => {
    const account = newAccount();
    await account.run("staging");
    const { databases, namespaces, queues, buckets, deployed, secrets } = account.wrangler;
    const names = [databases, namespaces, queues, buckets].flatMap((stores) => [...stores.keys()]);
    expect(names.filter((name) => !name.startsWith("portcullis-staging-"))).toEqual([]);
    expect([...deployed, ...secrets.keys()]).toEqual(["portcullis-staging", "portcullis-staging"]);
    expect(readConfig(account.configPath, undefined).d1_databases[0]?.database_id).toBeUndefined();
    expect(readConfig(account.configPath, "staging").kv_namespaces.map(({ id }) => id)).toEqual([
      ...homeNames.map((home) => `kv-portcullis-staging-${home}-kv`),
    ]);
    await account.run();
    expect(account.wrangler.deployed).toEqual(new Set(["portcullis-staging", "portcullis"]));
  });
});

describe("--dry-run", () => {
  it("prints every command and runs none", async () => {
    const account = newAccount();
    const before = account.toml();
    expect(await account.run(undefined, true)).toBe(0);
    expect(account.wrangler.calls).toEqual([]);
    expect(account.toml()).toBe(before);
    expect(account.said).toContain("npx wrangler d1 create portcullis-eu --jurisdiction eu --env=");

    const printed = account.said
      .filter((line) => line.startsWith("npx wrangler"))
      .map((line) => line.split(" #")[0]);
    await account.run();
    const changes = account.wrangler.calls
      .filter(({ args }) => !args.some((arg) => /^(list|whoami)$/.test(arg) || arg.startsWith("--command")))
      .map(({ args }) => `npx wrangler ${args.join(" ")}`);
    expect(printed).toEqual(expect.arrayContaining(changes));
  });
});

describe("the deployed gateway", () => {
  const atPublicAddress = () => {
    const account = newAccount();
    writeFileSync(
      account.configPath,
      account.toml().replaceAll("https://portcullis.local", "https://gateway.contoso.com"),
    );
    return account;
  };

  it("is asked for its keys and its health", async () => {
    const account = atPublicAddress();
    expect(await account.run(undefined, false, 200)).toBe(0);
    expect(account.said.filter((line) => line.startsWith("Well: "))).toEqual([
      "Well: https://gateway.contoso.com/.well-known/jwks.json",
      "Well: https://gateway.contoso.com/v1/health",
    ]);
  });

  const reportWith = (severity: string) => ({
    healthy: severity !== "error",
    checkedAt: "2026-11-29T12:00:00.000Z",
    findings: [{ check: "homes", severity, subject: "eu", sentence: "What ails it.", remedy: null }],
  });

  it.each([
    ["note", 0],
    ["warning", 0],
    ["error", 1],
  ])(
    "is asked for its doctor with the key just made; a finding that is a %s makes the exit code %d",
    async (severity, code) => {
      const account = atPublicAddress();
      expect(await account.run(undefined, false, 200, { report: reportWith(severity) })).toBe(code);
      expect(account.keysSent).toEqual(account.shownKeys());
      expect(account.said.join("\n")).toMatch(
        new RegExp(`^${severity} +homes \\[eu\\] What ails it\\.$`, "m"),
      );
    },
  );

  it("is asked for its doctor later with ADMIN_KEY, which is never printed, or not at all", async () => {
    const account = atPublicAddress();
    const adminKey = `pk_${"x".repeat(43)}`;
    await account.run(undefined, false, 200);
    account.keysSent.length = 0;
    expect(await account.run(undefined, false, 200, { adminKey, report: reportWith("ok") })).toBe(0);
    expect(account.keysSent).toEqual([adminKey]);
    expect(await account.run(undefined, false, 200)).toBe(0);
    expect(account.said.at(-1)).toContain("The doctor was not asked: set ADMIN_KEY");
    expect(account.keysSent).toEqual([adminKey]);
    expect(account.said.join()).not.toContain(adminKey);
  });

  it("does not fail the command where the doctor takes no such key or does not answer", async () => {
    const account = atPublicAddress();
    expect(await account.run(undefined, false, 200, { report: "none" })).toBe(0);
    expect(account.said.at(-1)).toContain("gave no report");
  });

  it("fails the command when it answers that it is ill", async () => {
    const account = atPublicAddress();
    expect(await account.run(undefined, false, 503)).toBe(1);
    expect(account.said.at(-1)).toBe("Not well: https://gateway.contoso.com/v1/health answered 503.");
  });

  it("is named as not checked when it cannot be reached", async () => {
    const account = atPublicAddress();
    expect(await account.run()).toBe(0);
    expect(account.said.at(-1)).toContain("Not checked: https://gateway.contoso.com/v1/health");
  });

  it("is not asked for at an address that only stands for one", async () => {
    const account = newAccount();
    await account.run(undefined, false, 200);
    expect(account.asked).toEqual([]);
    expect(account.said.at(-1)).toContain("Not checked: ISSUER in wrangler.toml is https://portcullis.local");
  });
});
