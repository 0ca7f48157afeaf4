// What decisions come out of policies, by example: the three policies of the field, order, denies, tokens, counters.
import { describe, expect, it } from "vitest";
import { TenantId } from "../../../src/kernel/ids.ts";
import type { Policy } from "../../../src/policy/policy.ts";
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
  tokenId,
} from "./decide-fixture.ts";

const deny = (changes: Record<string, unknown> = {}) =>
  policyOf({ id: policyId(2), effect: "deny", ...changes });

describe("the example policies of the field", () => {
  const multiTenant = policyOf({
    actions: ["chat", "completion", "embedding"],
    resources: ["api://azure-openai/models/*"],
    constraints: { allowedTenants: ["tenant-a", "tenant-b"], maxTokensPerDay: 50_000 },
  });
  const internalTools = policyOf({
    actions: ["*"],
    resources: ["api://azure-openai/*"],
    constraints: { allowedRoles: ["employee"], requiresApproval: false },
  });
  const healthcare = policyOf({
    constraints: { noPersonalData: true, encryptionRequired: true, auditLogging: "detailed" },
  });

  it("multi-tenant: a listed tenant is allowed and its tokens of the day are counted", () => {
    const candidate = firstCandidate(judge([multiTenant]));
    expect(candidate.claims.map(claimLine)).toEqual([`policy:${policyId(1)}/agent/tokens/day 1100 of 50000`]);
    expect(candidate.obligations.maxOutputTokens).toBe(1_000);
  });

  it("multi-tenant: a tenant that is not listed is refused", () => {
    const stranger = { ...capability, tenantId: TenantId.parse("tenant-x") };
    expect(outcomeOf(judge([multiTenant], { capability: stranger }))).toBe("tenant_not_allowed");
  });

  it("internal tools: an employee may do anything on anything of Azure OpenAI", () => {
    const employee = { ...capability, roles: ["employee"] };
    for (const action of ["chat", "embedding", "image", "audio", "response"] as const) {
      expect(outcomeOf(judge([internalTools], { capability: employee, ask: { ...ask, action } }))).toBe(
        "allowed",
      );
    }
    expect(outcomeOf(judge([internalTools]))).toBe("role_not_allowed");
    const elsewhere = { ...ask, resource: "api://other/models/gpt-4" };
    expect(outcomeOf(judge([internalTools], { capability: employee, ask: elsewhere }))).toBe(
      "no_matching_grant",
    );
  });

  it("healthcare: refuses until personal data can be found", () => {
    expect(judge([healthcare])).toMatchObject({
      kind: "refused",
      refusal: { code: "constraint_not_available", evidence: { constraint: "noPersonalData" } },
      policyIds: [policyId(1)],
    });
  });
});

describe("which policies apply", () => {
  it("denies by default", () => {
    expect(outcomeOf(judge([]))).toBe("no_matching_grant");
    expect(outcomeOf(judge([policyOf({ actions: ["embedding"] })]))).toBe("no_matching_grant");
    expect(outcomeOf(judge([policyOf({ resources: ["api://azure-openai/models/gpt-4o"] })]))).toBe(
      "no_matching_grant",
    );
  });

  it("lets any matching deny win, whatever its priority and age", () => {
    const verdict = judge([policyOf({ priority: 0 }), deny({ priority: 1_000 })]);
    expect(verdict).toMatchObject({ refusal: { code: "denied_by_policy" }, policyIds: [policyId(2)] });
  });

  it("applies a deny to the asks its selectors describe, and to no others", () => {
    const denyAnalysts = deny({ constraints: { allowedRoles: ["analyst"] } });
    const denyEmployees = deny({ constraints: { allowedRoles: ["employee"] } });
    expect(outcomeOf(judge([policyOf(), denyAnalysts]))).toBe("denied_by_policy");
    expect(outcomeOf(judge([policyOf(), denyEmployees]))).toBe("allowed");
  });

  it("denies where a deny is indeterminate", () => {
    const denyEncrypted = deny({ constraints: { encryptionRequired: true } });
    const nowhere = {
      country: null,
      continent: null,
      isEu: null,
      colo: null,
      tlsVersion: null,
      clientAddress: null,
    };
    expect(outcomeOf(judge([policyOf(), denyEncrypted], { place: nowhere }))).toBe("indeterminate");
  });

  it("does not deny for what is unknown, where the deny certainly does not apply", () => {
    const nowhere = { ...place, country: null };
    const until = (validUntil: string) => deny({ constraints: { allowedCountries: ["KP"], validUntil } });
    const judged = (policy: Policy) => outcomeOf(judge([policyOf(), policy], { place: nowhere }));
    expect(judged(until("2099-01-01T00:00:00.000Z"))).toBe("indeterminate");
    expect(judged(until("2020-01-01T00:00:00.000Z"))).toBe("allowed");
  });

  it.each([
    ["allowedCountries", ["DE"], { country: null }, "country"],
    ["deniedCountries", ["KP"], { country: null }, "country"],
    ["allowedIpRanges", ["192.0.2.0/24"], { clientAddress: null }, "client address"],
    ["allowedIpRanges", ["192.0.2.0/24"], { clientAddress: "somewhere" }, "client address"],
  ])("%s cannot be judged without its fact: grant and deny refuse", (constraint, value, unknown, missing) => {
    const input = { place: { ...place, ...unknown } };
    const constraints = { [constraint]: value };
    const refusal = { code: "indeterminate", evidence: { constraint, missing } };
    expect(judge([policyOf({ constraints })], input)).toMatchObject({ refusal });
    expect(judge([policyOf(), deny({ constraints })], input)).toMatchObject({ refusal });
  });

  it("takes no notice of shadow policies", () => {
    expect(outcomeOf(judge([policyOf(), deny({ mode: "shadow" })]))).toBe("allowed");
    expect(outcomeOf(judge([policyOf({ mode: "shadow" })]))).toBe("no_matching_grant");
  });

  it("counts the platform's policies with the tenant's", () => {
    const platformDeny = deny({ scope: "platform" });
    expect(outcomeOf(judge([], { snapshot: snapshotOf([policyOf()], {}, [platformDeny]) }))).toBe(
      "denied_by_policy",
    );
    const platformGrant = policyOf({ scope: "platform" });
    expect(outcomeOf(judge([], { snapshot: snapshotOf([], {}, [platformGrant]) }))).toBe("allowed");
  });
});

describe("the order of candidates", () => {
  const grants = [
    policyOf({ id: policyId(1), priority: 100, createdAt: "2026-01-02T00:00:00.000Z" }),
    policyOf({ id: policyId(2), priority: 100, createdAt: "2026-01-01T00:00:00.000Z" }),
    policyOf({ id: policyId(3), priority: 5, createdAt: "2026-01-03T00:00:00.000Z" }),
    policyOf({ id: policyId(5), priority: 100, createdAt: "2026-01-02T00:00:00.000Z" }),
  ];
  it("is priority, then age, then id", () => {
    expect(candidatesOf(judge(grants)).map(({ grantId }) => grantId)).toEqual([3, 2, 1, 5].map(policyId));
  });

  it("holds for the platform's grants among the tenant's", () => {
    const [first, ...rest] = grants;
    const snapshot = snapshotOf(rest, {}, first ? [first] : []);
    expect(candidatesOf(judge([], { snapshot })).map(({ grantId }) => grantId)).toEqual(
      [3, 2, 1, 5].map(policyId),
    );
  });
});

describe("a token's authorization", () => {
  it("refuses what no detail covers, before any policy is asked", () => {
    const narrow = { ...capability, authorization: [detailOf({ actions: ["embedding"] })] };
    expect(outcomeOf(judge([policyOf()], { capability: narrow }))).toBe("outside_token");
    const elsewhere = {
      ...capability,
      authorization: [detailOf({ locations: ["api://azure-openai/models/gpt-4o"] })],
    };
    expect(outcomeOf(judge([policyOf()], { capability: elsewhere }))).toBe("outside_token");
  });

  it("grants nothing by itself", () => {
    expect(outcomeOf(judge([], { capability: { ...capability, authorization: [detailOf()] } }))).toBe(
      "no_matching_grant",
    );
  });

  it("offers its details as alternatives", () => {
    const authorization = [
      detailOf({ constraints: { allowedRoles: ["employee"] } }),
      detailOf({ constraints: { maxRequestsPerDay: 7 } }),
    ];
    const verdict = judge([policyOf()], { capability: { ...capability, authorization } });
    expect(candidatesOf(verdict).map(({ claims }) => claims.map(claimLine))).toEqual([
      [`token:${tokenId}/agent/requests/day 1 of 7`],
    ]);
  });
});

describe("claims", () => {
  it("name policy, token and tenant, each with scope, meter and window", () => {
    const verdict = judge([], {
      snapshot: snapshotOf([policyOf({ constraints: { maxRequestsPerDay: 10, maxTokensPerDay: 9_000 } })], {
        maxRequestsPerDay: 1_000,
        maxTokensPerDay: 800_000,
      }),
      capability: {
        ...capability,
        authorization: [detailOf({ constraints: { maxRequestsPerDay: 3, maxTokensPerDay: 7_000 } })],
      },
    });
    expect(firstCandidate(verdict).claims.map(claimLine)).toEqual([
      `policy:${policyId(1)}/agent/requests/day 1 of 10`,
      `policy:${policyId(1)}/agent/tokens/day 1100 of 9000`,
      `token:${tokenId}/agent/requests/day 1 of 3`,
      `token:${tokenId}/agent/tokens/day 1100 of 7000`,
      "tenant:tenant-a/tenant/requests/day 1 of 1000",
      "tenant:tenant-a/tenant/tokens/day 1100 of 800000",
    ]);
  });

  it("keep their names when the policy's limit is edited", () => {
    const nameUnder = (maxRequestsPerDay: number) => {
      const [claim] = firstCandidate(
        judge([policyOf({ name: "Edited", constraints: { maxRequestsPerDay } })]),
      ).claims;
      return claim && [claim.owner, claim.scope, claim.meter, claim.window];
    };
    expect(nameUnder(5)).toEqual(nameUnder(500));
  });

  it("charge each candidate to its own grant", () => {
    const grants = [1, 2].map((index) =>
      policyOf({ id: policyId(index), constraints: { maxRequestsPerDay: 10 * index } }),
    );
    expect(candidatesOf(judge(grants)).map(({ claims }) => claims.map(claimLine))).toEqual([
      [`policy:${policyId(1)}/agent/requests/day 1 of 10`],
      [`policy:${policyId(2)}/agent/requests/day 1 of 20`],
    ]);
  });
});

describe("obligations", () => {
  it("are the grant's plus the token's, never another grant's", () => {
    const audited = policyOf({ id: policyId(1), constraints: { auditLogging: "detailed" } });
    const plain = policyOf({ id: policyId(2) });
    const authorization = [detailOf({ constraints: { encryptionRequired: true } })];
    const verdict = judge([audited, plain], { capability: { ...capability, authorization } });
    expect(
      candidatesOf(verdict).map(({ obligations: { auditLogging, encryptionRequired } }) => ({
        auditLogging,
        encryptionRequired,
      })),
    ).toEqual([
      { auditLogging: "detailed", encryptionRequired: true },
      { auditLogging: "standard", encryptionRequired: true },
    ]);
  });
});
