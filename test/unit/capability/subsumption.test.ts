// What stands inside what: a row for every constraint, and what must hold of all of them, over the whole decision.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuthorizationDetail, HeldDetail } from "../../../src/capability/claims.ts";
import { detailExcess } from "../../../src/capability/subsumes.ts";
import { TokenId } from "../../../src/kernel/ids.ts";
import { constraintExcess } from "../../../src/policy/constraint-subsumption.ts";
import { type ConstraintKey, Constraints, constraintKeys } from "../../../src/policy/constraints.ts";
import { decide } from "../../../src/policy/decide.ts";
import { outcomeOf } from "../../../src/policy/outcome.ts";
import { candidatesOf, type DecideInput, detailOf, policyOf } from "../policy/decide-fixture.ts";
import {
  anyCircumstances,
  inputOf,
  liveEntries,
  policySet,
  someConstraints,
  someDetail,
} from "../policy/policy-arbitraries.ts";

interface Row {
  readonly outer: unknown;
  /** Each inside the outer one. */
  readonly inside: readonly unknown[];
  readonly outside: readonly unknown[];
}
const ceiling: Row = { outer: 10, inside: [10, 1], outside: [11] };
const list: Row = { outer: ["DE", "FR"], inside: [["FR"], ["FR", "DE"]], outside: [["DE", "US"], ["US"]] };
const demanded: Row = { outer: true, inside: [true], outside: [false] };
const redact = { action: "redact" };

const rows: Readonly<Record<ConstraintKey, readonly Row[]>> = {
  allowedTenants: [list],
  allowedRoles: [list],
  allowedAgents: [list],
  maxTokensPerRequest: [ceiling],
  maxOutputTokens: [ceiling],
  maxPromptCharacters: [ceiling],
  parameters: [
    {
      outer: { temperature: { min: 0.5, max: 1 } },
      inside: [{ temperature: { min: 0.5, max: 1 } }, { temperature: { min: 0.7, max: 0.7 }, n: { max: 1 } }],
      outside: [
        {},
        { n: { max: 1 } },
        { temperature: { min: 0.5 } },
        { temperature: { max: 1 } },
        { temperature: { min: 0.4, max: 1 } },
      ],
    },
  ],
  deniedPatterns: [
    {
      outer: { patterns: ["Secret"], builtIn: ["script_markup"] },
      inside: [{ patterns: ["secret", "more"], builtIn: ["script_markup", "data_url_markup"] }],
      outside: [
        { patterns: ["Secret"] },
        { builtIn: ["script_markup"] },
        { patterns: ["Secret"], builtIn: ["script_markup"], action: "strip" },
      ],
    },
    { outer: { patterns: ["a"], action: "strip" }, inside: [], outside: [{ patterns: ["a"] }] },
  ],
  maxRequestsPerMinute: [ceiling],
  maxRequestsPerDay: [ceiling],
  maxTokensPerMinute: [ceiling],
  maxTokensPerDay: [ceiling],
  maxCostPerDay: [{ outer: 0.5, inside: [0.5, 0.1], outside: [0.51] }],
  maxCostPerMonth: [{ outer: 0.5, inside: [0.5, 0.1], outside: [0.51] }],
  maxConcurrentRequests: [ceiling],
  quotaScope: [{ outer: "user", inside: ["user"], outside: ["agent", "tenant", "address"] }],
  dataClassification: [
    { outer: "internal", inside: ["public", "internal"], outside: ["confidential", "restricted"] },
  ],
  noPersonalData: [
    { outer: true, inside: [true], outside: [false, redact] },
    { outer: redact, inside: [redact], outside: [false, true] },
    { outer: false, inside: [false, true, redact], outside: [] },
  ],
  noSecrets: [{ outer: redact, inside: [redact], outside: [false, true] }],
  encryptionRequired: [demanded],
  auditLogging: [
    { outer: "detailed", inside: ["detailed"], outside: ["standard"] },
    { outer: "standard", inside: ["standard", "detailed"], outside: [] },
  ],
  requiresApproval: [demanded],
  allowedCountries: [list],
  deniedCountries: [{ outer: ["DE"], inside: [["DE"], ["US", "DE"]], outside: [["US"]] }],
  allowedIpRanges: [
    {
      outer: ["192.0.2.0/24", "2001:db8::/32"],
      inside: [["192.0.2.0/24"], ["192.0.2.128/25", "2001:db8:1::/48"], ["::ffff:192.0.2.0/121"]],
      outside: [
        ["192.0.2.0/23"],
        ["192.0.3.0/24"],
        ["2001:db8::/31"],
        ["::/0"],
        ["192.0.2.0/24", "10.0.0.0/8"],
      ],
    },
  ],
  validFrom: [
    {
      outer: "2026-02-01T00:00:00.000Z",
      inside: ["2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"],
      outside: ["2026-01-31T23:59:59.999Z"],
    },
  ],
  validUntil: [
    {
      outer: "2026-02-01T00:00:00.000Z",
      inside: ["2026-02-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"],
      outside: ["2026-02-01T00:00:00.001Z"],
    },
  ],
  dataResidency: [{ outer: "eu", inside: ["eu"], outside: ["us"] }],
  processing: [{ outer: "zone", inside: ["zone", "region"], outside: ["global"] }],
  allowedTools: [
    {
      outer: ["function", "mcp:search"],
      inside: [["function:look"], ["function", "mcp:search"]],
      outside: [["mcp"], ["web_search"], ["function", "mcp:other"]],
    },
  ],
  allowStore: [
    { outer: false, inside: [false], outside: [true] },
    { outer: true, inside: [true, false], outside: [] },
  ],
};

describe.each(constraintKeys)("%s", (key) => {
  const table = rows[key].map((row) => [JSON.stringify(row.outer), row] as const);
  it.each(table)("of %s holds what is as narrow, refuses what is wider, and must be repeated", (_, row) => {
    const having = (value: unknown) => Constraints.parse({ [key]: value });
    const outer = having(row.outer);
    for (const value of row.inside) expect(constraintExcess(having(value), outer), String(value)).toBeNull();
    for (const value of row.outside)
      expect(constraintExcess(having(value), outer)).toEqual({ constraint: key, why: "wider" });
    expect(constraintExcess({}, outer)).toEqual({ constraint: key, why: "left_out" });
    // Whatever is said beyond the outer ones only narrows.
    expect(constraintExcess(outer, {})).toBeNull();
  });
});

describe("details", () => {
  it("that name a constraint which is not known stand inside nothing", () => {
    const strange = JSON.parse('{"maxSurprises": 1}') as Constraints;
    expect(constraintExcess(strange, {})).toEqual({ constraint: "maxSurprises", why: "unknown" });
    expect(constraintExcess(strange, strange)).toEqual({ constraint: "maxSurprises", why: "unknown" });
  });

  it("whose limit is counted by somebody else have another limit", () => {
    const excess = constraintExcess({ maxTokensPerDay: 1, quotaScope: "user" }, { maxTokensPerDay: 9 });
    expect(excess).toEqual({ constraint: "quotaScope", why: "wider" });
    expect(constraintExcess({ maxTokensPerDay: 1, quotaScope: "agent" }, { maxTokensPerDay: 9 })).toBeNull();
  });

  const models = "api://azure-openai/models";
  it.each([
    [["chat"], ["*"], ["chat"], [`${models}/gpt-4`], null],
    [["*"], [`${models}/*`], ["*"], [`${models}/*`, `${models}/gpt-4`, `${models}/own/*`], null],
    [["chat"], ["*"], ["*"], ["*"], "actions[0]"],
    [["chat"], ["*"], ["chat", "embedding"], ["*"], "actions[1]"],
    [["*"], [`${models}/*`], ["chat"], ["*"], "locations[0]"],
    [["*"], [`${models}/*`], ["chat"], [models], "locations[0]"],
    [["*"], [`${models}/gpt-4`], ["chat"], [`${models}/gpt-4`, `${models}/gpt-4o`], "locations[1]"],
    [["*"], [`${models}/gpt/*`], ["chat"], [`${models}/gpt-4`], "locations[0]"],
    [["*"], [`${models}/gpt-4`], ["chat"], [`${models}/gpt-4/*`], "locations[0]"],
  ] as const)("%j on %j hold %j on %j: %j", (actions, locations, innerActions, innerLocations, field) => {
    const outer = detailOf({ actions: [...actions], locations: [...locations] });
    const inner = detailOf({ actions: [...innerActions], locations: [...innerLocations] });
    expect(detailExcess(inner, outer)?.field ?? null).toBe(field);
  });
});

/** One that may be inside: it begins as the outer one, and something of it is changed. */
const changedOf = (outer: AuthorizationDetail): fc.Arbitrary<AuthorizationDetail> =>
  fc
    .record({
      actions: fc.oneof(
        { weight: 3, arbitrary: fc.subarray(outer.actions, { minLength: 1 }) },
        fc.constant<AuthorizationDetail["actions"]>(["chat"]),
      ),
      locations: fc.oneof(
        { weight: 3, arbitrary: fc.subarray(outer.locations, { minLength: 1 }) },
        fc.constant<AuthorizationDetail["locations"]>(["api://azure-openai/models/gpt-4"]),
      ),
      constraints: someConstraints.map((more) => ({ ...outer.constraints, ...more })),
    })
    .map((changed) => ({ ...outer, ...changed }));
/** Both say something of the same constraint, so that one is often the wider one where it decides. */
const alike = fc
  .constantFrom(...liveEntries)
  .chain((entry) => fc.tuple(entry, entry))
  .map((entries) =>
    entries.map((entry) => detailOf({ constraints: Constraints.parse(Object.fromEntries([entry])) })),
  )
  .map(([outer = detailOf(), inner = detailOf()]): [AuthorizationDetail, AuthorizationDetail] => [
    outer,
    inner,
  ]);
const changed = someDetail.chain((outer) => fc.tuple(fc.constant(outer), changedOf(outer)));

const decidedWith = (input: DecideInput, authorization: readonly HeldDetail[]) =>
  decide({ ...input, capability: { ...input.capability, authorization } }, { trace: false });
const rank = { denied: 0, pending_approval: 1, allowed: 2 } as const;

/** Whatever the inner decision allows, the outer one allows, by the same grants. */
function expectWithin(
  input: DecideInput,
  inner: readonly HeldDetail[],
  outer: readonly HeldDetail[],
): number {
  const [child, parent] = [decidedWith(input, inner), decidedWith(input, outer)];
  expect(rank[outcomeOf(child)]).toBeLessThanOrEqual(rank[outcomeOf(parent)]);
  const allowing = new Set(candidatesOf(parent).map(({ grantId }) => grantId));
  for (const { grantId } of candidatesOf(child)) expect(allowing).toContain(grantId);
  return candidatesOf(child).length;
}

const someToken = TokenId.parse(`token_${"0".repeat(31)}5`);
const within = (inner: AuthorizationDetail, outer: AuthorizationDetail): HeldDetail => ({
  ...inner,
  within: [{ rootTokenId: someToken, detail: outer }],
});
const pair = fc.oneof(alike, changed);
/** With a grant that leaves all to the token, what the token says decides. */
const openGrants = fc.oneof(
  fc.constant([policyOf({ actions: ["*"], resources: ["*"] })]),
  policySet.filter((policies) => policies.length > 0),
);
/** Six for each world, which costs more to draw than they do. */
const pairs = fc.array(pair, { minLength: 6, maxLength: 6 });

describe("a child never allows what its parent refuses", () => {
  it("because its details stand inside the parent's, whatever its token says of its ancestors", () => {
    let compared = 0;
    let allowed = 0;
    fc.assert(
      fc.property(pairs, openGrants, anyCircumstances, (drawn, policies, circumstances) => {
        const input = inputOf(policies, circumstances);
        for (const [outer, inner] of drawn) {
          if (detailExcess(inner, outer) !== null) continue;
          compared += 1;
          allowed += expectWithin(input, [inner], [outer]);
        }
      }),
      { numRuns: 500 },
    );
    // Or it would say nothing.
    expect(compared).toBeGreaterThan(500);
    expect(allowed).toBeGreaterThan(20);
  });

  it("because it is held to its ancestors' details as well, whatever its own say", () => {
    let allowed = 0;
    const apart = fc.oneof(changed, fc.tuple(someDetail, someDetail));
    fc.assert(
      fc.property(apart, openGrants, anyCircumstances, ([outer, inner], policies, circumstances) => {
        const input = inputOf(policies, circumstances);
        allowed += expectWithin(input, [within(inner, outer)], [outer]);
        expectWithin(input, [within(inner, outer)], [inner]);
        const held = candidatesOf(decidedWith(input, [within(inner, outer)]));
        // What the parent's limits count, the child charges to the parent.
        const limits = candidatesOf(decidedWith(input, [outer])).flatMap(({ claims }) =>
          claims
            .filter(({ owner }) => owner.startsWith("token:"))
            .map(({ meter, window, limit }) => ({ meter, window, limit })),
        );
        for (const { claims } of held)
          for (const limit of limits)
            expect(claims).toContainEqual(expect.objectContaining({ ...limit, owner: `token:${someToken}` }));
      }),
      { numRuns: 800 },
    );
    expect(allowed).toBeGreaterThan(20);
  });
});

it("narrowing is reflexive and transitive", () => {
  let chained = 0;
  const triple = changed.chain(([outer, middle]) =>
    fc.tuple(fc.constant(outer), fc.constant(middle), changedOf(middle)),
  );
  fc.assert(
    fc.property(triple, ([outer, middle, inner]) => {
      expect(detailExcess(outer, outer)).toBeNull();
      if (detailExcess(middle, outer) !== null || detailExcess(inner, middle) !== null) return;
      chained += 1;
      expect(detailExcess(inner, outer)).toBeNull();
    }),
    { numRuns: 2_000 },
  );
  expect(chained).toBeGreaterThan(300);
});
