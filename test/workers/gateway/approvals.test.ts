// A request that needs approval: it waits, somebody else decides, and it passes once; through both doors, whatever happens between.
import { env } from "cloudflare:workers";
import { beforeAll, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import {
  admin,
  askEnforce,
  backgroundDone,
  call,
  completion,
  control,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
  sweep,
} from "./gateway-fixture.ts";
import { crash, evict } from "./quota-drive.ts";

vi.useRealTimers();
type Caller = Awaited<ReturnType<typeof newCaller>>;
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
type Json = any;

let approver = "";
beforeAll(async () => {
  const made = await admin("POST", "/v1/keys", {
    name: "approver",
    scopes: ["approvals:read", "approvals:write"],
  });
  approver = String(made.key);
});

const azure = scriptedAzure(() => completion());
const prompt = (content: string, more: object = {}) => ({
  body: JSON.stringify({ messages: [{ role: "user", content }], max_tokens: 50, ...more }),
});
async function asked(caller: Caller, content: string, overrides: Parameters<typeof call>[1] = {}) {
  const response = await call(caller, { azure, ...overrides }, prompt(content));
  const body: Json = await response.json();
  await backgroundDone();
  return { status: response.status, headers: response.headers, body, code: body.error?.code };
}
const decide = (id: string, decision: "approve" | "deny", body: object = {}, key = approver) =>
  control("POST", `/v1/approvals/${id}/${decision}`, body, key);
const approve = async (id: string, body: object = {}) => {
  const response = await decide(id, "approve", body);
  const answer: Json = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
};
const agentLedger = async ({ tenantId, agentId }: Caller) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(env.LEDGER_NAME_SECRET, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );

it("waits, is approved by somebody else, passes once, and waits again", async () => {
  const taken: AuditRecord[] = [];
  const records = { send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 };
  const caller = await newCaller({ requiresApproval: true, maxRequestsPerDay: 5 });
  const before = azure.requests.length;

  const first = await asked(caller, "Secret of the day", { records });
  expect(first).toMatchObject({ status: 403, code: "approval_required" });
  const id: string = first.body.error.approval_id;
  expect(id).toMatch(/^approval_[0-9a-f]{32}$/);
  expect(first.headers.get("portcullis-approval")).toBe(id);
  expect(first.headers.get("x-should-retry")).toBe("false");
  const again = await asked(caller, "Secret of the day", { records });
  expect(again.body.error.approval_id).toBe(id);

  const listed: Json = await admin("GET", `/v1/approvals?tenant=${caller.tenantId}&status=pending`);
  expect(listed.items).toMatchObject([
    {
      id,
      status: "pending",
      agentId: caller.agentId,
      surface: "relay",
      action: "chat",
      resource: "api://azure-openai/models/gpt",
      classification: "internal",
      outputTokens: 50,
      decidedBy: null,
    },
  ]);
  expect(listed.items[0].requiredBy).toHaveLength(1);
  expect(JSON.stringify(listed)).not.toContain("Secret of the day");

  expect(await approve(id, { reason: "It is fine." })).toMatchObject({
    status: "approved",
    reason: "It is fine.",
  });
  expect(azure.requests).toHaveLength(before);
  expect(await asked(caller, "Secret of the night", { records })).toMatchObject({
    code: "approval_required",
  });
  const passed = await asked(caller, "Secret of the day", { records });
  expect(passed.status).toBe(200);
  expect(azure.requests).toHaveLength(before + 1);
  const next = await asked(caller, "Secret of the day", { records });
  expect(next).toMatchObject({ status: 403, code: "approval_required" });
  expect(next.body.error.approval_id).not.toBe(id);

  const decisions = taken.filter(({ kind }) => kind === "decision");
  expect(
    decisions.map((record) => "decision" in record && [record.decision, record.approvalId === id]),
  ).toEqual([
    ["pending_approval", true],
    ["pending_approval", true],
    ["pending_approval", false],
    ["allowed", true],
    ["pending_approval", false],
  ]);
  expect(decisions[0]).toMatchObject({ reasons: [{ code: "pending_approval" }] });
});

it("is told as used once its record is stored, and who decided is in the log", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  const id = body.error.approval_id;
  await approve(id);
  const passed = await asked(caller, "Hello");
  await vi.waitFor(async () => {
    const approval = await admin("GET", `/v1/approvals/${id}`);
    expect(approval).toMatchObject({
      status: "used",
      usedBy: passed.headers.get("portcullis-decision") ?? expect.any(String),
    });
    const log: Json = await admin("GET", `/v1/audit?tenant=${caller.tenantId}`);
    const change = log.items.find(({ operation }: Json) => operation === "approval.approve");
    expect(change).toMatchObject({ objectId: id, actor: approval.decidedBy });
  }, 10_000);
  expect(await (await decide(id, "approve")).json()).toMatchObject({ code: "approval_used" });
  expect((await admin("GET", `/v1/approvals?tenant=${caller.tenantId}&status=used`)).items).toHaveLength(1);
});

it("takes another grant where one allows without approval", async () => {
  const caller = await newCaller({ requiresApproval: true });
  await newPolicy(caller, { priority: 200, constraints: { maxRequestsPerDay: 1 } });
  expect((await asked(caller, "Hello")).status).toBe(200);
  // That one is full now.
  expect(await asked(caller, "Hello")).toMatchObject({ code: "approval_required" });
});

it("spends no approval where a grant before it has room, and keeps it for later", async () => {
  const caller = await newCaller({ maxRequestsPerDay: 2 });
  await newPolicy(caller, { priority: 200, constraints: { requiresApproval: true } });
  await asked(caller, "Hello");
  await asked(caller, "Hello");
  const { body } = await asked(caller, "Hello");
  await approve(body.error.approval_id);
  expect((await asked(caller, "Hello")).status).toBe(200);
  expect((await asked(caller, "Hello")).code).toBe("approval_required");
});

it("is asked for by a token as well", async () => {
  const caller = await newCaller();
  const detail = { type: "model_invocation", actions: ["chat"], locations: ["*"] };
  const authorizationDetails = [{ ...detail, constraints: { requiresApproval: true } }];
  const narrowed = await admin("POST", "/v1/tokens", { agentId: caller.agentId, authorizationDetails });
  expect((await asked({ ...caller, token: String(narrowed.token) }, "Hello")).code).toBe("approval_required");
  expect((await asked(caller, "Hello")).status).toBe(200);
});

it("lets exactly one of many parallel repeats through", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  await approve(body.error.approval_id);
  const statuses = await Promise.all(
    Array.from({ length: 10 }, async () => (await asked(caller, "Hello")).status),
  );
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 403)).toHaveLength(9);
});

it("is one request however often it is asked at once", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const answers = await Promise.all(Array.from({ length: 10 }, () => asked(caller, "Hello")));
  expect(new Set(answers.map(({ body }) => body.error.approval_id)).size).toBe(1);
  expect((await admin("GET", `/v1/approvals?tenant=${caller.tenantId}`)).items).toHaveLength(1);
});

it.each([
  ["an eviction", evict],
  ["a crash", crash],
])("survives %s of its ledger, before the decision and after", async (_what, end) => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  await end(await agentLedger(caller));
  await approve(body.error.approval_id);
  await end(await agentLedger(caller));
  expect((await asked(caller, "Hello")).status).toBe(200);
  await end(await agentLedger(caller));
  expect((await asked(caller, "Hello")).code).toBe("approval_required");
});

it("lets a stream through", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const streamed = prompt("Hello", { stream: true });
  const events =
    'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\ndata: [DONE]\n\n';
  const streaming = scriptedAzure(
    () => new Response(events, { headers: { "content-type": "text/event-stream" } }),
  );
  const first: Json = await (await call(caller, { azure: streaming }, streamed)).json();
  await approve(first.error.approval_id);
  const response = await call(caller, { azure: streaming }, streamed);
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("[DONE]")]);
  await backgroundDone();
  expect((await call(caller, { azure: streaming }, streamed)).status).toBe(403);
});

it("is denied for as long as it would have waited, and the denial is final", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  const id = body.error.approval_id;
  expect((await decide(id, "deny", { reason: "No." })).status).toBe(200);
  expect((await decide(id, "deny")).status).toBe(200);
  const opposite = await decide(id, "approve");
  expect([opposite.status, ((await opposite.json()) as Json).code]).toEqual([409, "approval_decided"]);
  const refused = await asked(caller, "Hello");
  expect(refused).toMatchObject({ status: 403, code: "approval_denied" });
  expect(refused.body.error.approval_id).toBe(id);
  expect((await asked(caller, "Hello you")).code).toBe("approval_required");
});

it("is never decided by the key that had the token issued, nor by the one that asked", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  for (const decision of ["approve", "deny"] as const) {
    const own = await control("POST", `/v1/approvals/${body.error.approval_id}/${decision}`, {});
    expect([own.status, ((await own.json()) as Json).code]).toEqual([403, "approval_own_request"]);
  }
  // Minted by one key, asked by another: neither of them.
  const made = await admin("POST", "/v1/keys", {
    name: "minter",
    scopes: ["tokens:write", "approvals:write"],
    tenantId: caller.tenantId,
  });
  const minter = String(made.key);
  const minted = await admin("POST", "/v1/tokens", { agentId: caller.agentId }, minter);
  // Who asks for the same while it waits is one of its askers from then on.
  await asked({ ...caller, token: String(minted.token) }, "Hello");
  const late: Json = await (await decide(body.error.approval_id, "approve", {}, minter)).json();
  expect(late.code).toBe("approval_own_request");
  const reply: Json = await (await askEnforce({ capabilityToken: String(minted.token) })).json();
  for (const key of [minter, undefined]) {
    const own = await control("POST", `/v1/approvals/${reply.approvalId}/approve`, {}, key);
    expect(((await own.json()) as Json).code).toBe("approval_own_request");
  }
});

it("is not spent by the key that approved it: it may not go on as its own", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const made = await admin("POST", "/v1/keys", { name: "both", scopes: ["tokens:write", "approvals:write"] });
  const both = String(made.key);
  const { body } = await asked(caller, "Hello");
  expect((await decide(body.error.approval_id, "approve", {}, both)).status).toBe(200);
  const own = await admin("POST", "/v1/tokens", { agentId: caller.agentId }, both);
  expect(await asked({ ...caller, token: String(own.token) }, "Hello")).toMatchObject({
    status: 403,
    code: "approval_own_request",
  });
  expect((await asked(caller, "Hello")).status).toBe(200);
});

it("/v1/enforce waits, passes once, and repeats its answer for the same request id", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const question = {
    capabilityToken: caller.token,
    context: { promptTokens: 5, maxOutputTokens: 5, note: "a" },
  };
  const enforced = async (more: object = {}): Promise<Json> =>
    (await askEnforce({ ...question, ...more })).json();
  const first = await enforced({ requestId: "one" });
  expect(first).toMatchObject({ decision: "pending_approval", reasons: [{ code: "pending_approval" }] });
  await backgroundDone();
  expect(await approve(first.approvalId)).toMatchObject({ surface: "enforce", promptTokens: 5 });
  expect(await enforced({ context: { ...question.context, note: "b" } })).toMatchObject({
    decision: "pending_approval",
  });
  const allowed = await enforced({ requestId: "two" });
  expect(allowed).toMatchObject({ decision: "allowed", approvalId: first.approvalId });
  const replay = await enforced({ requestId: "two" });
  expect(replay).toMatchObject({
    decision: "allowed",
    decisionId: allowed.decisionId,
    approvalId: first.approvalId,
  });
  expect(await enforced({ requestId: "three" })).toMatchObject({ decision: "pending_approval" });
});

it("a replay that was allowed before approval was required waits for it now", async () => {
  const caller = await newCaller();
  const ask = async (): Promise<Json> =>
    (await askEnforce({ capabilityToken: caller.token, requestId: "same" })).json();
  expect(await ask()).toMatchObject({ decision: "allowed" });
  await newPolicy(caller, { kind: "boundary", constraints: { requiresApproval: true } });
  const waiting = await ask();
  expect(waiting).toMatchObject({ decision: "pending_approval" });
  await backgroundDone();
  await approve(waiting.approvalId);
  expect(await ask()).toMatchObject({ decision: "allowed", approvalId: waiting.approvalId });
});

it("what cannot be stored for approvers is refused for that reason, and stored when asked again", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const unavailable = { ...ports.approvals, keep: async () => fail(refuse("store_unavailable")) };
  expect(await asked(caller, "Hello", { approvals: unavailable })).toMatchObject({
    status: 503,
    code: "store_unavailable",
  });
  expect((await admin("GET", `/v1/approvals?tenant=${caller.tenantId}`)).items).toEqual([]);
  const { body } = await asked(caller, "Hello");
  await approve(body.error.approval_id);
  expect((await asked(caller, "Hello")).status).toBe(200);
});

it("a decision that no ledger heard of takes effect by the minute's schedule", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const { body } = await asked(caller, "Hello");
  const id = body.error.approval_id;
  await env.GLOBAL_DB.prepare(
    "UPDATE approvals SET status = 'approved', decided_by = ?2, decided_at = requested_at, acknowledged = 0 WHERE id = ?1",
  )
    .bind(id, `key_${"0".repeat(32)}`)
    .run();
  expect((await asked(caller, "Hello")).code).toBe("approval_required");
  await sweep();
  expect((await asked(caller, "Hello")).status).toBe(200);
});

it("a ledger of the version before, which knows of no approvals, lets nothing through", async () => {
  const caller = await newCaller({ requiresApproval: true, maxRequestsPerDay: 1 });
  const old = {
    ...ports.ledgers,
    reserve: ({ candidates, approval: _, ...request }: Parameters<typeof ports.ledgers.reserve>[0]) =>
      ports.ledgers.reserve({
        ...request,
        candidates: candidates.map(({ needsApproval: _, ...candidate }) => candidate),
      }),
  };
  expect(await asked(caller, "Hello", { ledgers: old })).toMatchObject({
    status: 503,
    code: "ledger_unavailable",
  });
  // Nothing stays charged.
  const { body } = await asked(caller, "Hello");
  await approve(body.error.approval_id);
  expect((await asked(caller, "Hello")).status).toBe(200);
});

it("a token that does not say who had it issued cannot ask for approval", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const verifier = {
    async verify(...wanted: Parameters<typeof ports.verifier.verify>) {
      const verified = await ports.verifier.verify(...wanted);
      return verified.ok ? ok({ ...verified.value, mintedBy: null }) : verified;
    },
  };
  expect(await asked(caller, "Hello", { verifier })).toMatchObject({ status: 401, code: "token_outdated" });
});

it("tenants do not meet: a foreign key finds, decides and lists nothing", async () => {
  const caller = await newCaller({ requiresApproval: true });
  const other = await newCaller();
  const { body } = await asked(caller, "Hello");
  const id = body.error.approval_id;
  const scopes = ["approvals:read", "approvals:write"];
  const keyOf = async ({ tenantId }: Caller) =>
    String((await admin("POST", "/v1/keys", { name: "bound", scopes, tenantId })).key);
  const foreign = await keyOf(other);
  for (const [method, path] of [
    ["GET", ""],
    ["POST", "/approve"],
    ["POST", "/deny"],
  ] as const) {
    const reply = await control(
      method,
      `/v1/approvals/${id}${path}`,
      method === "POST" ? {} : undefined,
      foreign,
    );
    expect([method, path, reply.status]).toEqual([method, path, 404]);
  }
  expect((await admin("GET", "/v1/approvals", undefined, foreign)).items).toEqual([]);
  const own = await keyOf(caller);
  expect((await admin("GET", "/v1/approvals", undefined, own)).items).toHaveLength(1);
  expect((await decide(id, "approve", {}, own)).status).toBe(200);
});
