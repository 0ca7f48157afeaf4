// Boundaries: an ask must be inside all of them, and what they limit binds together with whatever grant allows.
import { describe, expect, it } from "vitest";
import {
  ask,
  candidatesOf,
  capability,
  claimLine,
  detailOf,
  firstCandidate,
  judge,
  outcomeOf,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";

const boundary = (changes: Record<string, unknown> = {}) =>
  policyOf({ id: policyId(7), kind: "boundary", ...changes });

describe("what a boundary covers", () => {
  it("is all that may be done: another action or resource is outside, and named", () => {
    expect(judge([policyOf(), boundary({ actions: ["embedding"] })])).toMatchObject({
      refusal: {
        code: "outside_boundary",
        evidence: { constraint: "actions", actual: "chat", limit: ["embedding"], policyId: policyId(7) },
      },
      policyIds: [policyId(7)],
    });
    const elsewhere = boundary({ resources: ["api://azure-openai/models/gpt-4o"] });
    expect(judge([policyOf(), elsewhere])).toMatchObject({
      refusal: { code: "outside_boundary", evidence: { constraint: "resources", actual: ask.resource } },
    });
  });

  it("grants nothing by itself", () => {
    expect(outcomeOf(judge([boundary()]))).toBe("no_matching_grant");
  });

  it("must hold of every boundary, the platform's and the tenant's", () => {
    const platform = boundary({ scope: "platform" });
    const narrow = boundary({ id: policyId(8), constraints: { allowedRoles: ["employee"] } });
    const judged = (tenants: Parameters<typeof snapshotOf>[0], platforms: typeof tenants) =>
      outcomeOf(judge([], { snapshot: snapshotOf([policyOf(), ...tenants], {}, platforms) }));
    expect(judged([], [platform])).toBe("allowed");
    expect(judged([boundary()], [platform])).toBe("allowed");
    expect(judged([narrow], [platform])).toBe("outside_boundary");
    expect(judged([boundary()], [{ ...narrow, scope: "platform" }])).toBe("outside_boundary");
  });

  it("is not asked of a boundary in shadow", () => {
    expect(outcomeOf(judge([policyOf(), boundary({ actions: ["embedding"], mode: "shadow" })]))).toBe(
      "allowed",
    );
  });

  it("that cannot be judged denies", () => {
    const german = boundary({ constraints: { allowedCountries: ["DE"] } });
    expect(judge([policyOf(), german], { place: { ...place, country: null } })).toMatchObject({
      refusal: {
        code: "indeterminate",
        evidence: { constraint: "allowedCountries", missing: "country", policyId: policyId(7) },
      },
      policyIds: [policyId(7)],
    });
  });

  it("comes after the denies: a matching deny is what is told", () => {
    const deny = policyOf({ id: policyId(2), effect: "deny", priority: 900 });
    expect(outcomeOf(judge([policyOf(), deny, boundary({ actions: ["embedding"] })]))).toBe(
      "denied_by_policy",
    );
  });
});

describe("what a boundary limits", () => {
  const limited = boundary({
    constraints: { maxTokensPerRequest: 400, maxRequestsPerDay: 9, auditLogging: "detailed" },
  });

  it("is counted under its own name, after the grant's, for every grant", () => {
    const grants = [
      policyOf({ constraints: { maxRequestsPerDay: 5 } }),
      policyOf({ id: policyId(2), constraints: { maxTokensPerRequest: 300 } }),
    ];
    const candidates = candidatesOf(judge([...grants, limited]));
    expect(candidates.map(({ claims }) => claims.map(claimLine))).toEqual([
      [`policy:${policyId(1)}/agent/requests/day 1 of 5`, `policy:${policyId(7)}/agent/requests/day 1 of 9`],
      [`policy:${policyId(7)}/agent/requests/day 1 of 9`],
    ]);
    expect(candidates.map(({ obligations }) => obligations.maxOutputTokens)).toEqual([300, 200]);
    expect(candidates.map(({ obligations }) => obligations.auditLogging)).toEqual(["detailed", "detailed"]);
    expect(candidates.map(({ policyIds }) => policyIds)).toEqual([
      [policyId(1), policyId(7)],
      [policyId(2), policyId(7)],
    ]);
  });

  it("joins what the token limits", () => {
    const authorization = [detailOf({ constraints: { maxTokensPerRequest: 250 } })];
    const verdict = judge([policyOf(), limited], { capability: { ...capability, authorization } });
    expect(firstCandidate(verdict).obligations.maxOutputTokens).toBe(150);
  });

  it("drops every grant where no room is left", () => {
    const tight = boundary({ constraints: { maxTokensPerRequest: 100 } });
    expect(outcomeOf(judge([policyOf(), tight]))).toBe("tokens_per_request_exceeded");
  });
});
