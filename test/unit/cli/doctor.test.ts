// `portcullis doctor` as an operator's script meets it: lines, exit codes, and where the key goes.
import { describe, expect, it } from "vitest";
import { doctor } from "../../../src/cli/doctor.ts";
import type { Finding } from "../../../src/kernel/doctor-report.ts";

const KEY = `pk_${"k".repeat(43)}`;
const URL_GIVEN = "https://gateway.contoso.com";

const finding = (severity: Finding["severity"], changes: Partial<Finding> = {}): Finding => ({
  check: "homes",
  severity,
  subject: "eu",
  sentence: `A ${severity}.`,
  remedy: "Mend it.",
  ...changes,
});
const reportOf = (...findings: readonly Finding[]) => ({
  healthy: !findings.some(({ severity }) => severity === "error"),
  checkedAt: "2026-11-29T12:00:00.000Z",
  findings,
});

interface Given {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly answer?: () => Response;
}

async function run({ args = [], environment, answer = () => Response.json(reportOf()) }: Given = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const requests: { url: string; key: string | null; redirect: string | undefined }[] = [];
  const code = await doctor.run(args, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    environment: environment ?? { PORTCULLIS: URL_GIVEN, ADMIN_KEY: KEY },
    async fetch(url, init) {
      requests.push({
        url: String(url),
        key: new Headers(init?.headers).get("x-api-key"),
        redirect: init?.redirect,
      });
      return answer();
    },
    readFile: () => Promise.reject(new Error("not asked")),
    writeFile: () => Promise.reject(new Error("not asked")),
    listFolder: () => Promise.reject(new Error("not asked")),
    readStandardInput: () => Promise.reject(new Error("not asked")),
    clock: () => 0,
    random: (length) => new Uint8Array(length),
  });
  return { code, out, err, requests };
}

describe("the report", () => {
  it("is one line a finding, the worst first, and a count", async () => {
    const findings = [
      finding("ok", { subject: null, remedy: null }),
      finding("note"),
      finding("error", { check: "migrations", subject: "EU_DB" }),
      finding("warning"),
      finding("warning", { subject: null, remedy: null }),
    ];
    const { out, err, requests } = await run({ answer: () => Response.json(reportOf(...findings)) });
    expect(out).toEqual([
      "error   migrations [EU_DB] A error. Mend it.",
      "warning homes [eu] A warning. Mend it.",
      "warning homes A warning.",
      "note    homes [eu] A note. Mend it.",
      "ok      homes A ok.",
      "1 error, 2 warnings, 1 note, 1 ok (2026-11-29T12:00:00.000Z)",
    ]);
    expect(err).toEqual([]);
    expect(requests).toEqual([{ url: `${URL_GIVEN}/v1/doctor`, key: KEY, redirect: "manual" }]);
  });

  it.each<[severities: readonly Finding["severity"][], code: number]>([
    [[], 0],
    [["ok", "note"], 0],
    [["warning", "error", "ok"], 1],
    [["ok", "warning", "note"], 3],
  ])("of %j makes the exit code %d, as lines and as JSON", async (severities, code) => {
    const answer = () => Response.json(reportOf(...severities.map((severity) => finding(severity))));
    expect((await run({ answer })).code).toBe(code);
    const { code: asJson, out } = await run({ answer, args: ["--json"] });
    expect(asJson).toBe(code);
    expect(JSON.parse(out.join("\n"))).toEqual(await answer().json());
  });

  it("of a newer gateway is read too", async () => {
    const answer = () => Response.json({ ...reportOf({ ...finding("note"), check: "next" }), more: 1 });
    expect((await run({ answer })).out[0]).toContain("next");
  });

  it("cannot steer a terminal", async () => {
    const answer = () =>
      Response.json(reportOf(finding("note", { sentence: "\u001b[2J\nerror: \u009b31m" })));
    expect((await run({ answer })).out[0]).toBe("note    homes [eu]  [2J error:  31m Mend it.");
  });
});

describe("the URL", () => {
  it.each([["--url", "https://other.contoso.com"], ["--url=https://other.contoso.com"]])(
    "is that of %s before PORTCULLIS",
    async (...args) => {
      expect((await run({ args })).requests[0]?.url).toBe("https://other.contoso.com/v1/doctor");
    },
  );

  it.each(["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787/"])(
    "may be %s",
    async (url) => {
      expect((await run({ args: ["--url", url] })).code).toBe(0);
    },
  );

  it.each([
    "http://gateway.contoso.com",
    "ftp://127.0.0.1",
    "https://user:secret@gateway.contoso.com",
    "https://user@gateway.contoso.com",
    "gateway.contoso.com",
    "",
  ])("may not be %j: the key stays here", async (url) => {
    const { code, err, requests } = await run({ args: ["--url", url] });
    expect({ code, requests }).toEqual({ code: 2, requests: [] });
    expect(err.join()).not.toContain("secret");
  });
});

describe("exit code 2", () => {
  it.each<[what: string, given: Given, told: string]>([
    ["no URL", { environment: { ADMIN_KEY: KEY } }, "No URL"],
    ["no key", { environment: { PORTCULLIS: URL_GIVEN } }, "ADMIN_KEY"],
    ["an unknown argument", { args: ["--jsonn"] }, "Usage: portcullis doctor"],
    ["an argument without its value", { args: ["--url"] }, "Usage: portcullis doctor"],
    [
      "no answer",
      {
        answer: () => {
          throw new TypeError("fetch failed");
        },
      },
      "cannot be reached",
    ],
    ["an unknown key", { answer: () => Response.json({}, { status: 401 }) }, "does not know this API key"],
    ["a key that may not", { answer: () => Response.json({}, { status: 403 }) }, "`tenants:read`"],
    ["a misconfigured Worker", { answer: () => Response.json({}, { status: 500 }) }, "misconfigured"],
    ["a redirect", { answer: () => new Response(null, { status: 302 }) }, "status 302"],
    ["no JSON", { answer: () => new Response("<html>") }, "its answer is none"],
    ["no report", { answer: () => Response.json({ findings: [] }) }, "its answer is none"],
  ])("says that there was %s", async (_what, given, told) => {
    const { code, out, err } = await run(given);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join("\n")).toContain(told);
  });
});

it.each([KEY, `${KEY}\n`, "pk_secret-of-the-wrong-length", "a secret\u0000"])(
  "never prints the key, whatever it is and whatever fails: %j",
  async (key) => {
    const environment = { PORTCULLIS: URL_GIVEN, ADMIN_KEY: key };
    const failures: readonly Given[] = [
      ...[200, 401, 500].map((status) => ({ answer: () => new Response(key, { status }) })),
      {
        answer() {
          throw new TypeError(`Headers.append: "${key}" is an invalid header value.`);
        },
      },
      { args: [`--${key}`] },
      { args: ["--url", `https://user:${encodeURIComponent(key)}@gateway.contoso.com`] },
    ];
    for (const given of failures) {
      const { code, out, err } = await run({ ...given, environment });
      expect(code).toBe(2);
      expect([...out, ...err].join("\n")).not.toContain(key.trim());
    }
  },
);
