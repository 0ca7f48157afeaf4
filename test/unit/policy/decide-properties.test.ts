// What must hold of every decision, whatever the policies, the token and the ask.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TenantId } from "../../../src/kernel/ids.ts";
import { policyAdmission } from "../../../src/policy/admission.ts";
import { allowsTool } from "../../../src/policy/allowed-tools.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Candidate } from "../../../src/policy/decision.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { shadowOfAsk } from "../../../src/policy/shadow.ts";
import type { LimitClaim } from "../../../src/quota/limit-claim.ts";
import { candidatesOf, claimLine, outcomeOf, policyId, policyOf } from "./decide-fixture.ts";
import {
  anyCircumstances,
  boundary,
  deny,
  grant,
  inputOf,
  policySet,
  someDetails,
} from "./policy-arbitraries.ts";
import { wildAsk, wildPolicies } from "./wild-arbitraries.ts";

const runs = { numRuns: 1_000 };

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** Whether one candidate of a grant permits nothing that the other of it does not. */
function isWithin(narrow: Candidate, wide: Candidate | undefined): boolean {
  if (wide === undefined || narrow.grantId !== wide.grantId) return false;
  const [of, than] = [narrow.obligations, wide.obligations];
  const held = narrow.claims.map(({ amount, ...claim }) => JSON.stringify(claim));
  return (
    wide.claims.every(({ amount, ...claim }) => held.includes(JSON.stringify(claim))) &&
    of.reservedTokens <= than.reservedTokens &&
    (of.maxOutputTokens ?? Infinity) <= (than.maxOutputTokens ?? Infinity) &&
    (of.auditLogging === "detailed" || than.auditLogging === "standard") &&
    (of.encryptionRequired || !than.encryptionRequired) &&
    (!of.allowStore || than.allowStore) &&
    (than.stripPatterns?.builtIn ?? []).every((set) => of.stripPatterns?.builtIn.includes(set)) &&
    (than.stripPatterns?.patterns ?? []).every((text) => of.stripPatterns?.patterns.includes(text)) &&
    (of.allowedTools ?? ["*"]).every((tool) =>
      (than.allowedTools ?? [tool]).some((allowed) => allowsTool([allowed], tool)),
    ) &&
    (than.residency?.dataResidency ?? of.residency?.dataResidency) === of.residency?.dataResidency &&
    rank[of.residency?.processing ?? "global"] <= rank[than.residency?.processing ?? "global"]
  );
}
const rank = { region: 0, zone: 1, global: 2 } as const;

describe("policies together", () => {
  it("a further deny never turns a refusal into an allowance, nor adds a candidate", () => {
    fc.assert(
      fc.property(policySet, deny, anyCircumstances, (policies, further, circumstances) => {
        const before = candidatesOf(decide(inputOf(policies, circumstances)));
        const after = candidatesOf(decide(inputOf([...policies, further], circumstances)));
        expect([[], before]).toContainEqual(after);
      }),
      runs,
    );
  });

  it("a further grant never turns an allowance into a refusal, nor takes a candidate away", () => {
    fc.assert(
      fc.property(policySet, grant, anyCircumstances, (policies, further, circumstances) => {
        const before = candidatesOf(decide(inputOf(policies, circumstances)));
        const after = candidatesOf(decide(inputOf([...policies, further], circumstances)));
        expect(after.filter(({ grantId }) => grantId !== further.id)).toEqual(before);
      }),
      runs,
    );
  });

  it("a further boundary never turns a refusal into an allowance, adds no candidate, and loosens none", () => {
    // Whoever names no counts is reserved what a request may use, so only asks with counts compare.
    const counted = anyCircumstances.filter(({ ask }) => ask.outputTokens !== null);
    fc.assert(
      fc.property(policySet, boundary, counted, (policies, further, circumstances) => {
        const before = candidatesOf(decide(inputOf(policies, circumstances)));
        const after = candidatesOf(decide(inputOf([...policies, further], circumstances)));
        let next = 0;
        for (const candidate of after) {
          while (before[next] && !isWithin(candidate, before[next])) next += 1;
          expect(before[next], "a candidate that was there and is no looser").toBeDefined();
          next += 1;
        }
      }),
      runs,
    );
  });

  it("their order in the snapshot never matters", () => {
    const shuffled = policySet.chain((policies) =>
      fc.tuple(fc.constant(policies), fc.shuffledSubarray([...policies], { minLength: policies.length })),
    );
    fc.assert(
      fc.property(shuffled, anyCircumstances, ([policies, others], circumstances) => {
        expect(decide(inputOf(others, circumstances))).toEqual(decide(inputOf(policies, circumstances)));
      }),
      runs,
    );
  });

  it("one that is listed twice changes nothing but that its candidates come twice", () => {
    const withTwice = policySet
      .filter((policies) => policies.length > 0)
      .chain((policies) => fc.tuple(fc.constant(policies), fc.constantFrom(...policies)));
    fc.assert(
      fc.property(withTwice, anyCircumstances, ([policies, twice], circumstances) => {
        const [once, doubled] = [policies, [twice, ...policies]].map((set) =>
          decide(inputOf(set, circumstances)),
        );
        if (!once || !doubled) throw new Error("Two were decided.");
        expect(outcomeOf(doubled)).toBe(outcomeOf(once));
        const distinct = (verdict: typeof once) => [
          ...new Map(candidatesOf(verdict).map((one) => [JSON.stringify(one), one])).values(),
        ];
        if (twice.kind === "grant") expect(distinct(doubled)).toEqual(distinct(once));
      }),
      { numRuns: 300 },
    );
  });

  it("a policy written twice changes no outcome", () => {
    const withCopy = policySet
      .filter((policies) => policies.length > 0)
      .chain((policies) => fc.tuple(fc.constant(policies), fc.constantFrom(...policies)));
    fc.assert(
      fc.property(withCopy, anyCircumstances, ([policies, original], circumstances) => {
        const copy: Policy = { ...original, id: policyId(777) };
        expect(outcomeOf(decide(inputOf([...policies, copy], circumstances)))).toBe(
          outcomeOf(decide(inputOf(policies, circumstances))),
        );
      }),
      runs,
    );
  });

  it("refuse nothing before the body that they would allow with it", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, fc.boolean(), (policies, circumstances, isNamed) => {
        const input = inputOf(policies, circumstances);
        const { action, resource, classification } = circumstances.ask;
        const asked = { action, ...(isNamed ? { resource } : {}) };
        const excluded = policyAdmission({ ...input, asked, classification });
        if (excluded) expect(decide(input).kind).toBe("refused");
      }),
      runs,
    );
  });

  it("without any grant, everything is refused", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const withoutGrants = policies.filter(({ effect, kind }) => effect === "deny" || kind === "boundary");
        expect(decide(inputOf(withoutGrants, circumstances)).kind).toBe("refused");
        expect(decide(inputOf([], circumstances)).kind).toBe("refused");
      }),
    );
  });

  it("a deny of the ask without constraints always denies", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const { action, resource } = circumstances.ask;
        const plain = policyOf({
          id: policyId(800),
          effect: "deny",
          actions: [action],
          resources: [resource],
        });
        expect(decide(inputOf([...policies, plain], circumstances)).kind).toBe("refused");
      }),
      runs,
    );
  });
});

const withPolicy = <P extends { readonly policies: readonly Policy[] }>(part: P, policy: Policy): P => ({
  ...part,
  policies: [...part.policies, policy],
});

describe("the decision", () => {
  it("is total, deterministic and leaves its input alone", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const input = frozen(inputOf(policies, circumstances));
        expect(decide(input)).toEqual(decide(input));
      }),
      runs,
    );
  });

  it("is made without the policies of other tenants, wherever they have come to lie", () => {
    const foreign = fc
      .tuple(fc.oneof(grant, deny, boundary), fc.constantFrom("tenant-b", "default-tenant"))
      .map(([policy, scope]): Policy => ({ ...policy, scope: TenantId.parse(scope) }));
    fc.assert(
      fc.property(policySet, foreign, anyCircumstances, (policies, further, circumstances) => {
        const input = inputOf(policies, circumstances);
        const { platform, tenant } = input.snapshot;
        const beside = { ...input, snapshot: { platform, tenant: withPolicy(tenant, further) } };
        expect(decide(beside)).toEqual(decide(input));
        const above = { ...input, snapshot: { platform: withPolicy(platform, further), tenant } };
        expect(decide(above)).toEqual(decide(input));
      }),
      { numRuns: 300 },
    );
  });

  it("is total: no policy, token or ask that a schema takes makes it throw", () => {
    fc.assert(
      fc.property(wildPolicies, wildAsk, anyCircumstances, (policies, changes, circumstances) => {
        const ask = { ...circumstances.ask, ...changes };
        const details = policies.map(({ actions, resources: locations, constraints }) => ({
          type: "model_invocation" as const,
          actions,
          locations,
          constraints,
        }));
        for (const authorization of [null, details]) {
          const capability = { ...circumstances.capability, authorization };
          const input = inputOf(policies, { ...circumstances, ask, capability });
          expect(["refused", "candidates"]).toContain(decide(input).kind);
          expect(outcomeOf(decide(input, { trace: false }))).toBe(outcomeOf(decide(input)));
          const { action, resource, classification } = ask;
          policyAdmission({ ...input, asked: { action, resource }, classification });
          shadowOfAsk(input, decide(input).kind === "candidates" ? "allowed" : "denied");
        }
      }),
      { numRuns: 300 },
    );
  });

  it("does not change with policies that are for other tenants", () => {
    const foreign = fc.oneof(grant, deny).map(
      (policy): Policy => ({
        ...policy,
        scope: "platform",
        constraints: { allowedTenants: ["tenant-b", "tenant-c"] },
      }),
    );
    fc.assert(
      fc.property(policySet, foreign, anyCircumstances, (policies, further, circumstances) => {
        expect(candidatesOf(decide(inputOf([...policies, further], circumstances)))).toEqual(
          candidatesOf(decide(inputOf(policies, circumstances))),
        );
      }),
      runs,
    );
  });

  it("charges counters of the policy, the boundaries, the token and the capability's own tenant alone", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const tenantId = TenantId.parse("tenant-z");
        const capability = { ...circumstances.capability, tenantId };
        const boundaries = policies.filter(({ kind }) => kind === "boundary");
        for (const { grantId, claims } of candidatesOf(
          decide(inputOf(policies, { ...circumstances, capability })),
        )) {
          const owners = [
            `policy:${grantId}`,
            ...boundaries.map(({ id }) => `policy:${id}`),
            `token:${capability.rootTokenId}`,
            "tenant:tenant-z",
          ];
          for (const claim of claims) {
            expect(owners).toContain(claim.owner);
            if (claim.owner.startsWith("tenant:")) expect(claim.scope).toBe("tenant");
            const { endUser, clientAddress } = circumstances.ask;
            const subjects = { agent: null, tenant: null, user: endUser, address: clientAddress };
            expect(claim.subject).toBe(subjects[claim.scope]);
            expect(claim.subject === null).toBe(claim.scope === "agent" || claim.scope === "tenant");
          }
        }
      }),
      runs,
    );
  });
});

describe("a token's authorization details", () => {
  const within = (narrow: readonly LimitClaim[], wide: readonly LimitClaim[]) => {
    const held = narrow.map(({ owner, meter }) => `${owner} ${meter}`);
    return wide.every(({ owner, meter }) => held.includes(`${owner} ${meter}`));
  };

  it("never widen: no further grant, no counter less, no token more", () => {
    // Whoever names no counts is reserved what a request may use, so only asks with counts compare.
    const counted = anyCircumstances.filter(({ ask }) => ask.outputTokens !== null);
    fc.assert(
      fc.property(policySet, counted, someDetails, (policies, circumstances, authorization) => {
        const { capability } = circumstances;
        const all = { ...circumstances, capability: { ...capability, authorization: null } };
        const wide = candidatesOf(decide(inputOf(policies, all)));
        const narrowed = { ...circumstances, capability: { ...capability, authorization } };
        for (const candidate of candidatesOf(decide(inputOf(policies, narrowed)))) {
          const same = wide.find(({ grantId }) => grantId === candidate.grantId);
          expect(same, "a grant that the policies alone do not give").toBeDefined();
          if (!same) continue;
          expect(within(candidate.claims, same.claims)).toBe(true);
          expect(candidate.obligations.reservedTokens).toBeLessThanOrEqual(same.obligations.reservedTokens);
          expect(candidate.obligations.maxOutputTokens ?? Infinity).toBeLessThanOrEqual(
            same.obligations.maxOutputTokens ?? Infinity,
          );
          if (same.obligations.auditLogging === "detailed")
            expect(candidate.obligations.auditLogging).toBe("detailed");
          if (same.obligations.encryptionRequired)
            expect(candidate.obligations.encryptionRequired).toBe(true);
        }
      }),
      runs,
    );
  });
});

describe("what is reserved", () => {
  it("covers prompt and output of all choices, within every maxTokensPerRequest that applies", () => {
    const oneDetail = anyCircumstances.filter(
      ({ capability }) => capability.authorization === null || capability.authorization.length === 1,
    );
    fc.assert(
      fc.property(policySet, oneDetail, (policies, circumstances) => {
        const { ask, capability } = circumstances;
        for (const { grantId, obligations, claims, reservedCostNanoUsd } of candidatesOf(
          decide(inputOf(policies, circumstances)),
        )) {
          const output = obligations.maxOutputTokens ?? ask.outputTokens ?? 0;
          expect(obligations.reservedTokens).toBeGreaterThanOrEqual(
            (ask.promptTokens ?? 0) + output * ask.choices,
          );
          if (ask.outputTokens !== null) expect(output).toBeLessThanOrEqual(ask.outputTokens);
          const sets = [
            policies.find(({ id }) => id === grantId)?.constraints,
            capability.authorization?.[0]?.constraints,
          ];
          for (const set of sets) {
            expect(obligations.reservedTokens).toBeLessThanOrEqual(set?.maxTokensPerRequest ?? Infinity);
          }
          if (ask.outputIsFixed) expect(obligations.maxOutputTokens).toBeNull();
          for (const set of sets)
            if (obligations.maxOutputTokens !== null || ask.outputIsFixed)
              expect(output).toBeLessThanOrEqual(set?.maxOutputTokens ?? Infinity);
            else if (ask.outputTokens !== 0) expect(set?.maxOutputTokens).toBeUndefined();
          // What is billed by something else has a bound of its own, and nothing to clamp.
          const clamping = ask.units ? ["tokens"] : ["tokens", "cost"];
          if (claims.some(({ meter }) => clamping.includes(meter))) {
            expect(ask.promptTokens).not.toBeNull();
            if (ask.outputTokens !== 0 && !ask.outputIsFixed)
              expect(obligations.maxOutputTokens).not.toBeNull();
          }
          const amounts = {
            requests: 1,
            concurrent: 1,
            tokens: obligations.reservedTokens,
            cost: reservedCostNanoUsd,
          };
          for (const claim of claims) {
            expect([claimLine(claim), claim.amount]).toEqual([claimLine(claim), amounts[claim.meter]]);
          }
        }
      }),
      runs,
    );
  });
});
