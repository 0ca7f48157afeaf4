// Homes that a deployment leaves out: their blocks deleted from wrangler.toml, whole, and nothing else changed.
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../../dev/deploy/read-config.ts";
import { targetOf } from "../../../dev/deploy/target.ts";
import { homeBindings, homeNames, homes, PLATFORM_HOME } from "../../../src/residency/home.ts";
import { newAccount, withoutHomes, wranglerToml } from "./deploy-fixture.ts";

const others = homeNames.filter((home) => home !== PLATFORM_HOME);

function accountWith(toml: string) {
  const account = newAccount();
  writeFileSync(account.configPath, toml);
  return account;
}

/** The block that holds this line, without it. */
const withoutBlock = (toml: string, header: string, line: string): string =>
  toml
    .split(/^(?=\[)/m)
    .filter((block) => !(block.startsWith(header) && block.includes(line)))
    .join("");

describe.each([undefined, "staging"])("wrangler.toml as it comes, environment %s", (environment) => {
  const account = () => accountWith(wranglerToml);

  it("binds every home of the table, in its jurisdiction, with a dead-letter queue of its own", () => {
    const { stores } = targetOf(readConfig(account().configPath, environment), environment);
    for (const home of homeNames) {
      const own = stores.filter(({ binding }) => homeBindings(home).some((each) => each === binding));
      expect(own.map(({ kind }) => kind).toSorted()).toEqual([
        "bucket",
        "database",
        "namespace",
        "queue",
        "queue",
      ]);
      expect(new Set(own.map(({ jurisdiction }) => jurisdiction))).toEqual(
        new Set([homes[home].jurisdiction]),
      );
    }
  });
});

describe.each([[["us"]], [["eu"]], [others]])("without %j", (left) => {
  const toml = withoutHomes(wranglerToml, left);

  it.each([undefined, "staging"])(
    "is deployed with the stores that are left, environment %s",
    async (environment) => {
      const account = accountWith(toml);
      expect(await account.run(environment)).toBe(0);
      const { databases, namespaces, queues, buckets, deployed } = account.wrangler;
      const made = [databases, namespaces, queues, buckets].flatMap((stores) => [...stores.keys()]).join(" ");
      for (const home of others) expect(new RegExp(`-${home}\\b`).test(made)).toBe(!left.includes(home));
      expect(databases.size).toBe(1 + homeNames.length - left.length);
      expect(deployed.size).toBe(1);
    },
  );

  it("prints no command about them", async () => {
    const account = accountWith(toml);
    expect(await account.run(undefined, true)).toBe(0);
    expect(account.wrangler.calls).toEqual([]);
    const said = account.said.join("\n");
    for (const home of others)
      expect(said.includes(`--jurisdiction ${homes[home].jurisdiction}`)).toBe(!left.includes(home));
  });
});

describe("is refused before anything is made", () => {
  it.each([
    [
      "[[kv_namespaces]]",
      'binding = "US_KV"',
      /binds no US_KV: bind all stores of the home us, or none of them/,
    ],
    [
      "[[r2_buckets]]",
      'binding = "EU_ARCHIVE"',
      /binds no EU_ARCHIVE: bind all stores of the home eu, or none/,
    ],
    ["[[d1_databases]]", 'binding = "GLOBAL_DB"', /binds no GLOBAL_DB/],
    ["[[d1_databases]]", 'binding = "PLATFORM_DB"', /binds no PLATFORM_DB/],
    ["[[queues.consumers]]", 'queue = "portcullis-audit-us"', /no consumer of the queue portcullis-audit-us/],
  ])("without the block %s of %s", async (header, line, message) => {
    const account = accountWith(withoutBlock(wranglerToml, header, line));
    await expect(account.run()).rejects.toThrow(message);
    expect(account.wrangler.calls).toEqual([]);
  });

  it("with a consumer left behind", async () => {
    const consumer = '[[queues.consumers]]\nqueue = "portcullis-audit-us"\n';
    const account = accountWith(`${withoutHomes(wranglerToml, ["us"])}\n${consumer}`);
    await expect(account.run()).rejects.toThrow(
      /consumer of the queue portcullis-audit-us, which no home binds/,
    );
    expect(account.wrangler.calls).toEqual([]);
  });

  it("with a binding of a home that the table does not have", async () => {
    const bucket = '[[r2_buckets]]\nbinding = "MOON_ARCHIVE"\nbucket_name = "moon"\n';
    const account = accountWith(`${wranglerToml}\n${bucket}`);
    await expect(account.run()).rejects.toThrow(/the binding MOON_ARCHIVE belongs to no home/);
  });
});
