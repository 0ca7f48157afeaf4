// Push and pull against a gateway in memory: idempotent, judged before it writes, and a round trip.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { policyDiffCommand } from "../../../src/cli/policy-diff-command.ts";
import { policyPull } from "../../../src/cli/policy-pull.ts";
import { policyPush } from "../../../src/cli/policy-push.ts";
import { policyYaml } from "../../../src/cli/policy-yaml.ts";
import { isSame } from "../../../src/cli/push-plan.ts";
import { parseYaml } from "../../../src/cli/yaml-text.ts";
import { TenantId } from "../../../src/kernel/ids.ts";
import { PolicyInput } from "../../../src/policy/policy.ts";
import { policySet } from "../policy/policy-arbitraries.ts";
import { typed } from "./command-fixture.ts";
import { createFakeGateway, environment, filesIo, KEY } from "./policy-fixture.ts";

const commands = [policyPush, policyPull, policyDiffCommand];
const resources = ["api://azure-openai/models/gpt-4"];
const at = "2026-12-01T09:00:00.000Z";
const test = (decision: string, action = "chat") => ({
  name: `${action} is ${decision}`,
  actions: [action],
  resources,
  at,
  expect: { decision },
});
const chat = { name: "Chat", effect: "allow", actions: ["chat"], resources };
const embed = { name: "Embed", effect: "allow", actions: ["embedding"], resources };
const deny = { name: "No chat", effect: "deny", actions: ["chat"], resources };

type Gateway = ReturnType<typeof createFakeGateway>;
const run = (gateway: Gateway, files: Record<string, string>, ...words: readonly string[]) =>
  typed(commands, ["policy", ...words], { ...filesIo(files), environment, fetch: gateway.fetch });
const fileOf = (policies: readonly object[], tests: readonly object[] = []) => ({
  "a.json": JSON.stringify({ tenant: "tenant-a", policies, tests }),
});
const push = (gateway: Gateway, policies: readonly object[], ...flags: readonly string[]) =>
  run(gateway, fileOf(policies), "push", "a.json", ...flags);

describe("a push", () => {
  it("creates, updates, keeps what is only live, and shows what that changes", async () => {
    const gateway = createFakeGateway([chat, { ...embed, name: "Old" }, deny]);
    const { code, out } = await push(gateway, [{ ...chat, actions: ["chat", "response"] }, embed]);
    expect(code).toBe(0);
    expect(gateway.writes).toEqual(["update Chat", "create Embed"]);
    expect(out).toEqual([
      'update "Chat"',
      'create "Embed"',
      'keep   "Old": only live; --prune deletes it',
      'keep   "No chat": only live; --prune deletes it',
      '+ denied → allowed: was granted by none, is granted by "Chat"',
      "    response on api://azure-openai/models/gpt-4",
      expect.stringContaining("such as"),
      "Pushed: 2 writes.",
    ]);
  });

  it("changes nothing the second time, and with --prune leaves what the file says", async () => {
    const gateway = createFakeGateway([embed]);
    await push(gateway, [chat, deny], "--prune");
    expect(
      gateway
        .inputs()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["Chat", "No chat"]);
    gateway.writes.length = 0;
    const { code, out } = await push(gateway, [chat, deny], "--prune");
    expect({ code, out }).toEqual({ code: 0, out: ["No request is decided otherwise.", "Nothing to push."] });
    expect(gateway.writes).toEqual([]);
  });

  it("writes what narrows before what widens", async () => {
    const gateway = createFakeGateway([embed, { ...deny, name: "Gone" }]);
    await push(gateway, [chat, deny, { ...chat, name: "Inside", kind: "boundary" }], "--prune");
    expect(gateway.writes).toEqual([
      "create No chat",
      "create Inside",
      "delete Embed",
      "create Chat",
      "delete Gone",
    ]);
  });

  it("is refused where a test fails, of the file or carried, also by what stays", async () => {
    const gateway = createFakeGateway([deny]);
    const failing = await run(gateway, fileOf([chat], [test("allowed")]), "push", "a.json");
    expect(failing).toMatchObject({ code: 1, err: ["Nothing was pushed."] });
    expect(failing.out[0]).toContain("FAIL chat is allowed");
    expect((await push(gateway, [{ ...chat, tests: [test("allowed")] }])).code).toBe(1);
    expect(gateway.writes).toEqual([]);
  });

  it("with --dry-run writes nothing", async () => {
    const gateway = createFakeGateway();
    expect((await push(gateway, [chat], "--dry-run")).out).toContain('create "Chat"');
    expect(gateway.writes).toEqual([]);
  });

  it("is not made where what would change is not known, unless that is wanted", async () => {
    const gateway = createFakeGateway();
    gateway.steps = 1;
    expect(await push(gateway, [chat])).toMatchObject({
      code: 2,
      err: [expect.stringContaining("--unjudged")],
    });
    expect(gateway.writes).toEqual([]);
    expect((await push(gateway, [chat], "--unjudged")).code).toBe(0);
    expect(gateway.writes).toEqual(["create Chat"]);
  });

  it("gets through tests that hold only once all is written", async () => {
    const gateway = createFakeGateway([{ ...deny, tests: [test("denied")] }]);
    const wanted = [
      { ...chat, tests: [test("allowed"), test("allowed", "embedding")] },
      { ...embed, tests: [test("allowed"), test("allowed", "embedding")] },
    ];
    const { code, err } = await push(gateway, wanted, "--prune");
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(gateway.inputs()).toEqual(wanted.map((one) => PolicyInput.parse(one)));
    expect((await push(gateway, wanted, "--prune")).out).toContain("Nothing to push.");
  });

  it("stops where somebody changed a policy meanwhile", async () => {
    const gateway = createFakeGateway([chat]);
    const meanwhile: Gateway = {
      ...gateway,
      async fetch(url, init) {
        const answer = await gateway.fetch(url, init);
        if (String(url).endsWith("/validate"))
          await gateway.fetch(`https://x/v1/policies/policy_${"0".repeat(31)}1`, {
            method: "PUT",
            headers: { "x-api-key": KEY, "if-match": '"1"' },
            body: JSON.stringify({ ...chat, priority: 5 }),
          });
        return answer;
      },
    };
    const { code, err } = await push(meanwhile, [{ ...chat, actions: ["response"] }]);
    expect({ code, err }).toMatchObject({ code: 1, err: [expect.stringContaining("was changed meanwhile")] });
  });

  it("needs names that tell live policies apart", async () => {
    const { code, err } = await push(createFakeGateway([chat, chat]), [chat]);
    expect({ code, err: err.join() }).toMatchObject({ code: 2, err: expect.stringContaining("rename one") });
  });

  it("answers in JSON", async () => {
    const { out } = await push(createFakeGateway([deny]), [chat], "--json");
    expect(JSON.parse(out.join("\n"))).toMatchObject({
      scope: "tenant-a",
      planned: [{ write: "create", policy: "Chat" }],
      kept: ["No chat"],
      pushed: ["Chat"],
      diff: { exact: true },
    });
  });
});

describe("a pull", () => {
  it("writes what a push finds unchanged, and leaves tests and comments of the file", async () => {
    const gateway = createFakeGateway([{ ...chat, tests: [test("allowed")] }, embed, deny]);
    gateway.steps = 10_000_000;
    const files: Record<string, string> = {
      "a.yaml": "# Mine\ntenant: tenant-a\nat: 2026-12-01T09:00:00.000Z\npolicies: []\n# Kept\ntests: []\n",
    };
    // A test that fails would refuse: the deny goes first.
    await run(gateway, fileOf([chat, embed]), "push", "a.json", "--prune");
    const { code, out } = await run(gateway, files, "pull", "--tenant", "tenant-a", "--out", "a.yaml");
    expect({ code, out }).toEqual({ code: 0, out: ["2 policies of tenant-a written to a.yaml"] });
    expect(files["a.yaml"]).toContain("# Mine");
    expect(files["a.yaml"]).toContain("# Kept");
    expect((await run(gateway, files, "push", "a.yaml", "--prune")).out).toContain("Nothing to push.");
  });

  it("prints YAML or JSON, in the order of age", async () => {
    const gateway = createFakeGateway([deny, chat, embed]);
    const { out } = await run(gateway, {}, "pull", "--tenant", "tenant-a");
    expect(out.join("\n")).toMatch(/^tenant: tenant-a\npolicies:\n {2}- name: No chat\n {4}effect: deny\n/);
    const asJson = await run(gateway, {}, "pull", "--tenant", "tenant-a", "--json");
    const names = JSON.parse(asJson.out.join("\n")).policies.map(({ name }: { name: string }) => name);
    expect(names).toEqual(["No chat", "Chat", "Embed"]);
  });

  it("does not write over another scope's file", async () => {
    const files = { "a.yaml": "tenant: tenant-b\npolicies: []\n" };
    const { code } = await run(
      createFakeGateway([chat]),
      files,
      "pull",
      "--tenant",
      "tenant-a",
      "--out",
      "a.yaml",
    );
    expect({ code, text: files["a.yaml"] }).toEqual({ code: 2, text: "tenant: tenant-b\npolicies: []\n" });
  });

  it("of any policies reads back the same", () => {
    fc.assert(
      fc.property(policySet, (policies) => {
        const inputs = policies.map(({ id, scope: _scope, createdAt: _at, updatedAt: _to, ...input }) => ({
          ...input,
          name: id,
        }));
        const read = parseYaml(policyYaml(TenantId.parse("tenant-a"), inputs));
        const { policies: back } = (read.ok ? read.value.value : {}) as { policies: object[] };
        expect(
          back.every((one, index) => isSame(PolicyInput.parse(one), inputs[index] ?? PolicyInput.parse(one))),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a diff with what is live", () => {
  it("is the gateway's, either way round", async () => {
    const gateway = createFakeGateway([chat]);
    const files = fileOf([chat, embed]);
    expect((await run(gateway, files, "diff", "live", "a.json")).out[0]).toMatch(
      /^\+ denied → allowed: .*Embed/,
    );
    expect((await run(gateway, files, "diff", "a.json", "live")).out[0]).toMatch(
      /^- allowed → denied: .*Embed/,
    );
  });
});

it.each([
  ["push", "a.json"],
  ["pull", "--tenant", "tenant-a"],
  ["diff", "live", "a.json"],
])("policy %s says why a gateway was not asked, and never the key", async (...words) => {
  const answers = [
    () => Promise.reject(new TypeError(`bad header ${KEY}`)),
    async () => new Response(KEY, { status: 500 }),
    async () =>
      new Response(JSON.stringify({ code: "scope_missing", detail: "Lacks a scope." }), { status: 403 }),
  ];
  for (const fetch of answers) {
    const io = { ...filesIo(fileOf([chat])), environment, fetch: fetch as typeof globalThis.fetch };
    const { code, err } = await typed(commands, ["policy", ...words], io);
    expect(code).toBe(2);
    expect(err.join()).not.toContain(KEY);
    expect(err.join()).toMatch(
      /cannot be reached|nothing that a gateway says|refused \(scope_missing\): Lacks a scope/,
    );
  }
  for (const wrong of [{}, { PORTCULLIS: "http://gateway.contoso.com", ADMIN_KEY: KEY }]) {
    const { code } = await typed(commands, ["policy", ...words], {
      ...filesIo(fileOf([chat])),
      environment: wrong,
    });
    expect(code).toBe(2);
  }
});
