// Guarantee G9, no inert constraint: each live key alone changes the outcome, every other key refuses by name.
import { describe, expect, it } from "vitest";
import {
  type ConstraintKey,
  type Constraints,
  Constraints as ConstraintsSchema,
} from "../../../src/policy/constraints.ts";
import type { Verdict } from "../../../src/policy/decision.ts";
import {
  ask,
  capability,
  claimLine,
  type DecideInput,
  detailOf,
  firstCandidate,
  judge,
  outcomeOf,
  place,
  policyId,
  policyOf,
  tokenId,
} from "./decide-fixture.ts";

interface LiveRow {
  readonly live: true;
  readonly constraint: Constraints;
  /** What it does to an ask that the same grant without it allows. */
  readonly becomes: string;
  /** The nearest value that leaves the outcome alone; null where every value counts something. */
  readonly harmless: Constraints | null;
  /** What it needs beside it to mean anything. */
  readonly beside?: Constraints;
  readonly input?: Partial<DecideInput>;
}
interface LaterRow {
  readonly live: false;
  readonly constraint: Constraints;
}

const unencrypted = { place: { ...place, tlsVersion: "TLSv1.1" } };
const owner = `policy:${policyId(1)}`;
const later = (constraint: Constraints): LaterRow => ({ live: false, constraint });

// A key of the schema without a row does not compile, and fails the first test below.
const rows: Readonly<Record<ConstraintKey, LiveRow | LaterRow>> = {
  allowedTenants: {
    live: true,
    constraint: { allowedTenants: ["tenant-b"] },
    becomes: "tenant_not_allowed",
    harmless: { allowedTenants: ["tenant-b", "tenant-a"] },
  },
  allowedRoles: {
    live: true,
    constraint: { allowedRoles: ["employee"] },
    becomes: "role_not_allowed",
    harmless: { allowedRoles: ["employee", "analyst"] },
  },
  maxTokensPerRequest: {
    live: true,
    constraint: { maxTokensPerRequest: 99 },
    becomes: "tokens_per_request_exceeded",
    harmless: null,
  },
  maxRequestsPerDay: {
    live: true,
    constraint: { maxRequestsPerDay: 5 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/requests/day 1 of 5`,
    harmless: null,
  },
  maxTokensPerDay: {
    live: true,
    constraint: { maxTokensPerDay: 5_000 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/tokens/day 1100 of 5000`,
    harmless: null,
  },
  maxRequestsPerMinute: {
    live: true,
    constraint: { maxRequestsPerMinute: 5 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/requests/minute 1 of 5`,
    harmless: null,
  },
  maxTokensPerMinute: {
    live: true,
    constraint: { maxTokensPerMinute: 5_000 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/tokens/minute 1100 of 5000`,
    harmless: null,
  },
  maxCostPerDay: {
    live: true,
    constraint: { maxCostPerDay: 0.5 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/cost/day 10250000 of 500000000`,
    harmless: null,
  },
  maxCostPerMonth: {
    live: true,
    constraint: { maxCostPerMonth: 20 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/cost/month 10250000 of 20000000000`,
    harmless: null,
  },
  maxConcurrentRequests: {
    live: true,
    constraint: { maxConcurrentRequests: 3 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/concurrent/open 1 of 3`,
    harmless: null,
  },
  quotaScope: {
    live: true,
    beside: { maxRequestsPerDay: 5 },
    constraint: { quotaScope: "user" },
    becomes: "end_user_required",
    harmless: { quotaScope: "agent" },
  },
  dataClassification: {
    live: true,
    constraint: { dataClassification: "public" },
    becomes: "classification_exceeded",
    harmless: { dataClassification: "internal" },
  },
  encryptionRequired: {
    live: true,
    constraint: { encryptionRequired: true },
    becomes: "encryption_required",
    harmless: { encryptionRequired: false },
    input: unencrypted,
  },
  auditLogging: {
    live: true,
    constraint: { auditLogging: "detailed" },
    becomes: "output null, reserved 1100, detailed, claims none",
    harmless: { auditLogging: "standard" },
  },
  requiresApproval: {
    live: true,
    constraint: { requiresApproval: true },
    becomes: "constraint_not_available",
    harmless: { requiresApproval: false },
  },
  allowedAgents: later({ allowedAgents: [capability.agentId] }),
  maxOutputTokens: later({ maxOutputTokens: 1_000_000 }),
  maxPromptCharacters: later({ maxPromptCharacters: 1_000_000 }),
  parameters: later({ parameters: { temperature: { min: 0, max: 2 } } }),
  deniedPatterns: later({ deniedPatterns: { action: "deny" } }),
  noPersonalData: later({ noPersonalData: true }),
  noSecrets: later({ noSecrets: { action: "redact" } }),
  allowedCountries: later({ allowedCountries: ["DE"] }),
  deniedCountries: later({ deniedCountries: ["KP"] }),
  allowedIpRanges: later({ allowedIpRanges: ["192.0.2.0/24"] }),
  validFrom: later({ validFrom: "2020-01-01T00:00:00.000Z" }),
  validUntil: later({ validUntil: "2099-01-01T00:00:00.000Z" }),
  dataResidency: later({ dataResidency: "eu" }),
  processing: later({ processing: "region" }),
  allowedTools: later({ allowedTools: ["search"] }),
  allowStore: later({ allowStore: true }),
};

function described(verdict: Verdict): string {
  if (verdict.kind === "refused") return verdict.refusal.code;
  const { obligations, claims } = firstCandidate(verdict);
  return [
    `output ${obligations.maxOutputTokens}`,
    `reserved ${obligations.reservedTokens}`,
    obligations.auditLogging,
    `claims ${claims.map(claimLine).join(" and ") || "none"}`,
  ].join(", ");
}

const live = Object.entries(rows).flatMap(([key, row]) => (row.live ? [{ key, ...row }] : []));
const unavailable = Object.entries(rows).flatMap(([key, row]) => (row.live ? [] : [{ key, ...row }]));

describe("the constraint table", () => {
  it("has a row here for every key of the schema, and each row sets that key alone", () => {
    expect(Object.keys(rows).sort()).toEqual(Object.keys(ConstraintsSchema.shape).sort());
    for (const [key, { constraint }] of Object.entries(rows)) {
      expect(Object.keys(ConstraintsSchema.parse(constraint))).toEqual([key]);
    }
  });

  it("rejects a key that is in no row", () => {
    expect(ConstraintsSchema.safeParse({ maxTokenPerRequest: 5 }).success).toBe(false);
  });
});

describe("a live constraint, alone", () => {
  it.each(live)("$key changes the outcome of a grant", ({ constraint, becomes, input, beside = {} }) => {
    const unconstrained = described(judge([policyOf({ constraints: beside })], input));
    expect(unconstrained).toMatch(/^output null, reserved 1100, standard, claims /);
    expect(unconstrained).not.toBe(becomes);
    expect(described(judge([policyOf({ constraints: { ...beside, ...constraint } })], input))).toBe(becomes);
  });

  it.each(live.flatMap((row) => (row.harmless ? [{ ...row, harmless: row.harmless }] : [])))(
    "$key leaves the outcome alone when it is satisfied",
    ({ harmless, input, beside = {} }) => {
      expect(described(judge([policyOf({ constraints: { ...beside, ...harmless } })], input))).toBe(
        described(judge([policyOf({ constraints: beside })], input)),
      );
    },
  );

  it.each(live)(
    "$key does the same inside a token's authorization",
    ({ constraint, becomes, input, beside }) => {
      const constraints = { ...beside, ...constraint };
      const narrowed = { ...capability, authorization: [detailOf({ constraints })] };
      expect(described(judge([policyOf()], { ...input, capability: narrowed }))).toBe(
        becomes.replace(owner, `token:${tokenId}`),
      );
    },
  );

  it("encryptionRequired is indeterminate, and refuses, where the platform names no TLS version", () => {
    const unknown = { place: { ...place, tlsVersion: null } };
    expect(outcomeOf(judge([policyOf({ constraints: { encryptionRequired: true } })], unknown))).toBe(
      "indeterminate",
    );
  });

  it.each(["TLSv1", "TLSv1.1", "SSLv3", "none", "tlsv1.3", ""])(
    "encryptionRequired refuses %j",
    (tlsVersion) => {
      const old = { place: { ...place, tlsVersion } };
      expect(outcomeOf(judge([policyOf({ constraints: { encryptionRequired: true } })], old))).toBe(
        "encryption_required",
      );
    },
  );

  it.each(["TLSv1.2", "TLSv1.3"])("encryptionRequired accepts %s and obliges the gateway", (tlsVersion) => {
    const verdict = judge([policyOf({ constraints: { encryptionRequired: true } })], {
      place: { ...place, tlsVersion },
    });
    expect(firstCandidate(verdict).obligations.encryptionRequired).toBe(true);
  });

  it("dataClassification is a ceiling: each class passes up to it and no further", () => {
    const classes = ["public", "internal", "confidential", "restricted"] as const;
    for (const [ceilingRank, ceiling] of classes.entries()) {
      for (const [rank, classification] of classes.entries()) {
        const verdict = judge([policyOf({ constraints: { dataClassification: ceiling } })], {
          ask: { ...ask, classification },
        });
        expect([ceiling, classification, outcomeOf(verdict)]).toEqual([
          ceiling,
          classification,
          rank <= ceilingRank ? "allowed" : "classification_exceeded",
        ]);
      }
    }
  });
});

describe("a constraint whose machinery is not built yet", () => {
  it.each(unavailable)("$key on a stored grant refuses and names itself", ({ key, constraint }) => {
    const verdict = judge([policyOf({ constraints: constraint })]);
    expect(verdict).toMatchObject({
      kind: "refused",
      refusal: { code: "constraint_not_available", evidence: { constraint: key } },
    });
  });

  it.each(unavailable)("$key on a stored deny refuses even what another grant allows", ({ constraint }) => {
    const deny = policyOf({ id: policyId(2), effect: "deny", constraints: constraint });
    expect(outcomeOf(judge([policyOf(), deny]))).toBe("constraint_not_available");
  });

  it.each(unavailable)("$key in a token refuses", ({ constraint }) => {
    const narrowed = { ...capability, authorization: [detailOf({ constraints: constraint })] };
    expect(outcomeOf(judge([policyOf()], { capability: narrowed }))).toBe("constraint_not_available");
  });

  it("drops its own grant alone", () => {
    const unready = policyOf({ id: policyId(2), constraints: { noPersonalData: true } });
    expect(outcomeOf(judge([unready, policyOf()]))).toBe("allowed");
  });
});
