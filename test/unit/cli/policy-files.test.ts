// Policy files as people write them: what is taken, and how what is wrong is told.
import { describe, expect, it } from "vitest";
import { policyDiffCommand } from "../../../src/cli/policy-diff-command.ts";
import { policyLint } from "../../../src/cli/policy-lint.ts";
import { policyTest } from "../../../src/cli/policy-test.ts";
import { typed } from "./command-fixture.ts";
import { filesIo } from "./policy-fixture.ts";

const commands = [policyTest, policyLint, policyDiffCommand];
const run = (files: Record<string, string>, ...words: readonly string[]) =>
  typed(commands, ["policy", ...words], filesIo(files));

const head = "tenant: tenant-a\nat: 2026-12-01T09:00:00.000Z\n";
const chat =
  '- { name: Chat, effect: allow, actions: [chat], resources: ["api://azure-openai/models/gpt-4"] }';
const passing =
  '- { name: t, actions: [chat], resources: ["api://azure-openai/models/gpt-4"], expect: { decision: allowed } }';
const whole = `${head}policies:\n  ${chat}\ntests:\n  ${passing}\n`;

describe("what is wrong with a file", () => {
  it.each<[what: string, text: string, told: string]>([
    ["is no YAML", "tenant: [", "a.yaml:1: "],
    ["names a key twice", `${head}tenant: tenant-b`, "a.yaml:3: Map keys must be unique"],
    ["has a tag", `${head}policies: !!js/function 'x'`, "a.yaml:3: Unresolved tag"],
    ["has a tag of its own", `${head}policies: !evil x`, "a.yaml:3: Unresolved tag"],
    ["holds two documents", `${whole}---\n${whole}`, "a.yaml:"],
    [
      "blows up by its aliases",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]`,
      "a.yaml:1: Aliases",
    ],
    ["has an unknown member", `${head}rules: []`, "a.yaml:3: `rules` is not known here."],
    [
      "has a wrong value deep down",
      `${head}policies:\n  ${chat}\n  - name: Next\n    effect: allow\n    actions: [chat]\n    resources: ["*"]\n    constraints:\n      maxTokensPerRequest: many\n`,
      "a.yaml:10: `policies[1].constraints.maxTokensPerRequest` must be of type",
    ],
    [
      "has a policy that means nothing",
      `${head}policies:\n  - name: Deny\n    effect: deny\n    actions: [chat]\n    resources: ["*"]\n    constraints: { maxTokensPerDay: 5 }\n`,
      "a.yaml:8: `policies[0].constraints.maxTokensPerDay`: ",
    ],
    ["has a name twice", `${head}policies:\n  ${chat}\n  ${chat}\n`, "a.yaml:5: `policies[1].name`: "],
    [
      "has a test without a moment",
      `tenant: tenant-a\ntests:\n  ${passing}`,
      "a.yaml:3: The test says no `at`",
    ],
    ["says not whose it is", `at: 2026-12-01T09:00:00.000Z\npolicies:\n  ${chat}`, "does not say whose"],
    ["is about both", `${head}platform: true`, "a.yaml:3: A file is about a tenant or the platform."],
    ["names what is not there", `${head}context: { platform: none.yaml }`, "none.yaml cannot be read."],
  ])("%s", async (_what, text, told) => {
    const { code, out, err } = await run({ "a.yaml": text }, "test", "a.yaml");
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join("\n")).toContain(told);
  });

  it("is all told at once, and keys such as __proto__ are only unknown ones", async () => {
    const { err } = await run(
      { "a.yaml": `${head}__proto__: { a: 1 }\nrules: 1\npolicies: 5` },
      "test",
      "a.yaml",
    );
    expect(err.length).toBeGreaterThanOrEqual(2);
    expect(({} as { a?: number }).a).toBeUndefined();
  });
});

describe("a folder", () => {
  const files = {
    "p/10-policies.yaml": `tenant: tenant-a\npolicies:\n  ${chat}\n`,
    "p/20-tests.yml": `at: 2026-12-01T09:00:00.000Z\ntests:\n  ${passing}\n`,
    "p/30-more.json": JSON.stringify({
      policies: [{ name: "J", effect: "deny", actions: ["embedding"], resources: ["*"] }],
    }),
    "p/README.md": "not read",
  };
  it("is one suite of all its files", async () => {
    const { code, out } = await run(files, "test", "p/");
    expect({ code, first: out[0] }).toEqual({ code: 0, first: "p/ (tenant-a): 1 cases passed, 0 failed" });
  });

  it("is about one scope, has one context, and no name twice", async () => {
    const told = async (more: Record<string, string>) =>
      (await run({ ...files, ...more }, "test", "p")).err.join();
    expect(await told({ "p/x.yaml": "tenant: tenant-b" })).toContain("says tenant-a and tenant-b");
    expect(await told({ "p/x.yaml": `policies:\n  ${chat}` })).toContain("policies[2].name");
    expect(await told({ "p/x.yaml": "context: {}", "p/y.yaml": "context: {}" })).toContain("one is enough");
    expect((await run({ "q/a.txt": "" }, "test", "q")).err.join()).toContain("no file that ends in");
  });
});

describe("policy test", () => {
  it("exits with 1 where a case fails, and says which and why", async () => {
    const failing = passing.replace("allowed", "denied, code: denied_by_policy");
    const { code, out } = await run({ "a.yaml": whole.replace(passing, failing) }, "test", "a.yaml");
    expect(code).toBe(1);
    expect(out[0]).toBe(
      'FAIL t: chat api://azure-openai/models/gpt-4: expected denied (denied_by_policy), was allowed by "Chat"',
    );
  });

  it("runs what policies carry, with the file's moment and place", async () => {
    const text = `${head}place: { country: DE }\npolicies:\n  - name: Chat\n    effect: allow\n    actions: [chat]\n    resources: ["*"]\n    constraints: { allowedCountries: [DE] }\n    tests:\n      ${passing}\n      - { name: abroad, actions: [chat], resources: ["api://a"], place: { country: US }, expect: { decision: denied } }\n`;
    expect((await run({ "a.yaml": text }, "test", "a.yaml")).out[0]).toContain("2 cases passed, 0 failed");
  });

  it("proves nothing without tests, and says what no test exercises", async () => {
    const { code, out, err } = await run({ "a.yaml": `${head}policies:\n  ${chat}` }, "test", "a.yaml");
    expect(code).toBe(2);
    expect(out).toContain("  Chat: no test in which it holds");
    expect(err).toEqual(["There is a suite without a test, which proves nothing."]);
  });

  it("judges inside the platform's policies, the tenant's promise and its deployments", async () => {
    const platform = `platform: true\npolicies:\n  - { name: B, kind: boundary, effect: allow, actions: [chat], resources: ["*"], constraints: { dataResidency: us } }`;
    const context = (sku: string) =>
      `context:\n  platform: ../platform.yaml\n  deployments:\n    - { name: gpt-4, backends: [{ region: eastus2, sku: ${sku} }] }\n`;
    const result = async (sku: string) =>
      (await run({ "t/a.yaml": whole + context(sku), "t/../platform.yaml": platform }, "test", "t/a.yaml"))
        .code;
    expect([await result("Standard"), await result("GlobalStandard")]).toEqual([0, 1]);
  });

  it("answers in JSON", async () => {
    const { out } = await run({ "a.yaml": whole }, "test", "a.yaml", "--json");
    expect(JSON.parse(out.join("\n"))).toMatchObject([
      { path: "a.yaml", passed: 1, failed: 0, failures: [] },
    ]);
  });
});

describe("policy lint", () => {
  it("exits with 1 for what is probably wrong, and with 0 for a note", async () => {
    const wide = `  - { name: Wide, effect: allow, actions: ["*"], resources: ["*"] }\n`;
    const linted = await run({ "a.yaml": `${head}policies:\n  ${chat}\n${wide}` }, "lint", "a.yaml");
    expect(linted.code).toBe(1);
    expect(linted.out.map((line) => line.split("]")[0])).toEqual([
      "warning over_broad [Wide",
      "note    redundant [Chat",
    ]);
    const noted = `  - { name: Deny, effect: deny, actions: [embedding], resources: ["*"] }\n`;
    expect((await run({ "a.yaml": `${head}policies:\n  ${chat}\n${noted}` }, "lint", "a.yaml")).code).toBe(0);
    expect((await run({ "a.yaml": whole }, "lint", "a.yaml")).out).toEqual(["a.yaml: nothing found"]);
  });
});

describe("policy diff", () => {
  it("tells what changes between two files, and with --exit-code by its code as well", async () => {
    const files = { "a.yaml": whole, "b.yaml": whole.replace("[chat], resources", "[embedding], resources") };
    const { code, out } = await run(files, "diff", "a.yaml", "b.yaml");
    expect(code).toBe(0);
    expect(out).toEqual([
      '+ denied → allowed: was granted by none, is granted by "Chat"',
      "    embedding on api://azure-openai/models/gpt-4",
      expect.stringContaining("such as at"),
      '- allowed → denied: was granted by "Chat", is granted by none',
      "    chat on api://azure-openai/models/gpt-4",
      expect.stringContaining("such as at"),
    ]);
    expect((await run(files, "diff", "a.yaml", "b.yaml", "--exit-code")).code).toBe(1);
    expect(await run(files, "diff", "a.yaml", "a.yaml", "--exit-code")).toMatchObject({
      code: 0,
      out: ["No request is decided otherwise."],
    });
  });

  it("is of two sets of one scope", async () => {
    const files = { "a.yaml": whole, "b.yaml": whole.replace("tenant-a", "tenant-b") };
    expect(await run(files, "diff", "a.yaml", "b.yaml")).toMatchObject({ code: 2, out: [] });
    expect(await run(files, "diff", "live", "live")).toMatchObject({ code: 2 });
  });
});

it.each([["test"], ["lint"], ["diff"], ["test", "--pk_secret"], ["diff", "a", "b", "--from", "pk_secret"]])(
  "policy %s %s is not judged, and what was typed is not repeated",
  async (...words) => {
    const { code, err } = await run({}, ...words);
    expect(code).toBe(2);
    expect(err.join()).not.toContain("pk_secret");
  },
);
