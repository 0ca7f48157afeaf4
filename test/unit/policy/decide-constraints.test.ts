// Guarantee G9, no inert constraint: each live key alone changes the outcome, every other key refuses by name.
import { describe, expect, it } from "vitest";
import type { Backend } from "../../../src/azure/backend.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { checkPolicy } from "../../../src/policy/check-policy.ts";
import {
  type ConstraintKey,
  type Constraints,
  Constraints as ConstraintsSchema,
} from "../../../src/policy/constraints.ts";
import type { Verdict } from "../../../src/policy/decision.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import {
  ask,
  capability,
  claimLine,
  type DecideInput,
  detailOf,
  firstCandidate,
  judge,
  nowMs,
  outcomeOf,
  place,
  policyId,
  policyOf,
  snapshotOf,
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
  /** The backends of the ask's deployment, where others than the usual ones show the difference. */
  readonly backends?: readonly Backend[];
  /** On a boundary, where that is not what it does to a grant. */
  readonly onBoundary?: Pick<LiveRow, "constraint" | "becomes" | "beside">;
  /** In a token, where that is not what it does to a grant. */
  readonly inToken?: Pick<LiveRow, "constraint" | "becomes" | "beside">;
  /** Whether it can select whom a deny is for. */
  readonly selects: boolean;
}
interface LaterRow {
  readonly live: false;
  readonly constraint: Constraints;
}

const unencrypted = { place: { ...place, tlsVersion: "TLSv1.1" } };
const owner = `policy:${policyId(1)}`;
const boundaryId = policyId(3);
/** Storing is the grant's to permit; everyone else can only forbid it. */
const forbidsStoring = {
  beside: { allowStore: true },
  constraint: { allowStore: false },
  becomes: "output null, reserved 1100, standard, claims none",
};
const otherAgent = `agent_${"0".repeat(31)}2`;
/** What says of the inside of a boundary that the ask is not in it, though it does not select. */
const insideCodes = new Set([
  "tool_not_allowed",
  "prompt_characters_exceeded",
  "parameter_not_allowed",
  "pattern_denied",
]);
const later = (constraint: Constraints): LaterRow => ({ live: false, constraint });

// A key of the schema without a row does not compile, and fails the first test below.
const rows: Readonly<Record<ConstraintKey, LiveRow | LaterRow>> = {
  allowedTenants: {
    live: true,
    selects: true,
    constraint: { allowedTenants: ["tenant-b"] },
    becomes: "tenant_not_allowed",
    harmless: { allowedTenants: ["tenant-b", "tenant-a"] },
  },
  allowedRoles: {
    live: true,
    selects: true,
    constraint: { allowedRoles: ["employee"] },
    becomes: "role_not_allowed",
    harmless: { allowedRoles: ["employee", "analyst"] },
  },
  maxTokensPerRequest: {
    live: true,
    selects: false,
    constraint: { maxTokensPerRequest: 99 },
    becomes: "tokens_per_request_exceeded",
    harmless: null,
  },
  maxRequestsPerDay: {
    live: true,
    selects: false,
    constraint: { maxRequestsPerDay: 5 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/requests/day 1 of 5`,
    harmless: null,
  },
  maxTokensPerDay: {
    live: true,
    selects: false,
    constraint: { maxTokensPerDay: 5_000 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/tokens/day 1100 of 5000`,
    harmless: null,
  },
  maxRequestsPerMinute: {
    live: true,
    selects: false,
    constraint: { maxRequestsPerMinute: 5 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/requests/minute 1 of 5`,
    harmless: null,
  },
  maxTokensPerMinute: {
    live: true,
    selects: false,
    constraint: { maxTokensPerMinute: 5_000 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/tokens/minute 1100 of 5000`,
    harmless: null,
  },
  maxCostPerDay: {
    live: true,
    selects: false,
    constraint: { maxCostPerDay: 0.5 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/cost/day 10250000 of 500000000`,
    harmless: null,
  },
  maxCostPerMonth: {
    live: true,
    selects: false,
    constraint: { maxCostPerMonth: 20 },
    becomes: `output 1000, reserved 1100, standard, claims ${owner}/agent/cost/month 10250000 of 20000000000`,
    harmless: null,
  },
  maxConcurrentRequests: {
    live: true,
    selects: false,
    constraint: { maxConcurrentRequests: 3 },
    becomes: `output null, reserved 1100, standard, claims ${owner}/agent/concurrent/open 1 of 3`,
    harmless: null,
  },
  quotaScope: {
    live: true,
    selects: false,
    beside: { maxRequestsPerDay: 5 },
    constraint: { quotaScope: "user" },
    becomes: "end_user_required",
    harmless: { quotaScope: "agent" },
  },
  dataClassification: {
    live: true,
    selects: true,
    constraint: { dataClassification: "public" },
    becomes: "classification_exceeded",
    harmless: { dataClassification: "internal" },
  },
  encryptionRequired: {
    live: true,
    selects: true,
    constraint: { encryptionRequired: true },
    becomes: "encryption_required",
    harmless: { encryptionRequired: false },
    input: unencrypted,
  },
  auditLogging: {
    live: true,
    selects: false,
    constraint: { auditLogging: "detailed" },
    becomes: "output null, reserved 1100, detailed, claims none",
    harmless: { auditLogging: "standard" },
  },
  requiresApproval: {
    live: true,
    selects: false,
    constraint: { requiresApproval: true },
    becomes: "output null, reserved 1100, standard, once approved, claims none",
    harmless: { requiresApproval: false },
  },
  allowedAgents: {
    live: true,
    selects: true,
    constraint: { allowedAgents: [otherAgent] },
    becomes: "agent_not_allowed",
    harmless: { allowedAgents: [otherAgent, capability.agentId] },
  },
  maxOutputTokens: {
    live: true,
    selects: false,
    constraint: { maxOutputTokens: 50 },
    becomes: "output 50, reserved 150, standard, claims none",
    harmless: null,
  },
  maxPromptCharacters: {
    live: true,
    selects: false,
    constraint: { maxPromptCharacters: 399 },
    becomes: "prompt_characters_exceeded",
    harmless: { maxPromptCharacters: 400 },
  },
  parameters: {
    live: true,
    selects: false,
    constraint: { parameters: { temperature: { min: 0, max: 1 } } },
    becomes: "parameter_not_allowed",
    harmless: { parameters: { temperature: { min: 1.5, max: 1.5 } } },
    input: { ask: { ...ask, content: { ...ask.content, parameters: { temperature: 1.5 } } } },
  },
  deniedPatterns: {
    live: true,
    selects: false,
    constraint: { deniedPatterns: { patterns: ["Project X"], action: "deny" } },
    becomes: "pattern_denied",
    harmless: { deniedPatterns: { builtIn: ["script_markup"], action: "deny" } },
    input: { ask: { ...ask, content: { ...ask.content, literals: ["project x"] } } },
  },
  noPersonalData: later({ noPersonalData: true }),
  noSecrets: later({ noSecrets: { action: "redact" } }),
  allowedCountries: {
    live: true,
    selects: true,
    constraint: { allowedCountries: ["FR", "US"] },
    becomes: "residency_country",
    harmless: { allowedCountries: ["FR", "DE"] },
  },
  deniedCountries: {
    live: true,
    selects: true,
    constraint: { deniedCountries: ["KP", "DE"] },
    becomes: "residency_country",
    harmless: { deniedCountries: ["KP"] },
  },
  allowedIpRanges: {
    live: true,
    selects: true,
    constraint: { allowedIpRanges: ["198.51.100.0/24"] },
    becomes: "address_not_allowed",
    harmless: { allowedIpRanges: ["198.51.100.0/24", "192.0.2.0/30"] },
  },
  validFrom: {
    live: true,
    selects: true,
    constraint: { validFrom: timestampOf(nowMs + 1) },
    becomes: "outside_validity",
    harmless: { validFrom: timestampOf(nowMs) },
  },
  validUntil: {
    live: true,
    selects: true,
    constraint: { validUntil: timestampOf(nowMs) },
    becomes: "outside_validity",
    harmless: { validUntil: timestampOf(nowMs + 1) },
  },
  dataResidency: {
    live: true,
    selects: false,
    constraint: { dataResidency: "us" },
    becomes: "residency_backend",
    // Nothing that leaves the decision as it is: it always obliges. Which backends are left is tested below.
    harmless: null,
  },
  processing: {
    live: true,
    selects: false,
    constraint: { processing: "region" },
    becomes: "residency_backend",
    harmless: { processing: "global" },
    backends: [backendOf({ sku: "DataZoneStandard" })],
  },
  allowedTools: {
    live: true,
    selects: false,
    constraint: { allowedTools: ["function"] },
    becomes: "tool_not_allowed",
    harmless: null,
    input: { ask: { ...ask, tools: ["function:search", "web_search"] } },
  },
  allowStore: {
    live: true,
    selects: false,
    constraint: { allowStore: true },
    becomes: "output null, reserved 1100, standard, may store, claims none",
    harmless: { allowStore: false },
    onBoundary: forbidsStoring,
    inToken: forbidsStoring,
  },
};

const judgeRow = (policies: readonly Policy[], { input, backends }: Pick<LiveRow, "input" | "backends">) => {
  const snapshot = snapshotOf(policies);
  const deployments = backends ? [deploymentOf({ backends })] : snapshot.platform.deployments;
  return judge(policies, {
    snapshot: { ...snapshot, platform: { ...snapshot.platform, deployments } },
    ...input,
  });
};

function described(verdict: Verdict): string {
  if (verdict.kind === "refused") return verdict.refusal.code;
  const { obligations, claims, approvalFrom } = firstCandidate(verdict);
  return [
    `output ${obligations.maxOutputTokens}`,
    `reserved ${obligations.reservedTokens}`,
    obligations.auditLogging,
    ...(obligations.allowStore ? ["may store"] : []),
    ...(approvalFrom.length > 0 ? ["once approved"] : []),
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
  it.each(live)("$key changes the outcome of a grant", ({ constraint, becomes, beside = {}, ...row }) => {
    const unconstrained = described(judgeRow([policyOf({ constraints: beside })], row));
    expect(unconstrained).toMatch(/^output null, reserved 1100, standard, claims /);
    expect(unconstrained).not.toBe(becomes);
    expect(described(judgeRow([policyOf({ constraints: { ...beside, ...constraint } })], row))).toBe(becomes);
  });

  it.each(live.filter(({ selects }) => selects))(
    "$key decides whom a deny is for: those that a grant with it would cover",
    ({ constraint, harmless, ...row }) => {
      const denying = (constraints: Constraints) =>
        policyOf({ id: policyId(2), effect: "deny", constraints });
      const outcome = (constraints: Constraints | null) =>
        outcomeOf(judgeRow([policyOf(), denying(constraints ?? {})], row));
      expect(outcome(constraint)).toBe("allowed");
      expect(outcome(harmless)).toBe("denied_by_policy");
    },
  );

  it.each(live.filter(({ selects }) => !selects))(
    "$key on a deny is refused when it is written",
    ({ key, constraint, beside }) => {
      const { id, scope, createdAt, updatedAt, ...deny } = policyOf({
        effect: "deny",
        constraints: { ...beside, ...constraint },
      });
      expect(checkPolicy(deny)).toMatchObject({
        code: "meaningless",
        field: `constraints.${Object.keys({ ...beside, ...constraint })[0] ?? key}`,
      });
    },
  );

  it.each(live)("$key on a boundary binds whatever grant allows", ({ onBoundary, ...row }) => {
    const { constraint, becomes, beside } = onBoundary ?? row;
    const grant = policyOf({ constraints: onBoundary?.beside ?? {} });
    const constraints = onBoundary ? constraint : { ...beside, ...constraint };
    const boundary = policyOf({ id: boundaryId, kind: "boundary", constraints });
    const plain = policyOf({ id: boundaryId, kind: "boundary", constraints: onBoundary ? {} : beside });
    const bounded = judgeRow([grant, boundary], row);
    expect(described(judgeRow([grant, plain], row))).not.toBe(described(bounded));
    if (row.selects || insideCodes.has(becomes)) {
      expect(bounded).toMatchObject({
        refusal: {
          code: "outside_boundary",
          evidence: { constraint: row.key, unmet: becomes, policyId: boundaryId },
        },
        policyIds: [boundaryId],
      });
    } else {
      expect(described(bounded)).toBe(becomes.replace(owner, `policy:${boundaryId}`));
    }
  });

  it.each(live.flatMap((row) => (row.harmless ? [{ ...row, harmless: row.harmless }] : [])))(
    "$key leaves the outcome alone when it is satisfied",
    ({ harmless, beside = {}, ...row }) => {
      expect(described(judgeRow([policyOf({ constraints: { ...beside, ...harmless } })], row))).toBe(
        described(judgeRow([policyOf({ constraints: beside })], row)),
      );
    },
  );

  it.each(live)("$key does the same inside a token's authorization", ({ inToken, ...row }) => {
    const { constraint, becomes, beside } = inToken ?? row;
    const grant = policyOf({ constraints: inToken?.beside ?? {} });
    const constraints = inToken ? constraint : { ...beside, ...constraint };
    const narrowed = { ...capability, authorization: [detailOf({ constraints })] };
    expect(described(judgeRow([grant], { ...row, input: { ...row.input, capability: narrowed } }))).toBe(
      becomes.replace(owner, `token:${tokenId}`),
    );
  });

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

  it.each(unavailable)("$key on a stored boundary refuses whatever a grant allows", ({ constraint }) => {
    const boundary = policyOf({ id: policyId(2), kind: "boundary", constraints: constraint });
    expect(outcomeOf(judge([policyOf(), boundary]))).toBe("constraint_not_available");
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
