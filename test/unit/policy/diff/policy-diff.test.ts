// What changes between two sets, as people read it: causes, areas, and the plainest request that shows it.
import { describe, expect, it } from "vitest";
import { AgentId } from "../../../../src/kernel/ids.ts";
import { constraintTable } from "../../../../src/policy/constraint-table.ts";
import { constraintKeys } from "../../../../src/policy/constraints.ts";
import { addressClasses } from "../../../../src/policy/diff/address-classes.ts";
import { policyDiff } from "../../../../src/policy/diff/policy-diff.ts";
import { resourceClasses } from "../../../../src/policy/diff/resource-classes.ts";
import { ipAddress, ipRange, isInRange } from "../../../../src/policy/ip-range.ts";
import { deploymentOf } from "../../azure/azure-fixture.ts";
import {
  anyTime,
  boundary,
  deny,
  diffOf,
  GPT,
  platformSetOf,
  rule,
  setOf,
  told,
} from "../as-code/set-fixture.ts";

const deploymentInEu = deploymentOf();
const PREFIX = "api://azure-openai/models/*";

describe("a change", () => {
  it("is told by its cause and its area", () => {
    const before = [rule("Chat", { resources: [PREFIX] })];
    expect(told(diffOf(before, [...before, rule("Embed", { actions: ["embedding", "response"] })]))).toEqual([
      `denied→allowed no_grant/granted Embed: embedding,response ${GPT}`,
    ]);
    expect(told(diffOf(before, [...before, deny("No GPT", { actions: ["*"] })]))).toEqual([
      `allowed→denied granted/denied No GPT: chat ${GPT}`,
    ]);
    expect(told(diffOf(before, [...before, boundary("Inside", { resources: [GPT] })]))).toEqual([
      `allowed→denied granted/outside Inside: chat ${PREFIX} (others)`,
    ]);
    expect(told(diffOf(before, []))).toEqual([
      `allowed→denied granted Chat/no_grant: chat ${PREFIX} (others)`,
    ]);
  });

  it("is none where a policy is renamed, reordered, split over actions or covered by another", () => {
    const one = rule("Both", { actions: ["chat", "embedding"], constraints: { allowedRoles: ["a", "b"] } });
    const chat = rule("Chat", { constraints: { allowedRoles: ["b", "a"] } });
    const embed = rule("Embed", { actions: ["embedding"], constraints: { allowedRoles: ["a", "b"] } });
    expect(told(diffOf([one], [embed, chat]))).toEqual([]);
    const narrow = rule("Narrow", { constraints: { allowedCountries: ["DE"], allowedRoles: ["a"] } });
    expect(told(diffOf([one], [one, narrow]))).toEqual([]);
  });

  it("is shown by the plainest request there is", () => {
    const constraints = { allowedRoles: ["a", "b"], deniedCountries: ["US"], maxTokensPerRequest: 100 };
    const [one] = diffOf([], [rule("Chat", { constraints })]).classes;
    expect(one?.witness).toEqual({
      principals: [{ roles: ["a"] }],
      actions: ["chat"],
      resources: [GPT],
      at: "2026-01-01T00:00:00.000Z",
      place: { country: expect.not.stringMatching("US") },
      ask: {},
    });
  });

  const agent = AgentId.parse(`agent_${"0".repeat(31)}7`);
  /** From one value to another, something is decided otherwise. */
  const changes: Readonly<Record<string, readonly [object, object]>> = {
    allowedTenants: [["tenant-a"], ["tenant-b"]],
    allowedRoles: [["a"], ["a", "b"]],
    allowedAgents: [[agent], [`agent_${"0".repeat(31)}8`]],
    dataClassification: ["internal" as never, "confidential" as never],
    encryptionRequired: [true as never, false as never],
    allowedCountries: [["DE"], ["DE", "FR"]],
    deniedCountries: [["DE"], ["FR"]],
    allowedIpRanges: [["192.0.2.0/24"], ["192.0.2.0/25"]],
    validFrom: ["2026-01-01T00:00:00.000Z" as never, "2026-01-01T00:00:00.001Z" as never],
    validUntil: ["2026-01-01T00:00:00.000Z" as never, "2026-01-01T00:00:00.001Z" as never],
    maxTokensPerRequest: [100 as never, 101 as never],
    maxPromptCharacters: [100 as never, 101 as never],
    parameters: [{ temperature: { max: 1 } }, { temperature: { max: 1.0001 } }],
    deniedPatterns: [{ patterns: ["secret"] }, { patterns: ["secrets"] }],
    dataResidency: ["eu" as never, "us" as never],
    allowedTools: [["function"], ["function", "mcp"]],
  };
  it.each(Object.entries(changes))("of one step in %s is found", (key, [from, to]) => {
    // What residency leaves depends on where Azure is: in the EU alone.
    const deployments = [deploymentInEu];
    const set = (value: object) => setOf([rule("Chat", { constraints: { [key]: value } })], { deployments });
    const { exact, classes } = policyDiff(set(from), set(to), anyTime());
    expect(exact).toBe(true);
    expect(classes.map((one) => `${one.from}→${one.to}`)).not.toEqual([]);
  });

  it("of what only ledgers count, or only obliges, is none", () => {
    const counted = constraintKeys.filter((key) => /^max(?:Requests|Tokens|Cost|Concurrent)/.test(key));
    const values = counted.filter((key) => key !== "maxTokensPerRequest");
    expect(values.map((key) => constraintTable[key])).toEqual(values.map(() => "quota"));
    for (const key of values) {
      const set = (limit: number) => [rule("Chat", { constraints: { [key]: limit } })];
      expect(told(diffOf(set(5), set(6)))).toEqual([]);
    }
    const detailed = rule("Chat", { constraints: { auditLogging: "detailed" } });
    expect(told(diffOf([rule("Chat")], [detailed]))).toEqual([]);
  });

  it("of a quota's scope is: who withholds what is counted is refused", () => {
    const set = (quotaScope: string) => [rule("Chat", { constraints: { maxRequestsPerDay: 5, quotaScope } })];
    const [one] = diffOf(set("agent"), set("user")).classes;
    expect(one).toMatchObject({ from: "allowed", to: "denied", witness: { ask: {} } });
    expect(diffOf([], set("user")).classes).toMatchObject([
      { to: "allowed", witness: { ask: { user: "somebody" } } },
    ]);
    const byAddress = diffOf([], set("address")).classes[0]?.witness.place;
    expect(byAddress).toEqual({ clientAddress: expect.any(String) });
  });

  it.each<[what: string, before: object, after: object, shown: object]>([
    ["a prompt that cannot be bounded", { maxTokensPerDay: 5 }, {}, { ask: { promptTokens: null } }],
    [
      "a caller whose TLS is not known",
      { encryptionRequired: true },
      {},
      { place: { tlsVersion: "TLSv1.1" } },
    ],
    [
      "storing at Azure",
      { allowStore: true, processing: "region" },
      { processing: "region" },
      { ask: { store: true } },
    ],
  ])("that only %s shows is found", (_what, before, after, shown) => {
    const changed = diffOf(
      [rule("Chat", { constraints: before })],
      [rule("Chat", { constraints: after })],
    ).classes;
    expect(changed).toMatchObject([{ from: "denied", to: "allowed", witness: shown }]);
  });

  it("of a deny is found where a fact is not known: that denies as well", () => {
    const chat = rule("Chat");
    const abroad = (country: string) => deny("Abroad", { constraints: { allowedCountries: [country] } });
    const both = deny("Both", { constraints: { allowedCountries: ["US"], deniedCountries: ["US"] } });
    const [one, ...others] = diffOf([chat], [chat, both]).classes;
    expect([one?.to, one?.witness.place, others]).toEqual(["denied", {}, []]);
    expect(told(diffOf([chat, abroad("US")], [chat, abroad("FR")]))).toHaveLength(2);
    const old = deny("Old", { constraints: { encryptionRequired: true, allowedRoles: ["a"] } });
    const [unknown] = diffOf(
      [chat, deny("Old", { constraints: { allowedRoles: ["a"] } })],
      [chat, old],
    ).classes;
    expect(unknown?.witness.place).toEqual({ tlsVersion: "TLSv1.1" });
  });

  it("of costs is found where an output has no price", () => {
    const deployments = [deploymentOf({ model: "unlisted", prices: { inputPerMillion: 1 } })];
    const set = (constraints: object) => setOf([rule("Chat", { constraints })], { deployments });
    const { classes } = policyDiff(set({}), set({ maxCostPerDay: 5 }), anyTime());
    expect(classes).toMatchObject([{ from: "allowed", to: "denied", witness: { ask: {} } }]);
    const free = [rule("Chat", { constraints: { maxCostPerDay: 5 } })];
    const without = policyDiff(setOf([], { deployments }), setOf(free, { deployments }), anyTime());
    expect(without.classes).toMatchObject([{ to: "allowed", witness: { ask: { maxOutputTokens: 0 } } }]);
  });

  it("of costs is none where pictures have a price, and one where nothing bounds the sound", () => {
    const limited = (model: string, action: string) => {
      const deployments = [deploymentOf({ model })];
      const set = (constraints: object) =>
        setOf([rule("Media", { actions: [action], constraints })], { deployments });
      return told(policyDiff(set({}), set({ maxCostPerDay: 5 }), anyTime()));
    };
    expect(limited("dall-e-3", "image")).toEqual([]);
    expect(limited("tts", "audio")).toEqual([]);
    expect(limited("whisper", "audio")).toHaveLength(1);
    expect(limited("tts", "image")).toHaveLength(1);
  });

  it("of a bound on the output is one for pictures, which nobody can cut", () => {
    const bounded = (maxOutputTokens: number) =>
      rule("Draw", { actions: ["image", "chat"], constraints: { maxOutputTokens } });
    const wider = diffOf([bounded(100)], [bounded(1_000)]);
    expect(told(wider)).toEqual([`denied→allowed no_grant/granted Draw: image ${GPT}`]);
    expect(wider.classes[0]?.witness.ask).toEqual({ maxOutputTokens: 101 });
    const large = rule("Large", { actions: ["image"], constraints: { allowedRoles: ["artist"] } });
    const fewer = diffOf([bounded(100), large], [bounded(100)]).classes;
    expect(fewer).toMatchObject([
      { from: "allowed", to: "denied", witness: { ask: { maxOutputTokens: 101 } } },
    ]);
    const both = { maxOutputTokens: 100, maxTokensPerRequest: 150 };
    const [less] = diffOf(
      [rule("Draw", { actions: ["image"], constraints: { maxTokensPerRequest: 150 } })],
      [rule("Draw", { actions: ["image"], constraints: both })],
    ).classes;
    expect(less?.witness.ask).toEqual({ maxOutputTokens: 101 });
  });

  it("before the moment of interest is none", () => {
    const until = rule("Chat", { constraints: { validUntil: "2026-01-01T00:00:00.000Z" } });
    const from = (fromMs: number) => policyDiff(setOf([]), setOf([until]), { ...anyTime(), fromMs });
    expect(told(from(Date.UTC(2025, 11, 31)))).toHaveLength(1);
    expect(told(from(Date.UTC(2026, 0, 1)))).toEqual([]);
  });
});

describe("many policies", () => {
  it("with a role each are compared without trying every set of roles", () => {
    const many = Array.from({ length: 100 }, (_, index) =>
      rule(`Role ${index}`, {
        constraints: { allowedRoles: [`role-${index}`], allowedTools: [`tool_${index}`] },
      }),
    );
    const diff = diffOf(many, [
      ...many.slice(1),
      deny("No 7", { constraints: { allowedRoles: ["role-7"] } }),
    ]);
    expect(diff.exact).toBe(true);
    expect(told(diff).toSorted()).toEqual([
      `allowed→denied granted Role 0/denied No 7: chat ${GPT}`,
      `allowed→denied granted Role 0/no_grant: chat ${GPT}`,
      `allowed→denied granted/denied No 7: chat ${GPT}`,
    ]);
  });

  it("beyond the bound are left out, and the diff says so", () => {
    const budget = { left: 5 };
    const diff = policyDiff(setOf([]), setOf([rule("Chat", { constraints: { allowedRoles: ["a"] } })]), {
      fromMs: null,
      budget,
    });
    expect(diff).toMatchObject({ exact: false });
    expect(diff.leftOut).not.toEqual([]);
  });
});

it("of the platform is told for tenants with and without policies of their own", () => {
  const { classes } = policyDiff(
    platformSetOf([]),
    platformSetOf([rule("Grant"), boundary("Bound")]),
    anyTime(),
  );
  expect(classes.map(({ assuming, to }) => `${assuming} ${to}`)).toEqual(["no_own_policies allowed"]);
  const narrowed = policyDiff(
    platformSetOf([]),
    platformSetOf([boundary("Bound", { actions: ["chat"] })]),
    anyTime(),
  );
  expect(narrowed.classes.map(({ assuming, to }) => `${assuming} ${to}`)).toEqual([
    "grants_everything denied",
  ]);
  const oneTenant = boundary("One", { constraints: { allowedTenants: ["tenant-b"] } });
  const [first] = policyDiff(platformSetOf([]), platformSetOf([oneTenant]), anyTime()).classes;
  expect(first?.witness.principals).toEqual([{}]);
});

describe("classes", () => {
  it("of addresses have one of each range, of what is around it, and none of what others fill", () => {
    const ranges = [
      "192.0.2.0/24",
      "192.0.2.0/25",
      "192.0.2.128/25",
      "198.51.100.0/24",
      "198.51.100.7/32",
      "2001:db8::/32",
    ];
    const points = addressClasses(ranges);
    const where = points.map((point) => {
      const address = ipAddress(point);
      return ranges.filter((text) => {
        const range = ipRange(text);
        return address && range && isInRange(address, range);
      });
    });
    expect(where).toEqual([
      [],
      [],
      ["192.0.2.0/24", "192.0.2.0/25"],
      ["192.0.2.0/24", "192.0.2.128/25"],
      ["198.51.100.0/24"],
      ["198.51.100.0/24", "198.51.100.7/32"],
      ["2001:db8::/32"],
    ]);
  });

  it("of resources have a stranger below every prefix, whatever the prefix is called", () => {
    const labels = resourceClasses(["api://a/*", "api://a/any-other", "api://a/b/*"], ["gpt-4"]);
    expect(labels).toEqual([
      { resource: "api://a/any-other", label: "api://a/any-other" },
      { resource: GPT, label: GPT },
      { resource: "api://a/any-other-2", label: "api://a/* (others)" },
      { resource: "api://a/b/any-other-2", label: "api://a/b/* (others)" },
      { resource: "api://azure-openai/models/any-other-2", label: `${PREFIX} (others)` },
      { resource: "api://any-other-2", label: "* (others)" },
    ]);
  });
});
