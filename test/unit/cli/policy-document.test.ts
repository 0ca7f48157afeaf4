// docs/policy-as-code.md is held against the command line: its commands run, its example passes, its table is whole.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { expect, it } from "vitest";
import type { Command } from "../../../src/cli/command.ts";
import { policyDiffCommand } from "../../../src/cli/policy-diff-command.ts";
import { PolicyFile } from "../../../src/cli/policy-file.ts";
import { policyLint } from "../../../src/cli/policy-lint.ts";
import { policyPull } from "../../../src/cli/policy-pull.ts";
import { policyPush } from "../../../src/cli/policy-push.ts";
import { policyTest } from "../../../src/cli/policy-test.ts";
import { parseYaml } from "../../../src/cli/yaml-text.ts";
import { LintCode } from "../../../src/policy/lint/lint-finding.ts";
import { typed } from "./command-fixture.ts";
import { createFakeGateway, environment } from "./policy-fixture.ts";

const commands: readonly Command[] = [policyDiffCommand, policyLint, policyPull, policyPush, policyTest];
const markdown = readFileSync("docs/policy-as-code.md", "utf8");
const lines = [...markdown.matchAll(/^npm run portcullis -- (policy .+)$/gm)].map(([, line = ""]) => line);

it("every command of the document does what it says, in the order in which they stand", async () => {
  const platform = parseYaml(readFileSync("docs/examples/policies/platform.yaml", "utf8"));
  const { policies } = PolicyFile.parse(platform.ok ? platform.value.value : {});
  const gateway = createFakeGateway([], policies);
  const written: string[] = [];
  expect(lines.length).toBeGreaterThanOrEqual(8);
  for (const line of lines) {
    const { code, err } = await typed(commands, line.split(" "), {
      environment,
      fetch: gateway.fetch,
      async readFile(path) {
        return readFileSync(path, "utf8");
      },
      async writeFile(path) {
        written.push(path);
      },
      listFolder: async (path) => (statSync(path).isDirectory() ? readdirSync(path) : null),
    });
    expect({ line, code, err }).toEqual({ line, code: 0, err: [] });
  }
  expect(gateway.writes).toEqual([
    "create Not from where we are not",
    "create Support may chat",
    "create Leads may embed",
  ]);
  expect(written).toEqual(["pulled.yaml"]);
});

it("every command is in the document", () => {
  for (const { words } of commands) expect(lines.some((line) => line.startsWith(words.join(" ")))).toBe(true);
});

it("every test of the example exercises something: no gap is left", async () => {
  const { out } = await typed(commands, ["policy", "test", "docs/examples/policies/tenant-a"], {
    readFile: async (path) => readFileSync(path, "utf8"),
    listFolder: async (path) => (statSync(path).isDirectory() ? readdirSync(path) : null),
  });
  expect(out).toHaveLength(2);
});

it("every finding of lint is in its table", () => {
  const described = [...markdown.matchAll(/^\| `(\w+)` \| (?:error|warning|note) \|/gm)].map(
    ([, code]) => code,
  );
  expect(described.sort()).toEqual([...LintCode.options].sort());
});
