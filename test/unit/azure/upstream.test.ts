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

  it.each<[name: string, sent: string, passes: boolean]>([
    ["x-ms-client-request-id", "6c4f1b4e-5806-4057-bcf7-6e731f2056b1", true],
    ["x-ms-client-request-id", `|00-4bf9/${"a".repeat(119)}`.slice(1), true],
    ["x-ms-client-request-id", "a".repeat(129), false],
    ["x-ms-client-request-id", "forged entry", false],
    ["x-ms-client-request-id", '{"level":"error"}', false],
    ["x-ms-client-request-id", "caf\u00e9", false],
    ["accept", "text/event-stream, application/json;q=0.9", true],
    ["accept", "x".repeat(201), false],
    ["accept", "\u00e9", false],
  ])("%s: %j passes: %s", (name, sent, passes) => {
    const headers = upstreamHeaders(new Headers({ [name]: sent }), ["api-key", "azure-key"]);
    expect(headers.get(name)).toBe(passes ? sent : null);
  });

  it("are never others, whatever is sent: not the caller's credential, nor what changes behaviour", () => {
    const name = fc.oneof(
      fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/),
      fc.constantFrom(
        ...[
          "X-MS-Spillover-Deployment",
          "X-Policy-Id",
          "AOAI-Evals",
          "aoai-copy-ft-checkpoints",
          "OpenAI-Beta",
        ],
        ...[
          "traceparent",
          "tracestate",
          "baggage",
          "OpenAI-Organization",
          "Cookie",
          "Host",
          "Content-Length",
        ],
        ...["Authorization", "API-Key", "Ocp-Apim-Subscription-Key", "x-ms-useragent", "Idempotency-Key"],
      ),
    );
    const value = fc.stringMatching(/^[\x21-\x7e\u00a0-\u00ff]{0,40}$/);
    const credential = fc.constantFrom("authorization" as const, "api-key" as const);
    fc.assert(
      fc.property(fc.dictionary(name, value), credential, (sent, credentialName) => {
        const headers = upstreamHeaders(new Headers(sent), [credentialName, "of the gateway"]);
        expect(headers.get(credentialName)).toBe("of the gateway");
        expect(headers.get("content-type")).toBe("application/json");
        for (const [passed, told] of headers) {
          if (passed === credentialName || passed === "content-type") continue;
          expect(["accept", "x-ms-client-request-id"]).toContain(passed);
          expect(told).toMatch(/^[\x20-\x7e]{1,200}$/);
        }
      }),
    );
  });
});

describe("headers from Azure", () => {
  it("drop what is inside the cluster, of the connection, or another host's", () => {
    const headers = callerHeaders(
      new Headers({
        "content-type": "application/json",
        "apim-request-id": "a",
        "x-request-id": "b",
        "x-ms-region": "Sweden Central",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-limit-requests": "450",
        "x-accel-buffering": "no",
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
      "x-accel-buffering",
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
    ["x-ms-retry-after-ms", "50", "50"],
    ["x-ms-retry-after-ms", "86400000", "60000"],
    ["retry-after", "0.5", "0.5"],
    ["retry-after", "-5", "60"],
    ["retry-after", "0x10", "60"],
    ["retry-after", "", "60"],
  ])("%s: %s is told as %s", (name, sent, told) => {
    expect(callerHeaders(new Headers({ [name]: sent })).get(name)).toBe(told);
  });

  it("invent no wait", () => {
    expect([...callerHeaders(new Headers()).keys()]).toEqual([]);
  });

  it("say nothing of a meter that Azure does not count, and all of the other", () => {
    const sent = {
      "x-ratelimit-limit-tokens": "-1",
      "x-ratelimit-remaining-tokens": "-1",
      "x-ratelimit-reset-tokens": "0",
      "x-ratelimit-limit-requests": "450",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "17",
    };
    expect(Object.fromEntries(callerHeaders(new Headers(sent)))).toEqual({
      "x-ratelimit-limit-requests": "450",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "17",
    });
  });

  it("are never others, whatever Azure sends", () => {
    const rate = fc
      .tuple(fc.constantFrom("limit", "remaining", "reset"), fc.constantFrom("requests", "tokens"))
      .map((parts) => ["x-ratelimit", ...parts].join("-"));
    const name = fc.oneof(
      rate,
      fc.stringMatching(
        /^(?:x-(?:ms-|envoy-|aml-|ratelimit-)?|azureml-|openai-)?[a-z]{1,10}(?:-[a-z]{1,8})?$/,
      ),
      fc.constantFrom(
        ...[
          "Retry-After",
          "retry-after-ms",
          "x-ms-retry-after-ms",
          "Set-Cookie",
          "Location",
          "Content-Encoding",
        ],
        ...["Strict-Transport-Security", "x-ms-deployment-name", "x-ms-spillover-error", "x-accel-buffering"],
        ...["portcullis-decision", "portcullis-receipt", "RateLimit", "azure-openai-deployment-utilization"],
      ),
    );
    const value = fc.oneof(fc.stringMatching(/^[\x21-\x7e]{0,20}$/), fc.integer().map(String));
    const kept =
      /^(?:content-type|apim-request-id|x-request-id|x-ms-client-request-id|x-ms-region|x-should-retry|openai-processing-ms|x-accel-buffering|x-ratelimit-(?:limit|remaining|reset)-.+)$/;
    const maxima: Record<string, number> = {
      "retry-after": 60,
      "retry-after-ms": 60_000,
      "x-ms-retry-after-ms": 60_000,
    };
    fc.assert(
      fc.property(fc.dictionary(name, value), (sent) => {
        const upstream = new Headers(sent);
        for (const [passed, told] of callerHeaders(upstream)) {
          const max = maxima[passed];
          if (max !== undefined) {
            expect(Number(told)).toBeGreaterThanOrEqual(0);
            expect(Number(told)).toBeLessThanOrEqual(max);
            continue;
          }
          expect(passed).toMatch(kept);
          expect(told).toBe(upstream.get(passed));
          if (passed.startsWith("x-ratelimit-")) expect(told).not.toMatch(/^-/);
        }
      }),
    );
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
