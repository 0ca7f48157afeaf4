// The list of models agrees with the calls: a name stands in it if some call on it could be allowed.
import { expect, it } from "vitest";
import type { Deployment } from "../../../src/azure/deployment.ts";
import { usableDeployments } from "../../../src/gateway/model-list.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import { backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import {
  capability,
  detailOf,
  nowMs,
  place,
  policyId,
  policyOf,
  snapshotOf,
} from "../policy/decide-fixture.ts";

const deployments = [
  deploymentOf({ name: "gpt-4" }),
  deploymentOf({ name: "embed", maxOutputTokens: 0 }),
  deploymentOf({ name: "abroad", backends: [backendOf({ region: "eastus" })] }),
  deploymentOf({ name: "open-only", classification: "public" }),
];
const priced = deploymentOf({ name: "known", model: "gpt-4o" });

function listed(
  policies: readonly Policy[],
  changes: Partial<typeof capability> = {},
  zone: "none" | "eu" = "none",
  more: readonly Deployment[] = [],
) {
  const { platform, tenant } = snapshotOf(policies);
  const residency = ResidencyPromise.parse({ zone });
  return usableDeployments(
    { ...capability, ...changes },
    place,
    {
      platform: { ...platform, deployments: [...deployments, ...more] },
      tenant: { ...tenant, tenant: { ...tenant.tenant, residency } },
    },
    nowMs,
  );
}
const everything = policyOf({ actions: ["*"], resources: ["*"] });

it("holds nothing without a grant", () => {
  expect(listed([])).toEqual([]);
});

it("holds what grants cover and the classification may reach", () => {
  expect(listed([everything])).toEqual(["gpt-4", "embed", "abroad"]);
  expect(listed([everything], { classification: "public" })).toEqual([
    "gpt-4",
    "embed",
    "abroad",
    "open-only",
  ]);
  expect(listed([policyOf({ resources: ["api://azure-openai/models/abroad"] })])).toEqual(["abroad"]);
});

it("leaves out what the residency promise excludes", () => {
  expect(listed([everything], {}, "eu")).toEqual(["gpt-4", "embed"]);
});

it("leaves out what the token does not cover, and what a deny covers", () => {
  const authorization = [detailOf({ locations: ["api://azure-openai/models/gpt-4"] })];
  expect(listed([everything], { authorization })).toEqual(["gpt-4"]);
  const deny = policyOf({
    id: policyId(2),
    effect: "deny",
    actions: ["*"],
    resources: ["api://azure-openai/models/gpt-4"],
  });
  expect(listed([everything, deny])).toEqual(["embed", "abroad"]);
});

it("leaves out a deployment without output for someone who may only chat", () => {
  expect(listed([policyOf({ resources: ["*"] })])).toEqual(["gpt-4", "abroad"]);
  expect(
    listed([policyOf({ actions: ["embedding"], resources: ["api://azure-openai/models/embed"] })]),
  ).toEqual(["embed"]);
});

it("is not shortened by limits that a small call would keep", () => {
  expect(listed([policyOf({ constraints: { maxTokensPerRequest: 1, maxRequestsPerDay: 1 } })])).toContain(
    "gpt-4",
  );
});

it("is not shortened by limits per end user or client address, which a call can name", () => {
  for (const quotaScope of ["user", "address"]) {
    expect(listed([policyOf({ constraints: { maxRequestsPerDay: 1, quotaScope } })])).toContain("gpt-4");
  }
});

it("leaves out what has no price, under a cost limit", () => {
  expect(listed([policyOf({ constraints: { maxCostPerDay: 1 } })], {}, "none", [priced])).toEqual(["known"]);
  const models = ["dall-e-3", "tts", "whisper", "gpt-4o-mini-tts"];
  const more = models.map((model) => deploymentOf({ name: model, model, maxOutputTokens: 0 }));
  const media = policyOf({
    actions: ["image", "audio"],
    resources: ["*"],
    constraints: { maxCostPerDay: 1 },
  });
  expect(listed([media], {}, "none", more)).toEqual(["dall-e-3", "tts"]);
});
