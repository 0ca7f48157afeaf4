// Shadow mode against its definition: what would `decide` or admission say if this one policy were live as well?
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AdmissionInput, policyAdmission } from "../../../src/policy/admission.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Verdict } from "../../../src/policy/decision.ts";
import { outcomeOf } from "../../../src/policy/outcome.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { type ShadowFlip, shadowOfAdmission, shadowOfAsk } from "../../../src/policy/shadow.ts";
import {
  ask,
  capability,
  type DecideInput,
  nowMs,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";
import { anyCircumstances, boundary, deny, grant, inputOf, policySet } from "./policy-arbitraries.ts";

const runs = { numRuns: 600 };

/** Up to six policies in shadow, their ids after those of the live ones. */
const shadowSet = fc
  .array(fc.oneof(grant, deny, boundary), { minLength: 1, maxLength: 6 })
  .map((policies) =>
    policies.map((policy, index): Policy => ({ ...policy, mode: "shadow", id: policyId(100 + index) })),
  );
const liveSet = policySet.map((policies) =>
  policies.map((policy): Policy => ({ ...policy, mode: "enforce" })),
);

const byId = (flips: readonly ShadowFlip[]) =>
  flips.toSorted((left, right) => (left.policyId < right.policyId ? -1 : 1));

const kindOf = (outcome: string): ShadowFlip["to"] =>
  outcome === "allowed" || outcome === "pending_approval" ? outcome : "denied";

/** The outcome, and of a refusal its code. */
const told = (verdict: Verdict): string =>
  verdict.kind === "refused" ? verdict.refusal.code : outcomeOf(verdict);

/** Those of the policies in shadow whose outcome differs, by the definition alone. */
function flipsByDefinition(
  shadow: readonly Policy[],
  live: string,
  outcomeWith: (policy: Policy) => string,
  basis: ShadowFlip["basis"],
): readonly ShadowFlip[] {
  const flips: ShadowFlip[] = [];
  for (const policy of shadow) {
    const after = outcomeWith({ ...policy, mode: "enforce" });
    const to = kindOf(after);
    if (to === kindOf(live)) continue;
    flips.push({ policyId: policy.id, to, code: after as ShadowFlip["code"], basis }); // What `told` tells.
  }
  return flips;
}

describe("a policy in shadow", () => {
  it("flips an ask exactly where the decision with it would be another", () => {
    fc.assert(
      fc.property(liveSet, shadowSet, anyCircumstances, (live, shadow, circumstances) => {
        const now = told(decide(inputOf(live, circumstances)));
        const outcomeWith = (policy: Policy) => told(decide(inputOf([...live, policy], circumstances)));
        const judged = shadowOfAsk(inputOf([...live, ...shadow], circumstances), kindOf(now));
        expect(judged?.judged).toBe(shadow.length);
        expect(byId(judged?.flips ?? [])).toEqual(flipsByDefinition(shadow, now, outcomeWith, "ask"));
      }),
      runs,
    );
  });

  it("flips admission exactly where admission with it would end otherwise", () => {
    fc.assert(
      fc.property(
        liveSet,
        shadowSet,
        anyCircumstances,
        fc.constantFrom("nothing", "action", "all"),
        (live, shadow, circumstances, known) => {
          const { action, resource, classification } = circumstances.ask;
          const asked = { nothing: {}, action: { action }, all: { action, resource } }[known] ?? {};
          const under = (policies: readonly Policy[]): AdmissionInput => ({
            ...inputOf(policies, circumstances),
            asked,
            classification,
          });
          const outcome = (policies: readonly Policy[]) =>
            policyAdmission(under(policies))?.refusal.code ?? "allowed";
          const now = outcome(live);
          const judged = shadowOfAdmission(under([...live, ...shadow]), now === "allowed");
          expect(byId(judged?.flips ?? [])).toEqual(
            flipsByDefinition(shadow, now, (policy) => outcome([...live, policy]), "admission"),
          );
        },
      ),
      runs,
    );
  });

  it("changes no decision, no admission, and nothing of either", () => {
    fc.assert(
      fc.property(liveSet, shadowSet, anyCircumstances, (live, shadow, circumstances) => {
        const [without, beside] = [live, [...live, ...shadow]].map((set) => inputOf(set, circumstances));
        if (!without || !beside) throw new Error("Two inputs were made.");
        expect(decide(beside)).toEqual(decide(without));
        const { action, resource, classification } = circumstances.ask;
        const admission = (input: DecideInput) =>
          policyAdmission({ ...input, asked: { action, resource }, classification });
        expect(admission(beside)).toEqual(admission(without));
      }),
      runs,
    );
  });
});

const judge = (policies: readonly Policy[], changes: Partial<DecideInput> = {}) => {
  const input = { capability, ask, place, snapshot: snapshotOf(policies), nowMs, ...changes };
  return shadowOfAsk(input, outcomeOf(decide(input)));
};
const inShadow = (index: number, changes: Record<string, unknown>) =>
  policyOf({ id: policyId(index), mode: "shadow", ...changes });

describe("what is told", () => {
  it("nothing where no policy is in shadow, and no flips where none would make a difference", () => {
    expect(judge([policyOf()])).toBeNull();
    expect(judge([policyOf(), inShadow(2, { effect: "allow" })])).toMatchObject({ judged: 1, flips: [] });
  });

  it("a grant that would allow what is refused, a deny and a boundary that would refuse what is allowed", () => {
    expect(judge([inShadow(2, {})])?.flips).toEqual([
      { policyId: policyId(2), to: "allowed", code: "allowed", basis: "ask" },
    ]);
    const abroad = { kind: "boundary", constraints: { allowedCountries: ["US"] } };
    expect(judge([policyOf(), inShadow(2, { effect: "deny" }), inShadow(3, abroad)])?.flips).toEqual([
      { policyId: policyId(2), to: "denied", code: "denied_by_policy", basis: "ask" },
      { policyId: policyId(3), to: "denied", code: "outside_boundary", basis: "ask" },
    ]);
  });

  it("each alone: a grant and a deny in shadow do not see each other", () => {
    expect(
      judge([inShadow(2, {}), inShadow(3, { effect: "deny" })])?.flips.map((one) => one.policyId),
    ).toEqual([policyId(2)]);
  });

  it("a boundary of output, only where nothing can make the answer shorter", () => {
    const short = inShadow(2, { kind: "boundary", constraints: { maxOutputTokens: 10 } });
    const asking = (outputIsFixed: boolean) =>
      judge([policyOf(), short], { ask: { ...ask, outputTokens: 11, outputIsFixed } })?.flips;
    expect(asking(false)).toEqual([]);
    expect(asking(true)).toMatchObject([{ to: "denied", code: "tokens_per_request_exceeded" }]);
  });

  it("whether the prompt was too long for one of them", () => {
    const short = inShadow(2, { kind: "boundary", constraints: { maxTokensPerRequest: 99 } });
    expect(judge([policyOf(), short])).toMatchObject({
      promptTooLong: true,
      flips: [{ to: "denied", code: "tokens_per_request_exceeded" }],
    });
  });
});
