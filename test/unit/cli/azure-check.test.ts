// `portcullis azure check`: every backend of every deployment, a line each, and an exit code.
import { describe, expect, it } from "vitest";
import { azureCheck } from "../../../src/cli/azure-check.ts";
import { typed } from "./command-fixture.ts";

const KEY = `pk_${"k".repeat(43)}`;
const backend = (changes: object = {}) => ({
  backend: `backend_${"1".repeat(32)}`,
  azureDeployment: "gpt",
  region: "swedencentral",
  sku: "DataZoneStandard",
  processing: "zone",
  credential: "entra",
  operation: "chat/completions",
  outcome: "answered",
  status: 200,
  reason: null,
  model: "gpt-4o-2024-08-06",
  durationMs: 412,
  ...changes,
});
const refused = backend({ outcome: "refused", status: 401, reason: "PermissionDenied", model: null });

async function run(backends: readonly object[], args: readonly string[] = [], status = 200) {
  const requests: string[] = [];
  const printed = await typed([azureCheck], ["azure", "check", ...args], {
    environment: { PORTCULLIS: "https://gateway.contoso.com", ADMIN_KEY: KEY },
    async fetch(url, init) {
      const path = String(url).slice("https://gateway.contoso.com".length);
      requests.push(`${init?.method ?? "GET"} ${path}`);
      if (path === "/v1/deployments?limit=200")
        return Response.json({ items: [{ name: "gpt" }], nextCursor: "c 1" });
      if (path.startsWith("/v1/deployments?"))
        return Response.json({ items: [{ name: "embed" }], nextCursor: null });
      const deployment = path.split("/")[3];
      return Response.json({ deployment, checkedAt: "2026-11-29T12:00:00.000Z", backends }, { status });
    },
  });
  return { ...printed, requests };
}

describe("a check", () => {
  it("has every deployment checked and says what came of it", async () => {
    expect(await run([backend()])).toEqual({
      code: 0,
      out: [
        `gpt backend_${"1".repeat(32)} chat/completions answered, credential entra, status 200, model gpt-4o-2024-08-06, 412 ms, processing zone (DataZoneStandard, swedencentral)`,
        `embed backend_${"1".repeat(32)} chat/completions answered, credential entra, status 200, model gpt-4o-2024-08-06, 412 ms, processing zone (DataZoneStandard, swedencentral)`,
        "1 of 1 backends answered.",
      ],
      err: [],
      requests: [
        "GET /v1/deployments?limit=200",
        "GET /v1/deployments?limit=200&cursor=c%201",
        "POST /v1/deployments/gpt/check",
        "POST /v1/deployments/embed/check",
      ],
    });
  });

  it("ends with 1 where a backend did not answer", async () => {
    const { code, out } = await run([backend(), refused]);
    expect(code).toBe(1);
    expect(out[1]).toContain("refused, credential entra, status 401, PermissionDenied, 412 ms");
    expect(out.at(-1)).toBe("0 of 1 backends answered.");
  });

  it("prints the answers as they came with --json", async () => {
    const { out } = await run([refused], ["--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject([
      { deployment: "gpt", backends: [refused] },
      { deployment: "embed" },
    ]);
  });

  it("ends with 2 where it was not made", async () => {
    const { code, out, err } = await run([], [], 403);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join()).toMatch(/status 403.*deployments:write/);
    expect((await run([{ backend: "x" }])).code).toBe(2);
    expect((await run([], ["--url", "http://gateway.contoso.com"])).requests).toEqual([]);
    expect((await run([], [KEY])).err.join()).not.toContain(KEY);
  });
});
