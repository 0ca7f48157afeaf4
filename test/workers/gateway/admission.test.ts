/** Admission before the body (guarantee G4): a stream that notices says whether anyone pulled it. */
import { beforeEach, describe, expect, it } from "vitest";
import {
  admin,
  backend,
  call,
  codeOf,
  completion,
  newCaller,
  newPolicy,
  scriptedAzure,
} from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
beforeEach(() => void azure.requests.splice(0));

function noticingBody(onPull = () => {}) {
  const noticed = { pulls: 0 };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        noticed.pulls += 1;
        onPull();
        controller.enqueue(new TextEncoder().encode('{"messages":[{"role":"user","content":"Hi"}]}'));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { noticed, body };
}

describe("nothing of the body is read before admission", () => {
  const berlin = { home: "eu", residency: { zone: "eu" } };
  const cases = [
    {
      name: "a token that does not verify",
      alter: { token: "aaa.bbb.ccc" },
      code: "token_malformed",
    },
    {
      name: "a deployment that does not exist",
      alter: { deployment: "none" },
      code: "deployment_unknown",
    },
    {
      name: "a country outside the promise",
      tenant: berlin,
      cf: { country: "US", colo: "FRA" },
      code: "residency_ingress",
    },
    {
      name: "a location outside the promise",
      tenant: berlin,
      cf: { country: "DE", isEUCountry: "1", colo: "IAD" },
      code: "residency_colo",
    },
    { name: "an unknown place", tenant: berlin, cf: {}, code: "residency_country" },
    { name: "Tor", tenant: berlin, cf: { country: "T1", colo: "FRA" }, code: "residency_country" },
    {
      name: "Norway, for members only",
      tenant: { home: "eu", residency: { zone: "eu", euReading: "members" } },
      cf: { country: "NO", colo: "OSL" },
      code: "residency_ingress",
    },
    {
      name: "a line in clear text under a promise, wherever it comes from",
      tenant: { home: "eu", residency: { zone: "eu", ingress: "anywhere" } },
      cf: { country: "US", colo: "IAD" },
      code: "encryption_required",
    },
    {
      name: "a promise no backend keeps",
      tenant: { residency: { zone: "us", ingress: "anywhere" } },
      code: "residency_backend",
    },
    {
      name: "a country that no grant allows",
      constraints: { allowedCountries: ["FR"] },
      code: "residency_country",
    },
    {
      name: "a country that is unknown, where the only grant asks for it",
      constraints: { deniedCountries: ["KP"] },
      cf: { country: "T1", tlsVersion: "TLSv1.3" },
      code: "indeterminate",
    },
    {
      name: "an hour that no grant allows",
      constraints: { validUntil: "2026-01-01T00:00:00.000Z" },
      code: "outside_validity",
    },
    {
      name: "a boundary",
      policy: { kind: "boundary", constraints: { allowedRoles: ["clerk"] } },
      code: "outside_boundary",
    },
    {
      name: "a boundary's demand that no backend of the deployment keeps",
      policy: { kind: "boundary", constraints: { dataResidency: "us" } },
      code: "residency_backend",
    },
    {
      name: "a grant's demand that no backend of the deployment keeps",
      constraints: { dataResidency: "us" },
      code: "residency_backend",
    },
    {
      name: "a deny",
      policy: { effect: "deny", constraints: { allowedCountries: ["DE"] } },
      code: "denied_by_policy",
    },
  ];
  it.each(cases)("$name", async ({ tenant = {}, constraints, policy, alter, cf, code }) => {
    const caller = await newCaller(constraints, tenant);
    if (policy) await newPolicy(caller, policy);
    const { noticed, body } = noticingBody();
    const response = await call({ ...caller, ...alter }, { azure }, { body, ...(cf ? { cf } : {}) });
    expect(await codeOf(response)).toBe(code);
    expect(noticed.pulls).toBe(0);
    expect(azure.requests).toHaveLength(0);
  });

  it("and it is read once when the call is admitted", async () => {
    const caller = await newCaller();
    const { noticed, body } = noticingBody();
    const response = await call(caller, { azure }, { body });
    expect(response.status).toBe(200);
    expect(noticed.pulls).toBe(1);
    expect(azure.requests).toHaveLength(1);
  });
});

it("a token that runs out while the body is on its way opens nothing any more", async () => {
  const caller = await newCaller();
  let nowMs = Date.now();
  const { body } = noticingBody(() => {
    nowMs += 3_600_000;
  });
  const response = await call(caller, { azure, clock: () => nowMs }, { body });
  expect(await codeOf(response)).toBe("token_expired");
  expect(azure.requests).toHaveLength(0);
});

it("a grant that ends while the body is on its way grants nothing any more", async () => {
  let nowMs = Date.now();
  const caller = await newCaller({ validUntil: new Date(nowMs + 60_000).toISOString() });
  const { body, noticed } = noticingBody(() => {
    nowMs += 60_000;
  });
  const response = await call(caller, { azure, clock: () => nowMs }, { body });
  expect(await codeOf(response)).toBe("outside_validity");
  expect(noticed.pulls).toBe(1);
  expect(azure.requests).toHaveLength(0);
});

it("callers in Norway and Switzerland are within Microsoft's EU Data Boundary", async () => {
  const caller = await newCaller({}, { home: "eu", residency: { zone: "eu" } });
  for (const cf of [
    { country: "NO", colo: "OSL", tlsVersion: "TLSv1.3" },
    { country: "CH", colo: "FRA", tlsVersion: "TLSv1.3" },
  ]) {
    expect((await call(caller, { azure }, { cf })).status).toBe(200);
  }
});

it("a promise of the US lets callers in the US reach a backend there", async () => {
  const caller = await newCaller({}, { residency: { zone: "us" } });
  const virginia = { country: "US", colo: "IAD", tlsVersion: "TLSv1.3" };
  expect(await codeOf(await call(caller, { azure }, { cf: virginia }))).toBe("residency_backend");
  await admin("POST", "/v1/deployments", {
    name: "in-the-us",
    model: "gpt",
    maxOutputTokens: 1_000,
    backends: [{ ...backend, region: "eastus2", sku: "DataZoneStandard" }],
  });
  const there = { ...caller, deployment: "in-the-us" };
  expect((await call(there, { azure }, { cf: virginia })).status).toBe(200);
  expect(await codeOf(await call(there, { azure }))).toBe("residency_ingress");
});

it("headers that change Azure's behaviour never reach it", async () => {
  const caller = await newCaller();
  const headers = {
    "x-ms-spillover-deployment": "elsewhere",
    "x-policy-id": "lax",
    "x-ms-client-request-id": "mine",
  };
  await call(caller, { azure }, { headers });
  const sent = azure.requests[0]?.headers;
  expect([...(sent?.keys() ?? [])].toSorted()).toEqual(["api-key", "content-type", "x-ms-client-request-id"]);
  expect(sent?.get("api-key")).not.toBe(caller.token);
});
