// A D1 that does not answer holds nobody: what a caller of the control plane gets, and what is then in the database.
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { limitedDatabase } from "../../../src/admin/limited-database.store.ts";
import { compose } from "../../../src/compose.ts";
import { DoctorReport } from "../../../src/kernel/doctor-report.ts";
import { D1_READ_MAX_MS, D1_WRITE_MAX_MS } from "../../../src/kernel/limits.ts";
import type { RouteDescription } from "../../../src/kernel/route-description.ts";
import { expectRefusal, makeKey, routes, type Target, validTarget } from "./every-route-fixture.ts";
import { createSilence, type Silence } from "./silent-database.ts";

const rootKey = await makeKey(null);
const ofControlPlane = routes.filter(({ credential, query }) => credential.kind === "api_key" && query);
/** A store that does not answer is what it looks for. */
const DOCTOR = "examineDeployment";
const needing = ofControlPlane.filter(({ operationId }) => operationId !== DOCTOR);
/** They are asked with a body, and write nothing. */
const questions = new Set(["introspectToken", "simulatePolicies", "validatePolicies"]);
const writes = ofControlPlane.filter(
  ({ method, operationId }) => method !== "GET" && !questions.has(operationId),
);

/** One call to a fresh isolate whose databases keep silent as told. */
async function ask(route: RouteDescription, { path, body }: Target, silence: Silence) {
  const pending: Promise<unknown>[] = [];
  const { database, startTimer, passedMs } = createSilence(silence);
  const illEnv = { ...env, PLATFORM_DB: database(env.PLATFORM_DB), GLOBAL_DB: database(env.GLOBAL_DB) };
  const background = (work: Promise<unknown>) => void pending.push(work);
  const { controlPlane } = await compose(illEnv, background, { startTimer, wait: async () => {} });
  const request = new Request(`https://gateway.test${path}`, {
    method: route.method,
    headers: { "x-api-key": rootKey, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const { status, headers, text } = await Promise.resolve(controlPlane.fetch(request)).then(
    async (response) => ({
      status: response.status,
      headers: response.headers,
      text: await response.text(),
    }),
  );
  await Promise.allSettled(pending);
  return { status, headers, text, body: text === "" ? null : JSON.parse(text), passedMs };
}

const isKeyLookUp = (sql: string) => sql.includes("FROM api_keys WHERE hash = ");

/** The call's first write is not answered; what follows it is. */
function firstWrite(kept: "made" | "lost"): Silence {
  let isOver = false;
  return (name) => {
    if (isOver || (name !== "batch" && name !== "run")) return null;
    isOver = true;
    return kept;
  };
}

describe("a D1 that never answers", () => {
  it.each(ofControlPlane)("refuses $method $path at the door", async (route) => {
    const reply = await ask(route, await validTarget(route), () => "lost");
    expectRefusal(route, reply, { code: "store_unavailable" });
    expect(reply.headers.get("retry-after")).toBe("1");
    expect(reply.passedMs).toEqual([D1_READ_MAX_MS]);
  });

  it.each(needing)("refuses $method $path behind the door", async (route) => {
    const target = await validTarget(route);
    const reply = await ask(route, target, (_, sql) => (isKeyLookUp(sql) ? null : "lost"));
    expectRefusal(route, reply, { code: "store_unavailable" });
    expect(reply.headers.get("retry-after")).toBe("1");
    expect(reply.passedMs).not.toEqual([]);
  });
});

it("is what the doctor tells of", async () => {
  for (const route of ofControlPlane.filter(({ operationId }) => operationId === DOCTOR)) {
    const silence: Silence = (_, sql) => (isKeyLookUp(sql) ? null : "lost");
    const { status, text } = await ask(route, await validTarget(route), silence);
    expect(status).toBe(200);
    const { findings } = DoctorReport.parse(JSON.parse(text));
    expect(findings.filter(({ check }) => check === "databases").map(({ subject }) => subject)).toEqual([
      "PLATFORM_DB",
      "GLOBAL_DB",
    ]);
  }
  expect.hasAssertions();
});

const UNSETTLED = "it may have been made";
const hasNothingToReadBack = new Set(["deleteApiKey", "issueToken", "checkDeployment"]);

describe("a write that D1 never answers", () => {
  it.each(writes)(
    "is refused by $method $path if it was not made, or says that it may have been",
    async (route) => {
      const reply = await ask(route, await validTarget(route), firstWrite("lost"));
      expectRefusal(route, reply, { code: "store_unavailable" });
      expect(reply.passedMs[0]).toBe(D1_WRITE_MAX_MS);
    },
  );

  it.each(writes)("is answered by $method $path as made, or says that it may have been", async (route) => {
    const reply = await ask(route, await validTarget(route), firstWrite("made"));
    expect(reply.passedMs[0]).toBe(D1_WRITE_MAX_MS);
    if (!hasNothingToReadBack.has(route.operationId)) {
      expect(reply.text).not.toContain("store_unavailable");
      return expect(reply.status).toBeLessThan(300);
    }
    expectRefusal(route, reply, { code: "store_unavailable" });
    expect(reply.body.detail).toContain(UNSETTLED);
  });
});

describe("a database with limits", () => {
  const { database, startTimer, passedMs } = createSilence((_, sql) =>
    sql.includes("silent") ? "lost" : null,
  );
  const db = limitedDatabase(database(env.PLATFORM_DB), startTimer);

  it("answers what the database answers", async () => {
    const statement = db.prepare("SELECT ?1 AS a, ?2 AS b").bind(1, "two");
    expect(await statement.first()).toEqual({ a: 1, b: "two" });
    expect(await statement.first("b")).toBe("two");
    expect((await statement.all()).results).toEqual([{ a: 1, b: "two" }]);
    expect(await statement.raw()).toEqual([[1, "two"]]);
    const [one, own] = await db.batch([statement, env.PLATFORM_DB.prepare("SELECT 3 AS c")]);
    expect([one?.results, own?.results]).toEqual([[{ a: 1, b: "two" }], [{ c: 3 }]]);
    await expect(db.prepare("SELECT 1 FROM nowhere").all()).rejects.toThrow("no such table");
    expect(passedMs).toEqual([]);
  });

  it.each([
    ["first", D1_READ_MAX_MS],
    ["all", D1_READ_MAX_MS],
    ["run", D1_WRITE_MAX_MS],
  ] as const)("gives %s up at its limit", async (name, limitMs) => {
    await expect(db.prepare("SELECT 'silent'")[name]()).rejects.toThrow("took too long");
    expect(passedMs.at(-1)).toBe(limitMs);
  });
});
