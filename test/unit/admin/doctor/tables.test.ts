// What the doctor knows by heart, held against the repository: migrations, bindings, and its own description.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { checkTable } from "../../../../src/admin/doctor/check-table.ts";
import { expectedMigrations } from "../../../../src/admin/doctor/expected-migrations.ts";
import { missingBindings, workerBindings } from "../../../../src/admin/doctor/missing-bindings.ts";
import { homeBindings, homeNames } from "../../../../src/residency/home.ts";

const root = resolve(import.meta.dirname, "../../../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");

it.each(Object.entries(expectedMigrations))("expects the migrations of migrations/%s", (folder, expected) => {
  const files = readdirSync(join(root, "migrations", folder)).filter((name) => name.endsWith(".sql"));
  expect(expected).toEqual(files.sort());
});

describe("bindings", () => {
  const known = new Set<string>([...workerBindings, ...homeNames.flatMap(homeBindings)]);

  it("are those of wrangler.toml", () => {
    const toml = text("wrangler.toml");
    const names = [...toml.matchAll(/^(?:binding|name) = "([A-Z][A-Z0-9_]+)"$/gm)].map(([, name]) => name);
    expect(new Set(names)).toEqual(known);
  });

  it("are missed one by one", () => {
    for (const name of workerBindings) expect(missingBindings((each) => each !== name)).toEqual([name]);
  });
});

describe("the table of checks", () => {
  it("names each once, in snake_case", () => {
    const ids = checkTable.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+(?:_[a-z]+)*$/.test(id))).toEqual([]);
  });

  it("stands in docs/operations.md as it is in the source", () => {
    const section = text("docs/operations.md")
      .split(/^## /m)
      .find((each) => each.startsWith("Doctor\n"));
    const rows = [...(section ?? "").matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, id, looksAt]) => [
      id,
      looksAt,
    ]);
    expect(rows).toEqual(checkTable.map(({ id, looksAt }) => [id, looksAt]));
  });
});
