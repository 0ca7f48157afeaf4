/**
 * No sequence of failures, repetitions and header tricks reaches a backend that does not keep the promise, though such
 * backends come first by priority and are many.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admin, backend, call, completion, newCaller, scriptedAzure } from "./gateway-fixture.ts";

const skus = [
  "Standard",
  "ProvisionedManaged",
  "DataZoneStandard",
  "DataZoneProvisionedManaged",
  "DataZoneBatch",
  "GlobalStandard",
  "GlobalProvisionedManaged",
  "GlobalBatch",
  "DeveloperTier",
];
const hostOf = (sku: string, region: string) => `${sku}-${region}.test`.toLowerCase();
const everywhere = ["swedencentral", "eastus2", "uksouth"].flatMap((region) =>
  skus.map((sku) => ({ sku, region })),
);
const backends = [...everywhere, { sku: "Standard", region: "norwayeast" }].map(({ sku, region }) => ({
  ...backend,
  endpoint: `https://${hostOf(sku, region)}`,
  sku,
  region,
  // Those that may be used come last.
  priority: sku.startsWith("Global") || sku === "DeveloperTier" ? 0 : region === "uksouth" ? 1 : 2,
}));
await admin("POST", "/v1/deployments", { name: "mixed", model: "gpt", maxOutputTokens: 1_000, backends });

const regional = (region: string) => [hostOf("Standard", region), hostOf("ProvisionedManaged", region)];
const zonal = (region: string) =>
  skus.filter((sku) => sku.startsWith("DataZone")).map((sku) => hostOf(sku, region));

type Trouble = () => Response;
const none: Trouble = () => completion();
const troubles: readonly Trouble[] = [
  none,
  () =>
    Response.json(
      { error: { code: "429", message: "Busy." } },
      { status: 429, headers: { "retry-after": "0" } },
    ),
  () => Response.json({ error: { code: "500", message: "Ill." } }, { status: 500 }),
  () => Response.json({ error: { code: "DeploymentNotFound", message: "No." } }, { status: 404 }),
  () => new Response(null, { status: 307, headers: { location: "https://globalstandard-eastus2.test" } }),
  () => new Response("{", { headers: { "content-type": "application/json" } }),
  () => {
    throw new TypeError("The connection broke.");
  },
];
const tricks: readonly Record<string, string>[] = [
  {},
  { "x-ms-spillover-deployment": "anywhere" },
  {
    "x-ms-region": "East US 2",
    "x-forwarded-host": "globalstandard-eastus2.test",
    forwarded: "host=evil.test",
  },
  { "cf-ipcountry": "US", "x-forwarded-for": "198.51.100.7", "x-ms-client-request-id": "mine" },
  { "x-stainless-retry-count": "2" },
];
const calls = fc.array(
  fc.record({ trouble: fc.constantFrom(...troubles), headers: fc.constantFrom(...tricks) }),
  { minLength: 1, maxLength: 6 },
);

describe("only eligible backends are ever called", () => {
  it.each<[name: string, residency: object, eligible: readonly string[]]>([
    [
      "the EU Data Boundary",
      { zone: "eu" },
      [...regional("swedencentral"), ...zonal("swedencentral"), hostOf("Standard", "norwayeast")],
    ],
    ["members only", { zone: "eu", euReading: "members" }, regional("swedencentral")],
    ["one region of the US", { zone: "us", processing: "region", ingress: "anywhere" }, regional("eastus2")],
  ])("under %s", async (_name, residency, eligible) => {
    const caller = { ...(await newCaller({}, { residency })), deployment: "mixed" };
    const reached = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.nat({ max: 99 }).map((hundredths) => hundredths / 100),
        async (sequence, at) => {
          for (const { trouble, headers } of sequence) {
            const azure = scriptedAzure(trouble);
            await (await call(caller, { azure, random: () => at }, { headers })).text();
            expect(azure.requests).toHaveLength(1);
            for (const { url, headers: sent } of azure.requests) {
              reached.add(new URL(url).host);
              expect(eligible).toContain(new URL(url).host);
              expect([...sent.keys()].filter((name) => /spillover|forwarded|region/.test(name))).toEqual([]);
            }
          }
        },
      ),
      // The first and the last of those that may be used, whatever else is tried.
      { numRuns: 12, examples: [0, 0.99].map((at) => [[{ trouble: none, headers: {} }], at]) },
    );
    expect(reached.size).toBeGreaterThan(1);
  });
});
