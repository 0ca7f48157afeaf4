// Default deny for paths: one spelling for each operation, everything else refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathTable } from "../../../src/azure/path-table.ts";
import { matchesOf, routeOf } from "../../../src/azure/route.ts";

const DATED = "2024-10-21";

function told(method: string, path: string, apiVersion: string | null, isWebSocket = false): string {
  const route = routeOf(method, path, apiVersion, isWebSocket);
  if (!route.ok) return route.error.refusal.code;
  switch (route.value.kind) {
    case "models":
      return "models";
    case "stored": {
      const { stored, id } = route.value;
      return `${stored.method} ${stored.path} of ${id} as ${route.value.apiVersion}`;
    }
    case "v1":
      return `v1 ${route.value.operation.action}`;
    case "classic":
      return `classic ${route.value.operation.action} on ${route.value.deployment} as ${route.value.apiVersion}`;
  }
}

describe("paths that are served", () => {
  it.each<[method: string, path: string, apiVersion: string | null, route: string]>([
    ["POST", "/openai/deployments/gpt-4/chat/completions", DATED, "classic chat on gpt-4 as 2024-10-21"],
    [
      "POST",
      "/openai/deployments/gpt-4.1_x/completions",
      "2025-04-01-preview",
      "classic completion on gpt-4.1_x as 2025-04-01-preview",
    ],
    ["POST", "/openai/deployments/e/embeddings", DATED, "classic embedding on e as 2024-10-21"],
    ["POST", "/openai/responses", DATED, "classic response on null as 2024-10-21"],
    ["POST", "/openai/responses", null, "api_version_invalid"],
    ["POST", "/openai/images/edits", DATED, "classic image on null as 2024-10-21"],
    ["POST", "/openai/images/edits", null, "api_version_invalid"],
    ["POST", "/openai/deployments/i/images/edits", DATED, "classic image on i as 2024-10-21"],
    ["POST", "/openai/deployments/i/images/generations", DATED, "classic image on i as 2024-10-21"],
    ["POST", "/openai/deployments/w/audio/transcriptions", DATED, "classic audio on w as 2024-10-21"],
    ["POST", "/openai/deployments/w/audio/translations", DATED, "classic audio on w as 2024-10-21"],
    ["POST", "/openai/deployments/t/audio/speech", DATED, "classic audio on t as 2024-10-21"],
    ["POST", "/openai/v1/chat/completions", null, "v1 chat"],
    ["POST", "/openai/v1/chat/completions", "v1", "v1 chat"],
    ["POST", "/openai/v1/embeddings", "preview", "v1 embedding"],
    ["POST", "/openai/v1/responses", null, "v1 response"],
    ["POST", "/openai/v1/images/generations", null, "v1 image"],
    ["POST", "/openai/v1/images/edits", null, "v1 image"],
    ["POST", "/openai/v1/audio/transcriptions", null, "v1 audio"],
    ["POST", "/openai/v1/audio/translations", "preview", "v1 audio"],
    ["POST", "/openai/v1/audio/speech", null, "v1 audio"],
    ["GET", "/openai/v1/models", null, "models"],
    ["GET", "/openai/models", DATED, "models"],
    ["GET", "/openai/v1/responses/resp_1", null, "GET responses/{id} of resp_1 as null"],
    ["DELETE", "/openai/v1/responses/resp_1", "v1", "DELETE responses/{id} of resp_1 as v1"],
    [
      "POST",
      "/openai/responses/resp_1/cancel",
      "2025-04-01-preview",
      "POST responses/{id}/cancel of resp_1 as 2025-04-01-preview",
    ],
    [
      "GET",
      "/openai/v1/responses/resp_1/input_items",
      null,
      "GET responses/{id}/input_items of resp_1 as null",
    ],
    [
      "GET",
      "/openai/chat/completions/chatcmpl-1",
      DATED,
      `GET chat/completions/{id} of chatcmpl-1 as ${DATED}`,
    ],
    [
      "GET",
      "/openai/v1/chat/completions/chatcmpl-1/messages",
      null,
      "GET chat/completions/{id}/messages of chatcmpl-1 as null",
    ],
    ["GET", "/openai/responses/resp_1", null, "api_version_invalid"],
    ["GET", `/openai/v1/responses/${"r".repeat(129)}`, null, "path_invalid"],
    ["GET", "/openai/v1/responses/resp.1", null, "path_invalid"],
  ])("%s %s?api-version=%s is %s", (method, path, apiVersion, route) => {
    expect(told(method, path, apiVersion)).toBe(route);
  });
});

describe("what Azure has and the gateway does not serve yet", () => {
  it.each<[method: string, path: string, code: string]>([
    ["POST", "/openai/v1/files", "files_not_served"],
    ["GET", "/openai/files", "files_not_served"],
    ["GET", "/openai/v1/files/file-1/content", "files_not_served"],
    ["POST", "/openai/v1/uploads/upload_1/parts", "files_not_served"],
    ["POST", "/openai/batches", "batches_not_served"],
    ["POST", "/openai/deployments/gpt-4/batches", "batches_not_served"],
    ["POST", "/openai/v1/batches/batch_1/cancel", "batches_not_served"],
    ["GET", "/openai/v1/realtime", "realtime_not_served"],
    ["POST", "/openai/v1/realtime/client_secrets", "realtime_not_served"],
    ["PATCH", "/openai/assistants/asst_1", "operation_not_served"],
    ["POST", "/openai/v1/vector_stores", "operation_not_served"],
    ["POST", "/openai/v1/conversations", "operation_not_served"],
    ["POST", "/openai/v1/responses/input_tokens", "operation_not_served"],
    ["DELETE", "/openai/responses/compact", "operation_not_served"],
    ["GET", "/openai/v1/chat/completions", "operation_not_served"],
    ["POST", "/openai/v1/chat/completions/chatcmpl-1", "operation_not_served"],
  ])("%s %s is %s", (method, path, code) => {
    expect(told(method, path, null)).toBe(code);
  });

  it("knows a websocket from a GET of the same path", () => {
    expect(told("GET", "/openai/v1/responses", null, true)).toBe("realtime_not_served");
    expect(told("GET", "/openai/v1/responses", null)).toBe("method_not_allowed");
    expect(told("GET", "/openai/v1/models", null, true)).toBe("models");
  });

  it("names the methods of a path, without a websocket's", () => {
    const route = routeOf("PUT", "/openai/v1/responses", null);
    expect(route.ok || route.error.allow).toEqual(["POST"]);
    const stored = routeOf("PUT", "/openai/v1/responses/resp_1", null);
    expect(stored.ok || stored.error.allow).toEqual(["GET", "DELETE"]);
  });
});

describe("the table", () => {
  const word = fc.constantFrom(
    ...new Set(pathTable.flatMap(({ path }) => path.split("/").slice(1))),
    "openai",
    "v1",
    "resp_1",
    "x",
    "",
    "..",
    "%2e",
  );
  const path = fc.array(word, { maxLength: 7 }).map((words) => `/${words.join("/")}`);
  /** A path as a row spells it, so that rows are met often. */
  const ofRow = fc
    .tuple(
      fc.constantFrom(...pathTable),
      fc.constantFrom("", "/x", "/x/y"),
      fc.constantFrom("resp_1", "compact"),
    )
    .map(([row, rest, name]) => row.path.replace("/{rest}", rest).replaceAll(/\{(?:deployment|id)\}/g, name));

  it("has no two rows for one path", () => {
    expect(new Set(pathTable.map((row) => row.path)).size).toBe(pathTable.length);
    fc.assert(
      fc.property(fc.oneof(path, ofRow), (one) => {
        expect(matchesOf(one).length).toBeLessThan(2);
      }),
      { numRuns: 2_000 },
    );
  });

  it("refuses what is in no row, whatever the method", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          path,
          ofRow,
          fc.string().map((text) => `/openai/${text}`),
        ),
        fc.constantFrom("GET", "POST", "DELETE", "PUT", "*", "WEBSOCKET"),
        fc.boolean(),
        (one, method, isWebSocket) => {
          const route = routeOf(method, one, null, isWebSocket);
          const isListed = pathTable.some(({ path: listed }) => spelledAs(listed, one));
          if (!isListed) expect(route.ok).toBe(false);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** By hand, without the expressions that routes are matched by. */
function spelledAs(listed: string, path: string): boolean {
  const wanted = listed.split("/");
  const given = path.split("/");
  const hasRest = wanted.at(-1) === "{rest}";
  const fixed = hasRest ? wanted.slice(0, -1) : wanted;
  if (hasRest ? given.length < fixed.length : given.length !== fixed.length) return false;
  return fixed.every((part, index) => (part.startsWith("{") ? given[index] !== "" : part === given[index]));
}

describe("paths that are refused", () => {
  it.each<[path: string, code: string]>([
    ["/", "route_unknown"],
    ["/openai", "route_unknown"],
    ["/openai/", "route_unknown"],
    ["/openai/v1", "route_unknown"],
    ["/openai/v1/", "route_unknown"],
    ["/openai/v1/chat/completions/", "route_unknown"],
    ["/openai/v1/Chat/Completions", "route_unknown"],
    ["/OpenAI/v1/chat/completions", "route_unknown"],
    ["/openai/V1/chat/completions", "route_unknown"],
    ["/openai/v1/completions", "route_unknown"],
    ["/openai/v1/files", "files_not_served"],
    ["/openai/v1/responses/resp_1", "method_not_allowed"],
    ["/openai/v1/responses/resp_1/", "route_unknown"],
    ["/openai/v1/responses/resp_1/cancel/now", "route_unknown"],
    ["/openai/v1/responses/compact", "operation_not_served"],
    ["/openai/v1/images/variations", "route_unknown"],
    ["/openai/v1/images", "route_unknown"],
    ["/openai/v1/__proto__", "route_unknown"],
    ["/openai/v1/constructor", "route_unknown"],
    ["/openai/v1/toString", "route_unknown"],
    ["/openai/v1/../v1/responses", "route_unknown"],
    ["/openai/models", "method_not_allowed"],
    ["/openai/models/gpt-4", "operation_not_served"],
    ["/openai/v1/models/gpt-4", "operation_not_served"],
    ["/openai/realtime", "realtime_not_served"],
    ["/openai/filesystem", "route_unknown"],
    ["/openai/v1/Files", "route_unknown"],
    ["/v1/files", "route_unknown"],
    ["/openai/deployments/gpt-4/responses", "route_unknown"],
    ["/openai/deployments/gpt-4/chat/completions/", "route_unknown"],
    ["/openai/images/generations", "route_unknown"],
    ["/openai/audio/speech", "route_unknown"],
    ["/openai/deployments/gpt-4/extensions/chat/completions", "route_unknown"],
    ["/openai/deployments/gpt-4/../gpt-5/chat/completions", "route_unknown"],
    ["/openai/deployments/gpt-4/x/chat/completions", "route_unknown"],
    ["/prefix/openai/v1/responses", "route_unknown"],
    ["/openai/deployments/../chat/completions", "path_invalid"],
    ["/openai/deployments/./chat/completions", "path_invalid"],
    ["/openai/deployments/gpt 4/chat/completions", "path_invalid"],
    ["/openai/deployments/-gpt/chat/completions", "path_invalid"],
    [`/openai/deployments/${"g".repeat(65)}/chat/completions`, "path_invalid"],
    ["/openai/deployments/gpt%2D4/chat/completions", "path_invalid"],
    ["/openai/deployments/gpt%2f4/chat/completions", "path_invalid"],
    ["/openai/deployments/%2e%2e/chat/completions", "path_invalid"],
    ["/openai/v1/%72esponses", "path_invalid"],
    ["/openai/v1//responses", "path_invalid"],
    ["//openai/v1/responses", "path_invalid"],
    ["/openai/deployments//chat/completions", "path_invalid"],
    ["/openai\\v1\\responses", "path_invalid"],
  ])("%s is %s", (path, code) => {
    expect(told("POST", path, path.includes("/deployments/") ? DATED : null)).toBe(code);
  });

  it.each<[path: string, apiVersion: string | null]>([
    ["/openai/deployments/gpt-4/chat/completions", null],
    ["/openai/deployments/gpt-4/chat/completions", ""],
    ["/openai/deployments/gpt-4/chat/completions", "v1"],
    ["/openai/deployments/gpt-4/chat/completions", "latest"],
    ["/openai/deployments/gpt-4/chat/completions", "2024-10-21&x=1"],
    ["/openai/deployments/gpt-4/chat/completions", "2024-10-21\n"],
    ["/openai/v1/chat/completions", DATED],
    ["/openai/v1/chat/completions", ""],
    ["/openai/v1/models", DATED],
  ])("%s with api-version %j is api_version_invalid", (path, apiVersion) => {
    expect(told(path.endsWith("models") ? "GET" : "POST", path, apiVersion)).toBe("api_version_invalid");
  });

  it.each<[method: string, path: string]>([
    ["GET", "/openai/v1/embeddings"],
    ["DELETE", "/openai/v1/responses"],
    ["PUT", "/openai/v1/responses/resp_1"],
    ["DELETE", "/openai/v1/chat/completions"],
    ["PUT", "/openai/deployments/gpt-4/chat/completions"],
    ["post", "/openai/v1/responses"],
    ["HEAD", "/openai/v1/models"],
    ["POST", "/openai/v1/models"],
  ])("%s %s is method_not_allowed", (method, path) => {
    expect(told(method, path, path.includes("/deployments/") ? DATED : null)).toBe("method_not_allowed");
  });
});
