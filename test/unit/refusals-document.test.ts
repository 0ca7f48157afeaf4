// docs/refusals.md is held against the table: a code that is documented exists, and one that exists is documented.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { refusalTable } from "../../src/kernel/refusal.ts";

it("documents every refusal code with its status, sentence and retry advice", () => {
  const documented = readFileSync("docs/refusals.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const expected = Object.entries(refusalTable).map(
    ([code, { status, sentence, retry }]) =>
      `| \`${code}\` | ${status} | ${retry ? "yes" : "no"} | ${sentence} |`,
  );
  expect(documented).toEqual(expected);
});
