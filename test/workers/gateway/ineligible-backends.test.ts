/**
 * No sequence of failures, failovers, repetitions and header tricks reaches a backend that does not keep the promise, though such
 * backends come first by priority and are many.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_ATTEMPTS } from "../../../src/kernel/limits.ts";
import {
  admin,
  backend,
  call,
  completion,
  freshIsolate,
  newCaller,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

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
const busy: Trouble = () =>
  Response.json(
    { error: { code: "429", message: "Busy." } },
    { status: 429, headers: { "retry-after": "0" } },
  );
const broken: Trouble = () => {
  throw new TypeError("The connection broke.");
};
const troubles: readonly Trouble[] = [
  none,
  busy,
  broken,
  () => Response.json({ error: { code: "429" } }, { status: 429, headers: { "retry-after": "20" } }),
  () => Response.json({ error: { code: "401", message: "No." } }, { status: 401 }),
  () => Response.json({ error: { code: "500", message: "Ill." } }, { status: 500 }),
  () => Response.json({ error: { code: "DeploymentNotFound", message: "No." } }, { status: 404 }),
  () => new Response(null, { status: 307, headers: { location: "https://globalstandard-eastus2.test" } }),
  () => new Response("{", { headers: { "content-type": "application/json" } }),
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
/** The isolate lives on from call to call: backends fall ill and are tried again. A call of a stream may be one, too. */
const calls = fc.array(
  fc.record({
    attempts: fc.array(fc.constantFrom(...troubles), { minLength: MAX_ATTEMPTS, maxLength: MAX_ATTEMPTS }),
    headers: fc.constantFrom(...tricks),
    stream: fc.boolean(),
    passMs: fc.constantFrom(0, 500, 5_000, 90_000),
  }),
  { minLength: 1, maxLength: 6 },
);
const oneCall = (...attempts: Trouble[]) => [{ attempts, headers: {}, stream: false, passMs: 0 }];

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
    let furthest = 0;
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.nat({ max: 99 }).map((hundredths) => hundredths / 100),
        async (sequence, at) => {
          const isolate = freshIsolate();
          let aheadMs = 0;
          for (const { attempts, headers, stream, passMs } of sequence) {
            aheadMs += passMs;
            const left = [...attempts];
            const azure = scriptedAzure(() => (left.shift() ?? none)());
            const overrides = { ...isolate, azure, random: () => at, clock: () => ports.clock() + aheadMs };
            const body = JSON.stringify({
              messages: [{ role: "user", content: "Hello" }],
              max_tokens: 50,
              stream,
            });
            await (await call(caller, overrides, { headers, body })).text();
            const hosts = azure.requests.map(({ url }) => new URL(url).host);
            expect(hosts.length).toBeLessThanOrEqual(MAX_ATTEMPTS);
            expect(new Set(hosts).size).toBe(hosts.length);
            furthest = Math.max(furthest, hosts.length);
            for (const { headers: sent } of azure.requests) {
              expect([...sent.keys()].filter((name) => /spillover|forwarded|region/.test(name))).toEqual([]);
            }
            for (const host of hosts) {
              reached.add(host);
              expect(eligible).toContain(host);
            }
          }
        },
      ),
      {
        numRuns: 8,
        examples: [
          // The first and the last of those that may be used, and as many as may be tried.
          [oneCall(none), 0],
          [oneCall(none), 0.99],
          [oneCall(busy, broken, busy), 0],
          // All of them are ill, and tried again one by one.
          [Array.from({ length: 12 }, () => oneCall(broken, broken, broken)).flat(), 0],
        ],
      },
    );
    expect(reached.size).toBeGreaterThan(1);
    expect(furthest).toBe(Math.min(MAX_ATTEMPTS, eligible.length));
  });
});
