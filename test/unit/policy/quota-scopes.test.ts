// What a limit counts by, and what each set of limits claims of the ledgers.
import { describe, expect, it } from "vitest";
import { Constraints } from "../../../src/policy/constraints.ts";
import type { Ask } from "../../../src/policy/decision.ts";
import { limitKeys } from "../../../src/policy/limit-claims.ts";
import { TenantLimits } from "../../../src/policy/tenant.ts";
import { QuotaScope } from "../../../src/quota/limit-claim.ts";
import {
  ask,
  capability,
  claimLine,
  detailOf,
  firstCandidate,
  judge,
  outcomeOf,
  policyId,
  policyOf,
  snapshotOf,
  tokenId,
} from "./decide-fixture.ts";

const named: Ask = { ...ask, endUser: "hash-of-user", clientAddress: "hash-of-address" };
const owner = `policy:${policyId(1)}`;
const all = {
  maxRequestsPerMinute: 1,
  maxRequestsPerDay: 2,
  maxTokensPerMinute: 30_000,
  maxTokensPerDay: 40_000,
  maxCostPerDay: 5,
  maxCostPerMonth: 6,
  maxConcurrentRequests: 7,
};
const counted = [
  "requests/minute 1 of 1",
  "requests/day 1 of 2",
  "tokens/minute 1100 of 30000",
  "tokens/day 1100 of 40000",
  "cost/day 10250000 of 5000000000",
  "cost/month 10250000 of 6000000000",
  "concurrent/open 1 of 7",
];
const withSubject = (line: string, subject: string) => line.replace(" ", `/${subject} `);

const linesOf = (constraints: object, changes: Partial<Ask> = {}) =>
  firstCandidate(judge([policyOf({ constraints })], { ask: { ...named, ...changes } })).claims.map(claimLine);

describe("every limit together", () => {
  it("is one claim each, of all that is reserved", () => {
    expect(Object.keys(all).sort()).toEqual([...limitKeys].sort());
    expect(linesOf(all)).toEqual(counted.map((line) => `${owner}/agent/${line}`));
  });

  it("holds for the policy, the token and the tenant at once, each with counters of its own", () => {
    const verdict = judge([], {
      ask: named,
      capability: { ...capability, authorization: [detailOf({ constraints: all })] },
      snapshot: snapshotOf([policyOf({ constraints: all })], all),
    });
    const owners = [`${owner}/agent`, `token:${tokenId}/agent`, "tenant:tenant-a/tenant"];
    expect(firstCandidate(verdict).claims.map(claimLine)).toEqual(
      owners.flatMap((name) => counted.map((line) => `${name}/${line}`)),
    );
  });

  it("is the same set of keys for a tenant, which has no scope to choose", () => {
    expect(TenantLimits.parse(all)).toEqual(all);
    expect(Constraints.parse(all)).toEqual(all);
    expect(TenantLimits.safeParse({ ...all, quotaScope: "user" }).success).toBe(false);
  });
});

describe("quotaScope", () => {
  it.each([
    ["agent", counted],
    ["tenant", counted],
    ["user", counted.map((line) => withSubject(line, "hash-of-user"))],
    ["address", counted.map((line) => withSubject(line, "hash-of-address"))],
  ])("%s names the counters", (quotaScope, lines) => {
    expect(linesOf({ ...all, quotaScope })).toEqual(lines.map((line) => `${owner}/${quotaScope}/${line}`));
  });

  it("is chosen by each set for itself", () => {
    const authorization = [detailOf({ constraints: { maxRequestsPerDay: 3, quotaScope: "address" } })];
    const verdict = judge([policyOf({ constraints: { maxRequestsPerDay: 9, quotaScope: "user" } })], {
      ask: named,
      capability: { ...capability, authorization },
    });
    expect(firstCandidate(verdict).claims.map(claimLine)).toEqual([
      `${owner}/user/requests/day/hash-of-user 1 of 9`,
      `token:${tokenId}/address/requests/day/hash-of-address 1 of 3`,
    ]);
  });

  it("user refuses who names no end user, and says how to", () => {
    const verdict = judge([policyOf({ constraints: { maxRequestsPerDay: 9, quotaScope: "user" } })], {
      ask: { ...named, endUser: null },
    });
    expect(verdict).toMatchObject({
      refusal: { code: "end_user_required", message: expect.stringMatching(/`safety_identifier` or `user`/) },
    });
  });

  it("address is indeterminate where the platform names no address", () => {
    const verdict = judge([policyOf({ constraints: { maxRequestsPerDay: 9, quotaScope: "address" } })], {
      ask: { ...named, clientAddress: null },
    });
    expect(verdict).toMatchObject({
      refusal: { code: "indeterminate", evidence: { constraint: "quotaScope", missing: "client address" } },
    });
  });

  it.each(QuotaScope.options)("%s alone, without a limit, asks for nothing", (quotaScope) => {
    expect(linesOf({ quotaScope }, { endUser: null, clientAddress: null })).toEqual([]);
  });

  it("that cannot be counted drops its own grant alone", () => {
    const perUser = policyOf({ constraints: { maxRequestsPerDay: 9, quotaScope: "user" } });
    expect(outcomeOf(judge([perUser, policyOf({ id: policyId(2) })]))).toBe("allowed");
  });
});
