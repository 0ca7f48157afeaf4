// Ids go into the right block, and every other character of wrangler.toml stays.
import { describe, expect, it } from "vitest";
import { type BindingId, withIds } from "../../../dev/deploy/write-ids.ts";

const database = (id: string): BindingId => ({ table: "d1_databases", binding: "EU_DB", id });

const toml = `name = "x" # a comment

# --- Home: eu
[[d1_databases]]
binding = "GLOBAL_DB"
database_name = "global"

[[d1_databases]] # Europe
binding = "EU_DB" # stays
database_name = "eu"
migrations_dir = "migrations/home"

[[kv_namespaces]]
binding = "EU_KV"

[[env.staging.d1_databases]]
binding = "EU_DB"
database_name = "staging-eu"
`;

describe("withIds", () => {
  it("adds an id after the name", () => {
    expect(withIds(toml, undefined, [database("1")])).toBe(
      toml.replace('database_name = "eu"\n', 'database_name = "eu"\ndatabase_id = "1"\n'),
    );
  });

  it("keeps to the environment", () => {
    expect(withIds(toml, "staging", [database("1")])).toBe(
      toml.replace('database_name = "staging-eu"\n', 'database_name = "staging-eu"\ndatabase_id = "1"\n'),
    );
  });

  it("replaces an id that stands there", () => {
    const once = withIds(toml, undefined, [database("1")]);
    expect(withIds(once, undefined, [database("2")])).toBe(once.replace('"1"', '"2"'));
  });

  it("writes a namespace's id under its binding", () => {
    const id: BindingId = { table: "kv_namespaces", binding: "EU_KV", id: "k" };
    expect(withIds(toml, undefined, [id])).toBe(
      toml.replace('binding = "EU_KV"\n', 'binding = "EU_KV"\nid = "k"\n'),
    );
  });

  it("keeps Windows line ends", () => {
    const windows = toml.replaceAll("\n", "\r\n");
    expect(withIds(windows, undefined, [database("1")])).toBe(
      withIds(toml, undefined, [database("1")]).replaceAll("\n", "\r\n"),
    );
  });

  it("says what to write where it finds no block", () => {
    expect(() => withIds(toml, undefined, [{ ...database("1"), binding: "US_DB" }])).toThrow(
      /no block \[\[d1_databases\]\] with binding = "US_DB"; write database_id = "1"/,
    );
  });
});
