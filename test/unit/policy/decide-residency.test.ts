// Where Azure may process: promise, grant, boundary and token together; tools and storage under it.
import { describe, expect, it } from "vitest";
import type { Backend } from "../../../src/azure/backend.ts";
import type { Constraints } from "../../../src/policy/constraints.ts";
import { ResidencyPromise } from "../../../src/residency/promise.ts";
import { backendId, backendOf, deploymentOf } from "../azure/azure-fixture.ts";
import {
  ask,
  candidatesOf,
  capability,
  type DecideInput,
  detailOf,
  firstCandidate,
  judge,
  outcomeOf,
  policyId,
  policyOf,
  snapshotOf,
} from "./decide-fixture.ts";

const swedish = backendOf();
const zonal = backendOf({ id: backendId(2), sku: "DataZoneStandard" });
const american = backendOf({ id: backendId(3), region: "eastus" });
const worldwide = backendOf({ id: backendId(4), sku: "GlobalStandard" });
const japanese = backendOf({ id: backendId(5), region: "japaneast" });

interface Given {
  readonly promise?: Partial<ResidencyPromise>;
  readonly grant?: Constraints;
  readonly boundary?: Constraints;
  readonly token?: Constraints;
  readonly backends?: readonly Backend[];
  readonly input?: Partial<DecideInput>;
}

function decided({ promise = {}, grant = {}, boundary, token, backends = [swedish], input = {} }: Given) {
  const policies = [
    policyOf({ constraints: grant }),
    ...(boundary ? [policyOf({ id: policyId(2), kind: "boundary", constraints: boundary })] : []),
  ];
  const { platform, tenant } = snapshotOf(policies);
  return judge(policies, {
    snapshot: {
      platform: { ...platform, deployments: [deploymentOf({ backends })] },
      tenant: { ...tenant, tenant: { ...tenant.tenant, residency: ResidencyPromise.parse(promise) } },
    },
    ...(token ? { capability: { ...capability, authorization: [detailOf({ constraints: token })] } } : {}),
    ...input,
  });
}
const obligationOf = (given: Given) => firstCandidate(decided(given)).obligations.residency;

describe("the residency obligation", () => {
  it("is none where nothing is promised or demanded", () => {
    expect(obligationOf({})).toBeNull();
    expect(obligationOf({ grant: { processing: "global" } })).toBeNull();
  });

  it.each<[given: Given, dataResidency: string | null, processing: string]>([
    [{ promise: { zone: "eu" } }, "eu", "zone"],
    [{ promise: { zone: "eu", processing: "global" } }, "eu", "zone"],
    [{ grant: { dataResidency: "eu" } }, "eu", "zone"],
    [{ boundary: { dataResidency: "eu" } }, "eu", "zone"],
    [{ token: { dataResidency: "eu" } }, "eu", "zone"],
    [{ grant: { processing: "region" } }, null, "region"],
    [{ promise: { zone: "eu" }, grant: { processing: "region" } }, "eu", "region"],
    [{ promise: { zone: "eu", processing: "region" }, grant: { processing: "zone" } }, "eu", "region"],
    [{ boundary: { dataResidency: "eu" }, token: { processing: "region" } }, "eu", "region"],
    [{ boundary: { processing: "zone" }, grant: { processing: "region" } }, null, "region"],
  ])("of %j is the strictest of all: %s, %s", (given, dataResidency, processing) => {
    expect(obligationOf(given)).toEqual({ dataResidency, processing, euReading: "data_boundary" });
  });

  it("keeps the tenant's reading of EU", () => {
    const promise = { zone: "eu", euReading: "members" } as const;
    expect(obligationOf({ promise })).toMatchObject({ euReading: "members" });
    const grant = { dataResidency: "eu" } as const;
    expect(outcomeOf(decided({ promise, grant, backends: [zonal] }))).toBe("residency_backend");
  });

  it("is refused where the zones contradict, whoever demands them", () => {
    const eu = { dataResidency: "eu" } as const;
    const us = { dataResidency: "us" } as const;
    const everywhere = [swedish, american];
    for (const given of [
      { promise: { zone: "eu" }, grant: us },
      { promise: { zone: "eu" }, boundary: us },
      { grant: eu, token: us },
      { grant: eu, boundary: us },
    ] as const)
      expect(outcomeOf(decided({ ...given, backends: everywhere }))).toBe("residency_backend");
  });
});

describe("the backends that are left", () => {
  it.each<[constraints: Constraints, left: readonly Backend[], gone: readonly Backend[]]>([
    [{ dataResidency: "eu" }, [swedish, zonal], [american, worldwide, japanese]],
    [{ dataResidency: "us" }, [american], [swedish, zonal, worldwide, japanese]],
    [{ dataResidency: "eu", processing: "region" }, [swedish], [zonal, american, worldwide]],
    [{ processing: "region" }, [swedish, american, japanese], [zonal, worldwide]],
    [{ processing: "zone" }, [swedish, american, japanese, zonal], [worldwide]],
    [{ processing: "global" }, [swedish, zonal, american, worldwide, japanese], []],
  ])("of %j", (constraints, left, gone) => {
    for (const backend of left) {
      expect(outcomeOf(decided({ grant: constraints, backends: [backend, ...gone] }))).toBe("allowed");
    }
    if (gone.length > 0) {
      for (const owner of ["grant", "boundary", "token"])
        expect(outcomeOf(decided({ [owner]: constraints, backends: gone }))).toBe("residency_backend");
    }
  });

  it("must be able to take the data: one that keeps the demand and not the ceiling is none", () => {
    const backends = [backendOf({ classification: "public" }), american];
    expect(outcomeOf(decided({ grant: { dataResidency: "eu" }, backends }))).toBe("backend_classification");
  });

  it("are a grant's own matter: another grant may allow", () => {
    const policies = [
      policyOf({ constraints: { dataResidency: "us" } }),
      policyOf({ id: policyId(2), constraints: { dataResidency: "eu" } }),
    ];
    const verdict = judge(policies);
    expect(candidatesOf(verdict).map(({ grantId }) => grantId)).toEqual([policyId(2)]);
  });

  it("cannot be named for a resource that is no deployment here", () => {
    const elsewhere = { ...ask, resource: "api://azure-openai/models/other", deployment: "other" };
    for (const constraint of ["dataResidency", "processing"]) {
      const grant = { [constraint]: constraint === "processing" ? "region" : "eu" };
      expect(decided({ grant, input: { ask: elsewhere } })).toMatchObject({
        refusal: { code: "indeterminate", evidence: { constraint, missing: "deployment" } },
      });
    }
    expect(outcomeOf(decided({ input: { ask: elsewhere } }))).toBe("allowed");
  });
});

describe("tools", () => {
  const offering = (...tools: string[]) => ({ ask: { ...ask, tools } });
  const unsaid = { ask: { ...ask, tools: null } };

  it.each<[allowed: readonly string[], tools: readonly string[], refused: string | null]>([
    [["function"], [], null],
    [["function"], ["function:search", "function"], null],
    [["function:search"], ["function:search"], null],
    [["function:search"], ["function:search", "function:mail"], "function:mail"],
    [["function:search"], ["function"], "function"],
    [["search"], ["function:search"], "function:search"],
    [["web_search"], ["web_search_preview"], "web_search_preview"],
    [["function"], ["custom:search"], "custom:search"],
    [["mcp", "function"], ["function:f", "mcp"], null],
    [["untyped"], ["untyped"], null],
  ])("a list of %j and tools %j: %s is outside", (allowedTools, tools, refused) => {
    const verdict = decided({ grant: { allowedTools: [...allowedTools] }, input: offering(...tools) });
    if (refused === null) expect(outcomeOf(verdict)).toBe("allowed");
    else
      expect(verdict).toMatchObject({
        refusal: {
          code: "tool_not_allowed",
          field: "tools",
          message: expect.stringContaining(`\`${refused}\``),
          evidence: { constraint: "allowedTools", actual: refused, limit: allowedTools },
        },
      });
  });

  it("that nobody named are indeterminate under a list, and an obligation without one", () => {
    const grant = { allowedTools: ["function"] };
    expect(outcomeOf(decided({ grant, input: unsaid }))).toBe("indeterminate");
    expect(outcomeOf(decided({ boundary: grant, input: unsaid }))).toBe("indeterminate");
    expect(firstCandidate(decided({ input: unsaid })).obligations.allowedTools).toBeNull();
    const promised = decided({ promise: { zone: "eu" }, input: unsaid });
    expect(firstCandidate(promised).obligations.allowedTools).toEqual(["function", "custom"]);
  });

  it("are what grant, boundary, token and promise all allow", () => {
    const given: Given = {
      grant: { allowedTools: ["function", "web_search", "mcp"] },
      boundary: { allowedTools: ["function:search", "function:mail", "web_search"] },
      token: { allowedTools: ["function:search", "web_search", "custom"] },
    };
    const { allowedTools } = firstCandidate(decided(given)).obligations;
    expect([...(allowedTools ?? [])].sort()).toEqual(["function:search", "web_search"]);
    const promised = firstCandidate(decided({ ...given, promise: { zone: "eu" } })).obligations;
    expect(promised.allowedTools).toEqual(["function:search"]);
  });

  it.each(["web_search", "mcp", "code_interpreter", "file_search", "image_generation", "brand_new"])(
    "%s leaves what is promised, listed or not",
    (tool) => {
      for (const given of [
        { promise: { zone: "eu" } },
        { grant: { dataResidency: "eu" } },
        { boundary: { processing: "region" } },
      ] as const) {
        const listed = {
          ...given,
          grant: { allowedTools: [tool], ...("grant" in given ? given.grant : {}) },
        };
        expect(outcomeOf(decided({ ...given, input: offering(tool) }))).toBe("tool_not_allowed");
        expect(outcomeOf(decided({ ...listed, input: offering(tool) }))).toBe("tool_not_allowed");
      }
      expect(outcomeOf(decided({ input: offering(tool) }))).toBe("allowed");
    },
  );
});

describe("storing", () => {
  const mayStore = (given: Given) => firstCandidate(decided(given)).obligations.allowStore;
  const storing = { ask: { ...ask, stores: true } };
  const grant = { allowStore: true };

  it("is the grant's to permit, and anybody's to forbid", () => {
    expect(mayStore({})).toBe(false);
    expect(mayStore({ grant })).toBe(true);
    expect(mayStore({ grant, boundary: {}, token: {} })).toBe(true);
    expect(mayStore({ grant, boundary: { allowStore: false } })).toBe(false);
    expect(mayStore({ grant, token: { allowStore: false } })).toBe(false);
    expect(mayStore({ boundary: grant, token: grant })).toBe(false);
  });

  it("is switched off where it is not permitted, and refused where it is and residency does not cover it", () => {
    expect(outcomeOf(decided({ input: storing }))).toBe("allowed");
    expect(outcomeOf(decided({ promise: { zone: "eu" }, input: storing }))).toBe("allowed");
    expect(outcomeOf(decided({ promise: { zone: "eu" }, grant, input: storing }))).toBe("store_not_allowed");
    expect(mayStore({ promise: { zone: "eu" }, grant })).toBe(false);
    for (const forbidding of [{ boundary: { allowStore: false } }, { token: { allowStore: false } }]) {
      const given = { ...forbidding, promise: { zone: "eu" }, grant, input: storing } as const;
      expect(outcomeOf(decided(given))).toBe("store_not_allowed");
    }
  });
});
