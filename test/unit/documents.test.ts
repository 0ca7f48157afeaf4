// Documents are held against the repository: links, scripts, files and variables that they name exist.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { refusalTable } from "../../src/kernel/refusal.ts";

const root = resolve(import.meta.dirname, "../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");

const markdownIn = (folder: string, recursive: boolean): string[] =>
  readdirSync(join(root, folder), { recursive, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const documents = [...markdownIn(".", false), ...markdownIn("docs", true)].sort();

const fence = /^```(?<language>\w*)\n(?<code>.*?)^```/gms;
const blocksOf = (markdown: string) =>
  [...markdown.matchAll(fence)].map(({ groups }) => ({
    language: groups?.language ?? "",
    code: groups?.code ?? "",
  }));
/** Inline code, which is how documents name what exists. */
const namesIn = (markdown: string): string[] =>
  [...markdown.replace(fence, "").matchAll(/`([^`\n]+)`/g)].map(([, name = ""]) => name);

function missingLinks(path: string, markdown: string): string[] {
  const targets = [...markdown.replace(fence, "").matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, target = ""]) => target,
  );
  return targets.filter((target) => {
    if (/^(?:https?:|mailto:)/.test(target)) return false;
    const [file = "", anchor] = target.split("#");
    const linked = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(root, linked))) return true;
    return anchor !== undefined && !anchorsOf(text(linked)).includes(anchor);
  });
}

/** As GitHub makes them of headings. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.replace(fence, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );

const npmShorthands = new Set(["start", "test"]);
const npmItself = new Set(["ci", "install"]);

function missingScripts(markdown: string): string[] {
  const commands = blocksOf(markdown)
    .filter(({ language }) => language === "sh" || language === "")
    .flatMap(({ code }) => code.split("\n"))
    .concat(namesIn(markdown));
  return commands.filter((command) => {
    const [, run, word = ""] = /^npm (run )?(?:--silent )?([\w:-]+)/.exec(command.trim()) ?? [];
    if (word === "") return false;
    if (run === undefined && npmItself.has(word)) return false;
    return !(word in packageJson.scripts) || (run === undefined && !npmShorthands.has(word));
  });
}

const missingFiles = (markdown: string): string[] =>
  namesIn(markdown).filter(
    (name) => /^(?:src|test|dev|migrations)\/[\w./-]+$/.test(name) && !existsSync(join(root, name)),
  );

const devSources = readdirSync(join(root, "dev"), { recursive: true, encoding: "utf8" })
  .filter((name) => /\.m?[jt]s$/.test(name))
  .map((name) => join("dev", name));
const variables = new Set(
  ["src/bindings.ts", "src/kernel/limits.ts", "wrangler.toml", ...devSources].flatMap(
    (path) => text(path).match(/\b[A-Z][A-Z0-9_]+\b/g) ?? [],
  ),
);
const httpMethods = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]);

/** What a document's own commands and snippets set or read is the reader's to name. */
const missingVariables = (markdown: string): string[] => {
  const own = new Set(blocksOf(markdown).flatMap(({ code }) => code.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []));
  return namesIn(markdown).filter(
    (name) =>
      /^[A-Z][A-Z0-9_]+[A-Z0-9]$/.test(name) &&
      !variables.has(name) &&
      !own.has(name) &&
      !httpMethods.has(name),
  );
};

describe.each(documents)("%s", (path) => {
  const markdown = text(path);

  it("links to what exists", () => {
    expect(missingLinks(path, markdown)).toEqual([]);
  });

  it("names npm scripts that exist", () => {
    expect(missingScripts(markdown)).toEqual([]);
  });

  it("names source files, tests and migrations that exist", () => {
    expect(missingFiles(markdown)).toEqual([]);
  });

  it("names variables that the Worker, its configuration or the local tools know", () => {
    expect(missingVariables(markdown)).toEqual([]);
  });
});

it("notices what does not exist", () => {
  const broken = [
    "[a](docs/none.md) [b](README.md#no-such-part) `npm run none` `npm none` `src/none.ts` `NO_SUCH_VARIABLE`",
    "```sh",
    "npm run nothing -- --flag",
    "```",
    "",
  ].join("\n");
  expect(missingLinks("README.md", broken)).toEqual(["docs/none.md", "README.md#no-such-part"]);
  expect(missingScripts(broken)).toEqual(["npm run nothing -- --flag", "npm run none", "npm none"]);
  expect(missingFiles(broken)).toEqual(["src/none.ts"]);
  expect(missingVariables(broken)).toEqual(["NO_SUCH_VARIABLE"]);
});

/** Every table and column of the databases is described; a migration that adds one fails here until it is. */
it("docs/storage.md names every table and column of the migrations", () => {
  const described = new Set(namesIn(text("docs/storage.md")));
  const migrations = readdirSync(join(root, "migrations"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sql"))
    .map((name) => text(join("migrations", name)));
  const names = migrations.flatMap((sql) =>
    [...sql.matchAll(/^CREATE TABLE (\w+) \((.*?)^\)/gms)].flatMap(([, table = "", columns = ""]) => [
      table,
      ...[...columns.matchAll(/^ {2}([a-z_]+) /gm)].map(([, column = ""]) => column),
    ]),
  );
  expect(names.length).toBeGreaterThan(40);
  expect(names.filter((name) => !described.has(name))).toEqual([]);
});

it("docs/operations.md says what to do about every refusal with status 5xx, and tells its retry advice", () => {
  const rows = text("docs/operations.md").matchAll(/^\| `(\w+)` \| (yes|no) \|/gm);
  const described = Object.fromEntries([...rows].map(([, code, retry]) => [code, retry]));
  const expected = Object.entries(refusalTable)
    .filter(([, { status }]) => status >= 500)
    .map(([code, { retry }]) => [code, retry ? "yes" : "no"]);
  expect(described).toEqual(Object.fromEntries(expected));
});

it("docs/compliance.md has every item of the OWASP lists once, under both numbers where an edition changed them", () => {
  const rows = [
    ...text("docs/compliance.md").matchAll(/^\| (LLM|API)(\d+) [^|(]+(?:\((\d\d)\b[^)]*\))? \|/gm),
  ];
  const numbers = (list: string, group: number) =>
    rows.filter((row) => row[1] === list).map((row) => Number(row[group]));
  const oneToTen = Array.from({ length: 10 }, (_, index) => index + 1);
  expect(numbers("LLM", 2)).toEqual(oneToTen);
  expect(numbers("LLM", 3).sort((a, b) => a - b)).toEqual(oneToTen);
  expect(numbers("API", 2)).toEqual(oneToTen);
});

const python = spawnSync("python3", ["--version"]).status === 0;
it.skipIf(!python)("Python snippets are Python", () => {
  const parse = "import ast, sys; ast.parse(sys.stdin.read())";
  const blocks = documents.flatMap((path) => blocksOf(text(path)));
  const snippets = blocks.filter(({ language }) => language === "python");
  expect(snippets).not.toEqual([]);
  for (const { code } of snippets) {
    expect(spawnSync("python3", ["-c", parse], { input: code, encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  }
});

it("JSON snippets are JSON", () => {
  const snippets = documents.flatMap((path) => blocksOf(text(path)));
  for (const { code } of snippets.filter(({ language }) => language === "json")) {
    expect(() => JSON.parse(code), code).not.toThrow();
  }
});

it("docs/architecture.md names refusals that exist", () => {
  const { "The way of a request": stages = "" } = sectionsOf(text("docs/architecture.md"));
  const cells = [...stages.matchAll(/^\| \w+ \| (.*) \|$/gm)].map(([, cell = ""]) => cell).join(" ");
  const codes = namesIn(cells).filter((name) => /^[a-z]+(?:_[a-z]+)+$/.test(name));
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.filter((code) => !(code in refusalTable))).toEqual([]);
});

const sectionsOf = (markdown: string): Partial<Record<string, string>> =>
  Object.fromEntries(
    markdown.split(/^## /m).map((section) => [section.slice(0, section.indexOf("\n")), section] as const),
  );
