// The diff against the decision core: what it reports is so, and what it does not report does not happen.
import fc from "fast-check";
import { expect, it } from "vitest";
import { assumedUnits } from "../../../../src/azure/asked-units.ts";
import { dearestPrice } from "../../../../src/azure/prices.ts";
import type { Action } from "../../../../src/policy/action.ts";
import { type PolicySet, snapshotOfSet } from "../../../../src/policy/as-code/policy-set.ts";
import { casesOf } from "../../../../src/policy/as-code/test-case.ts";
import { decide } from "../../../../src/policy/decide.ts";
import { AMPLE_STEPS, type PolicyDiff, policyDiff } from "../../../../src/policy/diff/policy-diff.ts";
import { resourceClasses } from "../../../../src/policy/diff/resource-classes.ts";
import { outcomeOf } from "../../../../src/policy/outcome.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { matchesResource } from "../../../../src/policy/resource.ts";
import type { TenantLimits } from "../../../../src/policy/tenant.ts";
import type { ResidencyPromise } from "../../../../src/residency/promise.ts";
import { nowMs, snapshotOf } from "../decide-fixture.ts";
import { anyAsk, anyCapability, anyLimits, anyPlace, anyPromise, policySet } from "../policy-arbitraries.ts";

/** Pictures have a price, and by the piece; nothing else has any. */
const deployments = snapshotOf([]).platform.deployments.map((deployment) => ({
  ...deployment,
  prices: { ...deployment.prices, perImage: 0.04 },
}));

const setOf = (policies: readonly Policy[], limits: TenantLimits, residency: ResidencyPromise): PolicySet => {
  const { tenant } = snapshotOf([], limits);
  return {
    scope: tenant.tenant.id,
    tenant: { ...tenant.tenant, residency },
    policies: policies.filter(({ scope }) => scope !== "platform"),
    platformPolicies: policies.filter(({ scope }) => scope === "platform"),
    deployments,
  };
};
const diffOf = (before: PolicySet, after: PolicySet): PolicyDiff =>
  policyDiff(before, after, { fromMs: null, budget: { left: AMPLE_STEPS } });

/** What a request of the gateway, or of /v1/enforce, can be; and as priced as its deployment. */
const request = fc
  .record({ ask: anyAsk, isPicture: fc.boolean(), capability: anyCapability, place: anyPlace })
  .map(({ ask, isPicture, capability, place }) => {
    const deployment = deployments.find(({ name }) => name === ask.deployment);
    const { content, units: _, ...asked } = ask;
    const action = isPicture ? "image" : ask.action;
    const known = { pictures: 1, characters: 1 };
    const units = deployment ? assumedUnits(action, known, deployment) : null;
    const isReadable = content.literals !== null;
    return {
      capability: { ...capability, authorization: null },
      place,
      ask: {
        ...asked,
        action,
        outputIsFixed: isPicture && ask.outputTokens !== null,
        clientAddress: place.clientAddress,
        price: deployment ? dearestPrice(deployment) : null,
        ...(units && { units }),
        content: {
          ...content,
          canStrip: isReadable,
          promptCharacters: isReadable ? content.promptCharacters : null,
        },
      },
    };
  });

const limitsAndPromise = fc.record({ limits: anyLimits, residency: anyPromise });

/** Two sets that differ by one policy, which is where a request that tells them apart is hard to find; or in all. */
const twoSets = fc.oneof(
  fc.tuple(policySet, policySet),
  fc.tuple(policySet, fc.nat(), fc.nat()).map(([policies, one, other]) => {
    const index = one % Math.max(1, policies.length);
    const constraints = policies[other % Math.max(1, policies.length)]?.constraints ?? {};
    const changed = policies.map((policy, at) => (at === index ? { ...policy, constraints } : policy));
    return [policies, other % 2 === 0 ? changed : policies.toSpliced(index, 1)] as const;
  }),
);

it("reports every change that a random request finds, and confirms every witness", () => {
  fc.assert(
    fc.property(
      twoSets,
      limitsAndPromise,
      fc.array(request, { minLength: 60, maxLength: 60 }),
      ([left, right], { limits, residency }, requests) => {
        const before = setOf(left, limits, residency);
        const after = setOf(right, limits, residency);
        const { exact, classes } = diffOf(before, after);
        expect(exact).toBe(true);
        for (const { from, to, witness } of classes) {
          for (const [set, expected] of [
            [before, from],
            [after, to],
          ] as const) {
            const [asked] = [...casesOf(witness, snapshotOfSet(set, []))];
            expect(asked && outcomeOf(decide(asked.input))).toBe(expected);
          }
        }
        const patterns = [...left, ...right].flatMap((policy) => policy.resources);
        const labels = resourceClasses(patterns, ["gpt-4"]);
        const labelOf = (resource: string): string | undefined =>
          labels.find(
            (one) =>
              (one.resource === "api://azure-openai/models/gpt-4") ===
                (resource === "api://azure-openai/models/gpt-4") &&
              one.resource.startsWith("api://azure-openai/models/") &&
              [...patterns].every(
                (pattern) => matchesResource(pattern, one.resource) === matchesResource(pattern, resource),
              ),
          )?.label;
        for (const { ask, capability, place } of requests) {
          const outcomes = [before, after].map((set) =>
            outcomeOf(decide({ ask, capability, place, nowMs, snapshot: snapshotOfSet(set, []) })),
          );
          const [from, to] = outcomes;
          if (from === to) continue;
          const label = labelOf(ask.resource) ?? "none";
          const reported = classes.some(
            (one) =>
              one.from === from &&
              one.to === to &&
              one.areas.some(
                ({ actions, resources }) =>
                  actions.includes(ask.action as Action) && resources.includes(label),
              ),
          );
          expect({ reported, ask, from, to, label, classes: reported ? 0 : classes }).toMatchObject({
            reported: true,
          });
        }
      },
    ),
    { numRuns: 60 },
  );
});

it("finds no difference between a set and itself, in whatever order", () => {
  fc.assert(
    fc.property(policySet, limitsAndPromise, (policies, { limits, residency }) => {
      const set = setOf(policies, limits, residency);
      const turned = setOf([...policies].reverse(), limits, residency);
      expect(diffOf(set, turned)).toEqual({ exact: true, classes: [], leftOut: [] });
    }),
    { numRuns: 100 },
  );
});
