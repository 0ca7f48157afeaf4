/** /v1/enforce under faults: no decision stands that is not recorded, and what nobody may use is given back. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { EnforceRoutePorts } from "../../../src/gateway/enforce.routes.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import { askEnforce, backgroundDone, newCaller, ports } from "./gateway-fixture.ts";

type Reply = Record<string, unknown> & { readonly reasons?: readonly { readonly code: string }[] };

async function enforce(
  token: string,
  requestId: string,
  overrides: Partial<EnforceRoutePorts> = {},
  more: object = {},
) {
  const response = await askEnforce({ capabilityToken: token, requestId, ...more }, overrides);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Reply };
}

const unavailable = async () => fail(refuse("ledger_unavailable"));
const nothingRecords = {
  records: { send: async () => false },
  ledgers: { ...ports.ledgers, keepRecord: unavailable },
};

it("a decision that cannot be recorded is no decision, and charges nothing", async () => {
  const { token } = await newCaller({ maxRequestsPerDay: 1 });
  const refused = await enforce(token, "one", nothingRecords);
  expect(refused).toMatchObject({ status: 503, body: { code: "audit_unavailable" } });
  expect(refused.headers.get("retry-after")).toBe("1");
  await backgroundDone();
  expect((await enforce(token, "two")).body).toMatchObject({ decision: "allowed" });
});

it("a decision that was given back leaves nothing to replay: its retry is charged", async () => {
  const { token } = await newCaller({ maxRequestsPerDay: 1 });
  expect((await enforce(token, "same", nothingRecords)).status).toBe(503);
  await backgroundDone();
  expect((await enforce(token, "same")).body).toMatchObject({ decision: "allowed" });
  expect((await enforce(token, "other")).body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "request_quota_exceeded" }],
  });
});

it("a ledger that cannot be asked is a 503 with a retry hint, not a denial", async () => {
  const { token } = await newCaller();
  const ledgers = { ...ports.ledgers, reserve: unavailable, confirm: unavailable };
  const answer = await enforce(token, "one", { ledgers });
  expect(answer).toMatchObject({ status: 503, body: { code: "ledger_unavailable" } });
});

it("every decision is recorded under the caller's request id, denials of bad tokens too", async () => {
  const taken: AuditRecord[] = [];
  const records = { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 };
  const { token, tenantId } = await newCaller({ allowedRoles: ["auditor"] });
  await enforce(token, "denied-by-role", { records });
  await enforce("garbage", "denied-by-token", { records });
  expect(taken).toMatchObject([
    {
      requestId: "denied-by-role",
      tenantId,
      decision: "denied",
      surface: "enforce",
      reasons: [{ code: "role_not_allowed" }],
    },
    {
      requestId: "denied-by-token",
      tenantId: "platform",
      agentId: null,
      reasons: [{ code: "token_malformed" }],
    },
  ]);
  expect(JSON.stringify(taken)).not.toContain(token);
});

it("reserves what the caller states, and all that a request may use when it states nothing", async () => {
  const { token } = await newCaller({ maxTokensPerRequest: 500 });
  const stated = await enforce(token, "stated", {}, { context: { promptTokens: 30, maxOutputTokens: 40 } });
  expect(stated.body).toMatchObject({ obligations: { reservedTokens: 70, maxOutputTokens: 40 } });
  const unstated = await enforce(token, "unstated");
  expect(unstated.body).toMatchObject({ obligations: { reservedTokens: 500, maxOutputTokens: 500 } });
  const tooLarge = await enforce(token, "too-large", {}, { context: { promptTokens: 500 } });
  expect(tooLarge.body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "tokens_per_request_exceeded" }],
  });
  const unlimited = await newCaller();
  const byDefault = await enforce(unlimited.token, "default");
  expect(byDefault.body).toMatchObject({ obligations: { reservedTokens: 4_096, maxOutputTokens: 4_096 } });
});

it("is decided under the revision that its caller names or a later one, and else refused and recorded", async () => {
  const { token, tenantId } = await newCaller();
  const first = await enforce(token, "before");
  const revision = Object(first.body.revision).tenant;
  expect(first.body).toMatchObject({ decision: "allowed" });
  // Committed and not published: no lease carries it, and this isolate has an older snapshot in memory.
  await env.GLOBAL_DB.batch([
    env.GLOBAL_DB.prepare("DELETE FROM policies WHERE scope = ?1").bind(tenantId),
    env.GLOBAL_DB.prepare("INSERT INTO revisions (scope, revision) VALUES (?1, ?2)").bind(
      tenantId,
      revision + 1,
    ),
  ]);
  const records: AuditRecord[] = [];
  const recording = {
    records: {
      send: async (_home: string, record: AuditRecord) => {
        records.push(record);
        return true;
      },
    },
  };
  const under = (minRevision: number, requestId = `under ${minRevision}`) =>
    enforce(token, requestId, recording, { minRevision });
  expect((await under(revision)).body).toMatchObject({ decision: "allowed" });
  const unknown = await under(revision + 2);
  expect(unknown).toMatchObject({ status: 409, body: { code: "revision_unknown", field: "minRevision" } });
  expect(records.at(-1)).toMatchObject({ kind: "decision", decision: "denied", tenantId });
  expect((await under(revision + 1)).body).toMatchObject({
    decision: "denied",
    reasons: [{ code: "no_matching_grant" }],
    revision: { tenant: revision + 1 },
  });
  // Whoever names no revision that exists is not decided under an older one either, not even when asking again.
  expect((await under(revision + 2, "again")).status).toBe(409);
});
