// What of a request about a stored answer goes to Azure: its id, what the operation takes, and nothing else.
import { describe, expect, it } from "vitest";
import { pathTable } from "../../../src/azure/path-table.ts";
import { storedIdOf } from "../../../src/azure/stored-objects.ts";
import { storedQuery } from "../../../src/azure/stored-query.ts";
import { storedUrlOf } from "../../../src/azure/upstream-url.ts";
import { gatewayRoutes } from "../../../src/gateway/described-routes.ts";
import { MAX_QUERY_PARAMETERS } from "../../../src/kernel/limits.ts";

describe("the query", () => {
  const takes = { query: ["include[]", "limit"] };
  const told = (query: string) => {
    const passed = storedQuery(takes, new URLSearchParams(query));
    return passed.ok ? decodeURIComponent(String(passed.value)) : passed.error.code;
  };

  it.each([
    ["", ""],
    ["limit=2&include[]=a&include[]=b", "limit=2&include[]=a&include[]=b"],
    ["api-version=2025-04-01-preview&limit=2", "limit=2"],
    ["limit=2%26api-version%3Dx", "limit=2&api-version=x"],
    ["api-key=secret", "query_invalid"],
    ["Limit=2", "query_invalid"],
    ["limit[]=2", "query_invalid"],
    [`limit=${"1".repeat(257)}`, "query_invalid"],
    ["limit=1&".repeat(MAX_QUERY_PARAMETERS + 1), "query_invalid"],
  ])("%j becomes %j", (query, passed) => {
    expect(told(query)).toBe(passed);
  });

  it("is never quoted in a refusal", () => {
    const refused = storedQuery(takes, new URLSearchParams("secret-name=secret-value"));
    expect(JSON.stringify(refused)).not.toContain("secret");
  });
});

describe("the address", () => {
  const query = new URLSearchParams("include[]=a b&limit=1");
  const at = (apiVersion: string, asked: string | null) =>
    storedUrlOf(
      { endpoint: "https://one.test/", azureDeployment: "gpt", apiVersion },
      "responses/resp_1/input_items",
      asked,
      query,
    );
  const path = "responses/resp_1/input_items?include%5B%5D=a+b&limit=1";

  it.each([
    ["v1", null, `https://one.test/openai/v1/${path}`],
    ["v1", "preview", `https://one.test/openai/v1/${path}&api-version=preview`],
    ["v1", "2025-04-01-preview", `https://one.test/openai/${path}&api-version=2025-04-01-preview`],
    ["2025-04-01-preview", null, `https://one.test/openai/${path}&api-version=2025-04-01-preview`],
    ["2025-04-01-preview", "v1", `https://one.test/openai/${path}&api-version=2025-04-01-preview`],
  ])("of a backend at %s, asked for as %s", (apiVersion, asked, url) => {
    expect(at(apiVersion, asked)).toBe(url);
  });
});

it.each<[name: "responses" | "chat/completions", value: unknown, id: string | null]>([
  ["responses", { id: "resp_1" }, "resp_1"],
  ["responses", { type: "response.created", response: { id: "resp_1" } }, "resp_1"],
  ["responses", { type: "response.output_text.delta", item_id: "msg_1" }, null],
  ["chat/completions", { id: "chatcmpl-1" }, "chatcmpl-1"],
  // The first event of Azure's has none.
  ["chat/completions", { id: "", choices: [] }, null],
  ["chat/completions", { id: "a/b" }, null],
  ["responses", { id: 1 }, null],
  ["responses", null, null],
])("%s with %j tells the id %j", (name, value, id) => {
  expect(storedIdOf({ name }, value)).toBe(id);
});

it("every path that is served is described, and no other", () => {
  const served = pathTable.flatMap(({ path, methods }) =>
    [...methods].flatMap(([method, { kind }]) => (kind === "unserved" ? [] : [`${method} ${path}`])),
  );
  const described = gatewayRoutes
    .filter(({ tag }) => tag === "openai")
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect(described.toSorted()).toEqual(served.toSorted());
});
