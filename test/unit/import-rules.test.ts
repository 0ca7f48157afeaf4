// DESIGN section 4 read off the source files: what is pure, which way arrows point, and where things are constructed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../src");

interface Import {
  readonly specifier: string;
  /** Erased by the compiler: nothing of it runs. */
  readonly typeOnly: boolean;
  readonly names: readonly string[];
  /** Relative to src; null for packages. */
  readonly target: string | null;
}
interface SourceFile {
  readonly path: string;
  /** Without comments. */
  readonly code: string;
  readonly lines: number;
  readonly imports: readonly Import[];
}

const comments = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const declarations =
  /^(?:import|export)\s+(?<type>type\s)?\s*(?<names>\*(?:\s+as\s+\w+)?|\w+|\{[^}]*\})\s*from\s*"(?<from>[^"]+)"/gm;
const bareImports = /^import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;

function importsOf(path: string, code: string): readonly Import[] {
  const made = (specifier: string, typeOnly: boolean, names: string): Import => ({
    specifier,
    typeOnly,
    names: names.match(/\w+/g) ?? [],
    target: specifier.startsWith(".") ? join(dirname(path), specifier) : null,
  });
  return [
    ...[...code.matchAll(declarations)].map(({ groups }) =>
      made(groups?.from ?? "", groups?.type !== undefined, groups?.names ?? ""),
    ),
    ...[...code.matchAll(bareImports)].map(([, bare, dynamic]) => made(bare ?? dynamic ?? "", false, "")),
  ];
}

const files: readonly SourceFile[] = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map((name) => {
    const text = readFileSync(join(root, name), "utf8");
    const path = relative(root, join(root, name));
    const code = text.replaceAll(comments, "$1");
    return { path, code, lines: text.trimEnd().split("\n").length, imports: importsOf(path, code) };
  });

const compositionRoot = new Set([
  "worker.ts",
  "compose.ts",
  "compose-keys.ts",
  "compose-stores.ts",
  "compose-upstream.ts",
  "bindings.ts",
  "cli/main.ts",
]);
const isImpure = (path: string): boolean => /\.(?:object|store|routes|client)\.ts$/.test(path);
const isPure = ({ path }: SourceFile): boolean => !isImpure(path) && !compositionRoot.has(path);
const roomOf = (path: string): string => (path.includes("/") ? (path.split("/")[0] ?? "") : path);

/** Arrows point from a higher rank to a lower; rooms of one rank are told apart below. */
const ranks: Readonly<Record<string, number>> = {
  kernel: 0,
  capability: 1,
  policy: 1,
  quota: 1,
  residency: 1,
  azure: 1,
  safeguard: 1,
  audit: 1,
  approval: 1,
  gateway: 2,
  admin: 2,
  console: 2,
  cli: 2,
  "compose.ts": 3,
  "compose-keys.ts": 3,
  "compose-stores.ts": 3,
  "compose-upstream.ts": 3,
  "bindings.ts": 3,
  "worker.ts": 4,
};
const rankOf = (path: string): number => ranks[roomOf(path)] ?? Number.NaN;

/** Each import of a file of ours, with what it leads to. */
const arrows = files.flatMap((file) =>
  file.imports.flatMap(({ target, ...rest }) =>
    target === null ? [] : [{ from: file.path, to: target, ...rest }],
  ),
);
const told = ({ from, to }: { readonly from: string; readonly to: string }): string =>
  `${from} imports ${to}`;

describe("the reading of the source", () => {
  it("finds the rooms, their imports, and every file that is imported", () => {
    expect(files.length).toBeGreaterThan(100);
    expect(arrows.length).toBeGreaterThan(300);
    expect(files.map(({ path }) => path).filter((path) => Number.isNaN(rankOf(path)))).toEqual([]);
    const known = new Set(files.map(({ path }) => path));
    const isData = (path: string): boolean => path.endsWith(".bin") && existsSync(join(root, path));
    expect(arrows.filter(({ to }) => !known.has(to) && !isData(to)).map(told)).toEqual([]);
  });

  it("sees every import statement", () => {
    const statements = files.map(({ path, code, imports }) => ({
      path,
      written: code.match(/\bfrom\s*"|^import\s*"|\bimport\(\s*"/gm)?.length ?? 0,
      read: imports.length,
    }));
    expect(statements.filter(({ written, read }) => written !== read)).toEqual([]);
  });
});

describe("a pure file", () => {
  it.each<[what: string, expression: RegExp]>([
    ["reads no clock by Date.now", /\bDate\s*\.\s*now\b/],
    ["reads no clock by new Date()", /\bnew\s+Date\s*(?:\(\s*\)|(?!\s*\())/],
    ["reads no clock by performance.now", /\bperformance\s*\.\s*now\b/],
    ["draws no Math.random", /\bMath\s*\.\s*random\b/],
    ["draws no random bytes", /\bgetRandomValues\b/],
    ["draws no random UUID", /\brandomUUID\b/],
    ["starts no timer", /\bset(?:Timeout|Interval|Immediate)\b/],
    ["calls no fetch", /(?<![\w.])(?:globalThis\s*\.\s*)?fetch\s*\(/],
    ["opens no socket", /\bnew\s+(?:WebSocket|EventSource)\b/],
  ])("%s", (_what, expression) => {
    expect(files.filter(isPure).flatMap(({ path, code }) => (expression.test(code) ? [path] : []))).toEqual(
      [],
    );
  });

  it.each<[what: string, specifier: RegExp]>([
    ["Hono", /^(?:hono|@hono\/)/],
    ["the platform", /^cloudflare:/],
    // Of Node, only what computes: the command line reads its arguments with it.
    ["Node", /^node:(?!util$)/],
  ])("imports nothing of %s", (_what, specifier) => {
    const offending = files
      .filter(isPure)
      .filter(({ imports }) => imports.some((entry) => specifier.test(entry.specifier)));
    expect(offending.map(({ path }) => path)).toEqual([]);
  });

  it("runs nothing of an impure file: it knows their types alone", () => {
    const pure = new Set(files.filter(isPure).map(({ path }) => path));
    expect(
      arrows.filter(({ from, to, typeOnly }) => pure.has(from) && isImpure(to) && !typeOnly).map(told),
    ).toEqual([]);
  });
});

describe("libraries", () => {
  const importers = (expression: RegExp) =>
    files
      .filter(({ imports }) => imports.some(({ specifier }) => expression.test(specifier)))
      .map(({ path }) => path);

  it("jose works in the capability room alone", () => {
    expect(importers(/^jose(?:\/|$)/).filter((path) => roomOf(path) !== "capability")).toEqual([]);
  });

  it("nobody uses Hono's JWT", () => {
    expect(importers(/^hono\/(?:jwt|jwk)/)).toEqual([]);
  });

  it("Hono stands in routes and the composition root alone", () => {
    const allowed = (path: string) => path.endsWith(".routes.ts") || compositionRoot.has(path);
    expect(importers(/^hono(?:\/|$)/).filter((path) => !allowed(path))).toEqual([]);
  });

  it("no package is imported but those of DESIGN section 11", () => {
    const foreign = importers(
      /^(?!\.|zod$|jose$|hono(?:\/|$)|@hono\/zod-openapi$|cloudflare:workers$|node:|yaml$)/,
    );
    expect(foreign).toEqual([]);
  });

  it("YAML stands in the command line alone: files are read there, and no Worker carries a parser of them", () => {
    expect(importers(/^yaml(?:\/|$)/).filter((path) => roomOf(path) !== "cli")).toEqual([]);
    expect(importers(/^yaml$/)).not.toEqual([]);
  });

  it("Node stands in the command line alone: nothing else runs on it", () => {
    expect(importers(/^node:/).filter((path) => roomOf(path) !== "cli")).toEqual([]);
  });
});

describe("arrows", () => {
  const values = arrows.filter(({ typeOnly }) => !typeOnly);

  it("the kernel imports nothing but itself", () => {
    expect(
      arrows.filter(({ from, to }) => roomOf(from) === "kernel" && roomOf(to) !== "kernel").map(told),
    ).toEqual([]);
  });

  it("point from worker to gateway and admin, to the domain rooms, to the kernel, and never back", () => {
    const back = arrows.filter(({ from, to }) => rankOf(from) < rankOf(to) && to !== "bindings.ts");
    expect(back.map(told)).toEqual([]);
  });

  it("lead to the bindings only from the composition root, and from objects (which the platform constructs) and their stores", () => {
    const allowed = (path: string) =>
      compositionRoot.has(path) || /^quota\/.*\.(?:object|store)\.ts$/.test(path);
    expect(arrows.filter(({ from, to }) => to === "bindings.ts" && !allowed(from)).map(told)).toEqual([]);
  });

  it("never join the gateway, the control plane, the console and the command line", () => {
    const rims = arrows.filter(({ from, to }) => rankOf(from) === 2 && rankOf(to) === 2);
    expect(rims.filter(({ from, to }) => roomOf(from) !== roomOf(to)).map(told)).toEqual([]);
  });

  it("join domain rooms through types and pure functions alone, objects excepted", () => {
    const offending = values.filter(
      ({ from, to }) =>
        rankOf(from) === 1 && roomOf(from) !== roomOf(to) && isImpure(to) && !from.endsWith(".object.ts"),
    );
    expect(offending.map(told)).toEqual([]);
  });

  it("make no cycle between files", () => {
    const next = new Map(
      files.map(({ path }) => [path, values.filter(({ from }) => from === path).map(({ to }) => to)]),
    );
    const settled = new Set<string>();
    const cycles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      } else if (!settled.has(path)) {
        for (const to of next.get(path) ?? []) walk(to, [...trail, path]);
        settled.add(path);
      }
    };
    for (const { path } of files) walk(path, []);
    expect(cycles).toEqual([]);
  });
});

describe("construction", () => {
  it("of stores and clients happens in the composition root and in Durable Objects alone", () => {
    const offending = arrows.filter(
      ({ from, to, typeOnly, names }) =>
        !typeOnly &&
        !compositionRoot.has(from) &&
        !from.endsWith(".object.ts") &&
        roomOf(from) !== roomOf(to) &&
        /\.(?:store|client|object)\.ts$/.test(to) &&
        names.some((name) => /^create[A-Z]/.test(name)),
    );
    expect(offending.map((arrow) => `${told(arrow)} (${arrow.names.join(", ")})`)).toEqual([]);
  });
});

describe("files", () => {
  it("have at most 300 lines", () => {
    expect(files.filter(({ lines }) => lines > 300).map(({ path, lines }) => `${path}: ${lines}`)).toEqual(
      [],
    );
  });

  it("export by name, worker.ts excepted", () => {
    const offending = files.filter(
      ({ path, code }) => path !== "worker.ts" && /\bexport\s+default\b|\bas\s+default\b/.test(code),
    );
    expect(offending.map(({ path }) => path)).toEqual([]);
  });

  it("are named in kebab-case, and never after a drawer for odds and ends", () => {
    const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:object|store|routes|client))?\.ts$/;
    const drawer = /\b(?:utils?|helpers?|manager|service|common)\b/;
    const names = files.map(({ path }) => path);
    expect(names.filter((path) => !kebab.test(path.split("/").at(-1) ?? "") || drawer.test(path))).toEqual(
      [],
    );
  });
});
