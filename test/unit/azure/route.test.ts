// Default deny for paths: one spelling for each operation, everything else refused.
import { describe, expect, it } from "vitest";
import { routeOf } from "../../../src/azure/route.ts";

const DATED = "2024-10-21";

function told(method: string, path: string, apiVersion: string | null): string {
  const route = routeOf(method, path, apiVersion);
  if (!route.ok) return route.error.code;
  if (route.value.kind === "models") return "models";
  const { operation } = route.value;
  return route.value.kind === "v1"
    ? `v1 ${operation.action}`
    : `classic ${operation.action} on ${route.value.deployment} as ${route.value.apiVersion}`;
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
  ])("%s %s?api-version=%s is %s", (method, path, apiVersion, route) => {
    expect(told(method, path, apiVersion)).toBe(route);
  });
});

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
    ["/openai/v1/files", "route_unknown"],
    ["/openai/v1/responses/resp_1", "route_unknown"],
    ["/openai/v1/responses/compact", "route_unknown"],
    ["/openai/v1/images/variations", "route_unknown"],
    ["/openai/v1/images", "route_unknown"],
    ["/openai/v1/__proto__", "route_unknown"],
    ["/openai/v1/constructor", "route_unknown"],
    ["/openai/v1/toString", "route_unknown"],
    ["/openai/v1/../v1/responses", "route_unknown"],
    ["/openai/models", "route_unknown"],
    ["/openai/realtime", "route_unknown"],
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
    ["GET", "/openai/v1/chat/completions"],
    ["DELETE", "/openai/v1/responses"],
    ["PUT", "/openai/deployments/gpt-4/chat/completions"],
    ["post", "/openai/v1/responses"],
    ["HEAD", "/openai/v1/models"],
    ["POST", "/openai/v1/models"],
  ])("%s %s is method_not_allowed", (method, path) => {
    expect(told(method, path, path.includes("/deployments/") ? DATED : null)).toBe("method_not_allowed");
  });
});
