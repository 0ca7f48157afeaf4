// The way to a backend: URL, headers there and back, which backend, and what an error costs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settlementOfError } from "../../../src/azure/billing.ts";
import { chooseBackend } from "../../../src/azure/choose-backend.ts";
import { callerHeaders, upstreamHeaders } from "../../../src/azure/headers.ts";
import { type OperationName, operations } from "../../../src/azure/operation.ts";
import { upstreamOf } from "../../../src/azure/upstream-url.ts";
import { backendId, backendOf } from "./azure-fixture.ts";

describe("the URL at Azure", () => {
  const host = "https://sweden.openai.azure.com/openai";
  it.each<[backendVersion: string, name: OperationName, asked: string | null, url: string, usage: boolean]>([
    ["v1", "chat/completions", null, `${host}/v1/chat/completions`, true],
    ["v1", "responses", null, `${host}/v1/responses`, true],
    ["preview", "embeddings", null, `${host}/v1/embeddings?api-version=preview`, true],
    [
      "v1",
      "chat/completions",
      "2024-10-21",
      `${host}/deployments/gpt-4-eu/chat/completions?api-version=2024-10-21`,
      true,
    ],
    [
      "v1",
      "completions",
      "2024-08-01-preview",
      `${host}/deployments/gpt-4-eu/completions?api-version=2024-08-01-preview`,
      false,
    ],
    [
      "2024-09-01-preview",
      "chat/completions",
      null,
      `${host}/deployments/gpt-4-eu/chat/completions?api-version=2024-09-01-preview`,
      true,
    ],
    [
      "2024-06-01",
      "chat/completions",
      null,
      `${host}/deployments/gpt-4-eu/chat/completions?api-version=2024-06-01`,
      false,
    ],
    ["2025-04-01-preview", "responses", null, `${host}/responses?api-version=2025-04-01-preview`, true],
  ])("backend %s, %s asked with %s", (apiVersion, name, asked, url, canReportUsage) => {
    expect(upstreamOf(backendOf({ apiVersion }), operations[name], asked)).toEqual({ url, canReportUsage });
  });

  it("has no double slash, however the endpoint ends", () => {
    const backend = backendOf({ endpoint: "https://x.test/base//" });
    expect(upstreamOf(backend, operations.responses, null).url).toBe(
      "https://x.test/base/openai/v1/responses",
    );
  });
});

describe("headers to Azure", () => {
  it("are those on the list, and the gateway's own key", () => {
    const headers = upstreamHeaders(
      new Headers({
        accept: "text/event-stream",
        "x-ms-client-request-id": "caller-1",
        authorization: "Bearer capability",
        "api-key": "capability",
        "content-type": "text/plain",
        "x-ms-spillover-deployment": "elsewhere",
        "x-policy-id": "lenient",
        "aoai-evals": "preview",
        "openai-beta": "assistants=v2",
        "x-forwarded-for": "192.0.2.1",
        "cf-connecting-ip": "192.0.2.1",
        cookie: "a=b",
        "x-stainless-lang": "js",
      }),
      ["api-key", "azure-key"],
    );
    expect(Object.fromEntries(headers)).toEqual({
      accept: "text/event-stream",
      "api-key": "azure-key",
      "content-type": "application/json",
      "x-ms-client-request-id": "caller-1",
    });
  });

  it("never hold x-ms-spillover-deployment nor the caller's credential, whatever else is sent", () => {
    const name = fc.stringMatching(/^x-[a-z-]{1,20}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.stringMatching(/^[a-z0-9]{0,10}$/)), (extra) => {
        const headers = upstreamHeaders(
          new Headers({ ...extra, "X-MS-Spillover-Deployment": "x", Authorization: "Bearer secret" }),
          ["authorization", "Bearer of-the-gateway"],
        );
        expect(Object.fromEntries(headers)).toEqual({
          authorization: "Bearer of-the-gateway",
          "content-type": "application/json",
        });
      }),
    );
  });
});

describe("headers from Azure", () => {
  it("drop what is inside the cluster", () => {
    const headers = callerHeaders(
      new Headers({
        "content-type": "application/json",
        "apim-request-id": "a",
        "x-request-id": "b",
        "x-ms-region": "Sweden Central",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-limit-requests": "-1",
        "x-aml-cluster": "hyena-japaneast-02",
        "azureml-model-session": "v1",
        "ms-azureml-model-time": "5",
        "x-envoy-upstream-service-time": "5",
        "x-ms-deployment-name": "internal-name",
        "set-cookie": "a=b",
        location: "https://elsewhere.test",
        "www-authenticate": "Bearer",
        "content-encoding": "gzip",
        "content-length": "12",
        "strict-transport-security": "max-age=1",
        "access-control-allow-origin": "*",
      }),
    );
    expect([...headers.keys()].sort()).toEqual([
      "apim-request-id",
      "content-type",
      "x-ms-region",
      "x-ratelimit-limit-requests",
      "x-ratelimit-remaining-tokens",
      "x-request-id",
    ]);
  });

  it.each<[name: string, sent: string, told: string]>([
    ["retry-after", "0", "0"],
    ["retry-after", "59", "59"],
    ["retry-after", "60", "60"],
    ["retry-after", "61", "60"],
    ["retry-after", "86400", "60"],
    ["retry-after", "1e9", "60"],
    ["retry-after", "Infinity", "60"],
    ["retry-after", "Wed, 21 Oct 2099 07:28:00 GMT", "60"],
    ["retry-after", "soon", "60"],
    ["retry-after-ms", "50", "50"],
    ["retry-after-ms", "60000", "60000"],
    ["retry-after-ms", "86400000", "60000"],
  ])("%s: %s is told as %s", (name, sent, told) => {
    expect(callerHeaders(new Headers({ [name]: sent })).get(name)).toBe(told);
  });

  it("invent no wait", () => {
    expect([...callerHeaders(new Headers()).keys()]).toEqual([]);
  });
});

describe("the choice of a backend", () => {
  const backends = fc
    .array(fc.record({ priority: fc.nat({ max: 3 }), weight: fc.integer({ min: 1, max: 20 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((drawn) => drawn.map((fields, index) => backendOf({ ...fields, id: backendId(index) })));

  it("falls on the lowest priority, each as often as its weight says", () => {
    fc.assert(
      fc.property(backends, (all) => {
        const lowest = Math.min(...all.map(({ priority }) => priority));
        const tier = all.filter(({ priority }) => priority === lowest);
        const total = tier.reduce((sum, { weight }) => sum + weight, 0);
        const chosen = Array.from({ length: total }, (_, point) => chooseBackend(all, (point + 0.5) / total));
        for (const backend of all) {
          expect(chosen.filter((one) => one === backend).length).toBe(
            backend.priority === lowest ? backend.weight : 0,
          );
        }
      }),
    );
  });

  it("is one of them at both ends of chance, and half of it is the second", () => {
    const two = [backendOf(), backendOf({ id: backendId(2) })] as const;
    expect(chooseBackend(two, 0)).toBe(two[0]);
    expect(chooseBackend(two, 0.5)).toBe(two[1]);
    expect(chooseBackend(two, 1 - Number.EPSILON)).toBe(two[1]);
  });

  it("is none where none may be called", () => {
    expect(chooseBackend([], 0)).toBeNull();
  });
});

describe("what an error of Azure costs", () => {
  it("a prompt that the content filter refused is billed, as it was bounded", () => {
    const filtered = { error: { code: "content_filter", status: 400 } };
    expect(settlementOfError(operations["chat/completions"], 400, filtered, 120)).toEqual({
      kind: "used",
      usage: { promptTokens: 120, cachedPromptTokens: 0, completionTokens: 0, totalTokens: 120 },
    });
    expect(settlementOfError(operations["chat/completions"], 400, filtered, null)).toEqual({
      kind: "as_reserved",
    });
  });

  it.each([
    { error: { code: "429", message: "content_filter" } },
    { error: "content_filter" },
    { error: null },
    { code: "content_filter" },
    [],
    "content_filter",
    undefined,
    null,
  ])("%j is free", (answer) => {
    expect(settlementOfError(operations["chat/completions"], 400, answer, 120)).toEqual({ kind: "released" });
  });

  it.each([401, 403, 429, 500, 503, 599])("nothing with %i, whatever its body says", (status) => {
    const filtered = { error: { code: "content_filter" } };
    expect(settlementOfError(operations["chat/completions"], status, filtered, 120)).toEqual({
      kind: "released",
    });
  });
});
