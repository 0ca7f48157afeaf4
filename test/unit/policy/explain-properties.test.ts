// What an explanation says is what decide does, and the change that it calls nearest is one, whatever is asked.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../../src/policy/decide.ts";
import { applyChanges } from "../../../src/policy/explain/change.ts";
import { explain } from "../../../src/policy/explain/explain.ts";
import { Explanation } from "../../../src/policy/explain/explanation.ts";
import { outcomeOf } from "../../../src/policy/outcome.ts";
import { anyCircumstances, inputOf, policySet } from "./policy-arbitraries.ts";

const runs = { numRuns: 300 };
const isWell = (outcome: string): boolean => outcome === "allows" || outcome === "bounds";

describe("an explanation", () => {
  it("agrees with the decision: the same outcome, by the same policies, each of which says why", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const input = inputOf(policies, circumstances);
        const verdict = decide(input);
        const explanation = Explanation.parse(explain(input));
        const views = explanation.policies;
        if (verdict.kind === "candidates") {
          const outcome = outcomeOf(verdict);
          expect(explanation).toMatchObject({ decision: outcome, code: outcome, nearest: null });
          expect(explanation.approvalFrom.length > 0).toBe(outcome === "pending_approval");
          const allowing = views
            .filter(({ outcome }) => outcome === "allows")
            .map(({ policyId }) => policyId);
          expect(new Set(allowing)).toEqual(new Set(verdict.candidates.map(({ grantId }) => grantId)));
          expect(explanation.decidedBy).toEqual(expect.arrayContaining([verdict.candidates[0].grantId]));
          expect(views.filter(({ outcome }) => outcome === "denies")).toEqual([]);
        } else {
          expect(explanation).toMatchObject({ decision: "denied", code: verdict.refusal.code });
          expect(explanation.decidedBy).toEqual(verdict.policyIds);
          for (const id of verdict.policyIds) {
            const view = views.find(({ policyId }) => policyId === id);
            expect(view && !isWell(view.outcome), `${id} is told to be well`).toBe(true);
            if (view?.kind !== "deny") expect(view?.failed).not.toEqual([]);
          }
        }
        const covered = views.length + explanation.more + explanation.notCovering;
        expect(covered).toBe(policies.filter(({ mode }) => mode === "enforce").length);
      }),
      runs,
    );
  });

  it("names for every refusal the nearest change: it allows, and nothing of it could be left out", () => {
    fc.assert(
      fc.property(policySet, anyCircumstances, (policies, circumstances) => {
        const input = inputOf(policies, circumstances);
        const { decision, nearest } = explain(input);
        fc.pre(decision === "denied");
        const changes = nearest?.changes ?? [];
        const kindAfter = (made: typeof changes) => decide(applyChanges(input, made)).kind;
        expect(kindAfter(changes), "the nearest change allows").toBe("candidates");
        for (const change of changes)
          expect(kindAfter(changes.filter((other) => other !== change))).toBe("refused");
        expect(nearest?.sentence).not.toMatch(/undefined|null|NaN|\[object/);
      }),
      runs,
    );
  });
});
