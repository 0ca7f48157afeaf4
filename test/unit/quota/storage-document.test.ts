// docs/storage.md names every table that a ledger makes.
import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const document = readFileSync("docs/storage.md", "utf8");

const tables = globSync("src/quota/*.object.ts").flatMap((file) => {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/CREATE TABLE IF NOT EXISTS (\w+)/g)].map(([, table]) => ({ file, table }));
});

it("finds the tables", () => {
  expect(tables.length).toBeGreaterThan(8);
});

it.each(tables)("names $table of $file", ({ table }) => {
  expect(document).toContain(`| \`${table}\` `);
});
