/** What policies say of backends, tools and storage, from the control plane to what Azure is sent. */
import { beforeEach, describe, expect, it } from "vitest";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import {
  admin,
  askEnforce,
  backend,
  call,
  codeOf,
  completion,
  frankfurt,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const azure = scriptedAzure(() => completion());
beforeEach(() => void azure.requests.splice(0));

/** Everything prefers the backend abroad. */
await admin("POST", "/v1/deployments", {
  name: "spread",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [
    { ...backend, endpoint: "https://abroad.test", region: "eastus", sku: "GlobalStandard" },
    { ...backend, endpoint: "https://zone.test", sku: "DataZoneStandard", priority: 1 },
    { ...backend, endpoint: "https://region.test", priority: 2 },
  ],
});
const spread = async (constraints: object, tenant: object = {}) => ({
  ...(await newCaller(constraints, tenant)),
  deployment: "spread",
});
type Caller = Awaited<ReturnType<typeof spread>>;

const hostsAfter = async (caller: Caller, times: number) => {
  for (let n = 0; n < times; n += 1) expect((await call(caller, { azure })).status).toBe(200);
  return [...new Set(azure.requests.map(({ url }) => new URL(url).host))];
};

async function enforced({ token }: Caller, context: object = {}) {
  const resourceId = "api://azure-openai/models/spread";
  const response = await askEnforce({ capabilityToken: token, resourceId, context }, {}, frankfurt);
  return (await response.json()) as Record<string, unknown>;
}

describe("the backend of a call", () => {
  it.each([
    ["nothing demanded", {}, "abroad.test"],
    ["a zone", { dataResidency: "eu" }, "zone.test"],
    ["a zone, in one region", { dataResidency: "eu", processing: "region" }, "region.test"],
    ["one region, wherever", { processing: "region" }, "region.test"],
  ])("is the best that is left with %s", async (_name, constraints, host) => {
    expect(await hostsAfter(await spread(constraints), 3)).toEqual([host]);
  });

  it("is narrowed by a boundary as by the grant, under a promise too", async () => {
    const caller = await spread({}, { residency: { zone: "eu", ingress: "anywhere" } });
    expect(await hostsAfter(caller, 1)).toEqual(["zone.test"]);
    azure.requests.splice(0);
    await newPolicy(caller, { kind: "boundary", constraints: { processing: "region" } });
    expect(await hostsAfter(caller, 3)).toEqual(["region.test"]);
  });

  it("is refused where none is left, and Azure gets no byte", async () => {
    const caller = await spread({ dataResidency: "us" });
    expect(await codeOf(await call(caller, { azure }))).toBe("residency_backend");
    expect(azure.requests).toHaveLength(0);
  });

  it("is an obligation for who calls Azure on their own", async () => {
    const caller = await spread({ dataResidency: "eu", processing: "region", allowedTools: ["function"] });
    expect(await enforced(caller, { tools: ["function:search"] })).toMatchObject({
      decision: "allowed",
      obligations: {
        residency: { dataResidency: "eu", processing: "region", euReading: "data_boundary" },
        allowedTools: ["function"],
        allowStore: false,
      },
    });
    const denied = { decision: "denied", reasons: [{ code: "tool_not_allowed" }] };
    expect(await enforced(caller, { tools: ["mcp"] })).toMatchObject(denied);
    expect(await enforced(caller)).toMatchObject({ reasons: [{ code: "indeterminate" }] });
  });
});

describe("tools and storage", () => {
  const messages = [{ role: "user", content: "Hi" }];
  const sendTo = async (caller: Caller, more: object) =>
    call(caller, { azure }, { body: JSON.stringify({ messages, max_tokens: 5, ...more }) });
  const tool = (name: string) => ({ type: "function", function: { name } });

  it("a listed function passes, another and a search do not, and the refusal names them", async () => {
    const caller = await spread({ allowedTools: ["function:look_up"] });
    expect((await sendTo(caller, { tools: [tool("look_up")] })).status).toBe(200);
    azure.requests.splice(0);
    for (const more of [{ tools: [tool("look_up"), tool("mail")] }, { web_search_options: {} }]) {
      const refused = await sendTo(caller, more);
      expect(refused.status).toBe(403);
      const { error } = (await refused.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe("tool_not_allowed");
      expect(error.message).toMatch(/`(?:function:mail|web_search)`/);
    }
    expect(azure.requests).toHaveLength(0);
  });

  it("a grant that forbids the tool gives way to one that allows it", async () => {
    const caller = await spread({ allowedTools: ["function"] });
    await newPolicy(caller, { constraints: { allowedTools: ["web_search"] } });
    expect((await sendTo(caller, { web_search_options: {} })).status).toBe(200);
  });

  it("what is stored is what was asked for and allowed", async () => {
    const storedBy = async (caller: Caller, more: object) => {
      azure.requests.splice(0);
      expect((await sendTo(caller, more)).status).toBe(200);
      return (JSON.parse(String(azure.requests[0]?.body)) as { store?: boolean }).store;
    };
    expect(await storedBy(await spread({}), { store: true })).toBe(false);
    const caller = await spread({ allowStore: true });
    expect(await storedBy(caller, { store: true })).toBe(true);
    expect(await storedBy(caller, {})).toBeUndefined();
    const promised = await spread({ allowStore: true }, { residency: { zone: "eu", ingress: "anywhere" } });
    expect(await codeOf(await sendTo(promised, { store: true }))).toBe("store_not_allowed");
  });
});

describe("the list of models", () => {
  const listed = async ({ token }: Caller, cf: object) => {
    const app = createDataPlane(async () => ports);
    const response = await app.fetch(
      new Request("https://gateway.test/openai/v1/models", {
        headers: { "api-key": token },
        cf,
      } as RequestInit), // `cf` is the platform's own member of a request's init.
    );
    const body = (await response.json()) as { data?: { id: string }[]; error?: { code: string } };
    return body.error?.code ?? body.data?.map(({ id }) => id);
  };

  it("holds what a boundary leaves, and nothing for who is outside of it", async () => {
    const caller = await spread({ allowedTools: ["function"], validFrom: "2026-01-01T00:00:00.000Z" });
    await newPolicy(caller, {
      kind: "boundary",
      actions: ["chat"],
      resources: ["api://azure-openai/models/spread"],
      constraints: { allowedCountries: ["DE"], dataResidency: "eu" },
    });
    expect(await listed(caller, frankfurt)).toEqual(["spread"]);
    expect(await listed(caller, { ...frankfurt, country: "FR" })).toBe("outside_boundary");
  });
});
