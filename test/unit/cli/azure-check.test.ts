// `portcullis azure check`: every backend of every deployment, a line each, and an exit code.
import { describe, expect, it } from "vitest";
import { azureCheck } from "../../../src/cli/azure-check.ts";
import { typed } from "./command-fixture.ts";

const KEY = `pk_${"k".repeat(43)}`;
const backend = (changes: object = {}) => ({
  backend: "a",
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
const refused = backend({
  backend: "b",
  outcome: "refused",
  status: 401,
  reason: "PermissionDenied",
  model: null,
});

const named = (found: object) => ("backend" in found ? String(found.backend) : "");

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
      const deployment = path.split("/")[3] ?? "";
      // Each has backends of its own.
      const own = backends.map((found) => ({ ...found, backend: `${deployment}-${named(found)}` }));
      const body = { deployment, checkedAt: "2026-11-29T12:00:00.000Z", backends: own };
      return Response.json(body, { status });
    },
  });
  return { ...printed, requests };
}

describe("a check", () => {
  it("has every deployment checked and says what came of it", async () => {
    expect(await run([backend()])).toEqual({
      code: 0,
      out: [
        "gpt gpt-a chat/completions answered, credential entra, status 200, model gpt-4o-2024-08-06, 412 ms, processing zone (DataZoneStandard, swedencentral)",
        "embed embed-a chat/completions answered, credential entra, status 200, model gpt-4o-2024-08-06, 412 ms, processing zone (DataZoneStandard, swedencentral)",
        "2 of 2 backends answered.",
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
    expect(out.at(-1)).toBe("2 of 4 backends answered.");
  });

  it("has answers of all operations before a backend counts, and has no picture made unless asked", async () => {
    const heard = backend({ operation: "audio/transcriptions", model: null });
    const busy = backend({ operation: "audio/translations", outcome: "busy", status: 429, model: null });
    expect(await run([heard, busy])).toMatchObject({
      code: 1,
      out: { length: 5, 4: "0 of 2 backends answered." },
    });

    const picture = { backend: "c", operation: "images/generations", status: null, model: null };
    const uncalled = backend({ ...picture, outcome: "not_called", reason: "a picture costs money" });
    const { code, out, requests } = await run([backend(), uncalled]);
    expect(code).toBe(0);
    expect(out[1]).toContain(
      "images/generations not_called, credential entra, a picture costs money, 412 ms",
    );
    expect(out.at(-1)).toBe(
      "2 of 4 backends answered. No picture was asked of 2: --images does that, and costs money.",
    );
    expect(requests.at(-1)).toBe("POST /v1/deployments/embed/check");
    expect((await run([backend()], ["--images"])).requests.slice(2)).toEqual([
      "POST /v1/deployments/gpt/check?images=true",
      "POST /v1/deployments/embed/check?images=true",
    ]);
  });

  it("prints the answers as they came with --json", async () => {
    const { out } = await run([refused], ["--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject([
      { deployment: "gpt", backends: [{ ...refused, backend: "gpt-b" }] },
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
