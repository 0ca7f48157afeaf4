// A day's worth of what a tenant causes, in a minute: every kind of answer, of fault and of detour that exists so far.
import { createScheduledController, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { configOf, homeStoresOf } from "../../../src/bindings.ts";
import { compose } from "../../../src/compose.ts";
import { createEnforceRoutes } from "../../../src/gateway/enforce.routes.ts";
import { createUsageReportRoutes } from "../../../src/gateway/usage-report.routes.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import { type Home, homeBinding } from "../../../src/residency/home.ts";
import worker from "../../../src/worker.ts";
import {
  admin,
  adminKey,
  backgroundDone,
  call,
  codeOf,
  completion,
  frankfurt,
  ports,
  scriptedAzure,
} from "../gateway/gateway-fixture.ts";

export interface Day {
  readonly tenantId: TenantId;
  readonly agentIds: readonly AgentId[];
  /** What every request was answered, in order, but for those of the busy moment. */
  readonly answers: readonly string[];
  /** What was sent to its home's queue and can never be stored. */
  readonly unreadable: object;
  /** How many calls were allowed, and so are recorded twice: when they were, and when they ended. */
  readonly allowed: number;
}

/** More than the 50 in a second that make a ledger busy. */
const BUSY_CALLS = 60;
const wereAllowed = new Set(["ok", "failed", "upstream_unreachable", "allowed"]);

const models = "api://azure-openai/models";
const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } });
const event = 'data: {"choices":[{"delta":{"content":"Hi"},"index":0}],"usage":null}\n\n';
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n';

const full = async (): Promise<never> => {
  throw new Error("Queue is full");
};

/** A change made while the home's queue takes nothing: its record stays in the outbox. */
async function disableWithoutQueue(home: Home, agentId: AgentId): Promise<void> {
  const queue = { send: full, sendBatch: full } as unknown as Queue;
  const deliveries: Promise<unknown>[] = [];
  const { controlPlane } = await compose({ ...env, [homeBinding(home, "audit")]: queue }, (work) => {
    deliveries.push(work);
  });
  const request = new Request(`https://gateway.test/v1/agents/${agentId}`, {
    method: "PATCH",
    headers: { "x-api-key": adminKey, "content-type": "application/json" },
    body: JSON.stringify({ status: "disabled" }),
  });
  expect((await controlPlane.fetch(request)).status).toBe(200);
  await Promise.allSettled(deliveries);
  expect(await unsentChange(home)).not.toBeNull();
}

export const unsentChange = (home: Home): Promise<unknown> =>
  homeStoresOf(env, home).db.prepare("SELECT 1 FROM outbox WHERE sent_at IS NULL").first();

export async function aDayOf(home: Home, id: string, tenant: object = {}): Promise<Day> {
  const tenantId = TenantId.parse(id);
  const answers: string[] = [];
  const noted = async (response: Response) => {
    answers.push(response.ok ? "ok" : await codeOf(response));
    return response.ok ? response.text() : "";
  };

  await admin("POST", "/v1/tenants", { id, name: `Name of ${id}`, home, ...tenant });
  const policy = { tenantId, effect: "allow", resources: [`${models}/*`] };
  const endUserLimit = { maxRequestsPerMinute: 1_000, quotaScope: "user" };
  await admin("POST", "/v1/policies", {
    ...policy,
    name: "chat",
    actions: ["chat"],
    constraints: endUserLimit,
  });
  await admin("POST", "/v1/policies", {
    ...policy,
    name: "once for the whole tenant",
    actions: ["completion"],
    constraints: { maxRequestsPerDay: 1, quotaScope: "tenant" },
  });
  await admin("POST", "/v1/policies", {
    ...policy,
    name: "approved only",
    actions: ["embedding"],
    constraints: { requiresApproval: true },
  });

  const newAgent = async (name: string) => {
    const agent = await admin("POST", "/v1/agents", { name: `${name} of ${id}`, tenantId, roles: [name] });
    const agentId = AgentId.parse(agent.id);
    const { token } = await admin("POST", "/v1/tokens", { agentId });
    return { agentId, token: String(token), deployment: "gpt" };
  };
  const body = (more: object = {}) =>
    JSON.stringify({
      messages: [{ role: "user", content: `Prompt of ${id}` }],
      user: `person of ${id}`,
      max_tokens: 50,
      ...more,
    });
  const azure = scriptedAzure(() => completion());

  // Allowed, whole and streamed.
  const agent = await newAgent("agent");
  await noted(await call(agent, { azure }, { body: body() }));
  const streamed = scriptedAzure(() => stream(`${event}${usage}data: [DONE]\n\n`));
  await noted(await call(agent, { azure: streamed }, { body: body({ stream: true }) }));

  // Azure fails, cannot be reached, breaks off.
  const failing = scriptedAzure(() => Response.json({ error: { code: "failed" } }, { status: 500 }));
  await noted(await call(agent, { azure: failing }, { body: body() }));
  await noted(
    await call(agent, { azure: scriptedAzure(() => Promise.reject(new Error("reset"))) }, { body: body() }),
  );
  await noted(
    await call(agent, { azure: scriptedAzure(() => stream(event)) }, { body: body({ stream: true }) }),
  );

  // Refused: an unknown deployment, a place that nobody knows, no grant, a quota.
  await noted(await call({ ...agent, deployment: "none" }, { azure }, { body: body() }));
  const tor = { country: "T1", colo: "FRA", tlsVersion: "TLSv1.3" };
  await noted(await call(agent, { azure }, { body: body(), cf: tor }));
  let asked = 0;
  for (const action of ["chat", "image", "completion", "completion"])
    answers.push((await enforced(agent.token, `${id} asks ${asked++}`, action, `person of ${id}`)).code);

  // Waits for approval, which a webhook is told of that takes nothing; one is approved and passes, one is denied, one stays.
  const webhook = vi
    .spyOn(globalThis, "fetch")
    .mockImplementation(async () => new Response(null, { status: 500 }));
  await admin("PUT", `/v1/tenants/${id}/approval-webhook`, { url: `https://hooks.${id}.com/portcullis` });
  const scopes = ["approvals:read", "approvals:write"];
  const approver = String((await admin("POST", "/v1/keys", { name: "approver", scopes, tenantId })).key);
  for (const decision of ["approve", "deny", null]) {
    const ask = () => enforced(agent.token, `${id} asks ${asked++}`, "embedding", `${decision} of ${id}`);
    const waiting = await ask();
    answers.push(waiting.code);
    if (decision === null) continue;
    const reason = `${decision} by ${id}`;
    await admin("POST", `/v1/approvals/${waiting.approvalId}/${decision}`, { reason }, approver);
    answers.push((await ask()).code);
  }
  await admin("GET", "/v1/approvals", undefined, approver);
  await backgroundDone();
  expect(webhook).toHaveBeenCalledTimes(3);
  webhook.mockRestore();

  // The queue takes nothing: the ledger keeps the records, and its alarm delivers them.
  const nothingTaken = { records: { send: async () => false } };
  await noted(await call(agent, { azure, ...nothingTaken }, { body: body() }));
  await backgroundDone();
  const { ledgerNameSecret } = configOf(env);
  const name = await agentLedgerName(ledgerNameSecret, tenantId, agent.agentId);
  await runDurableObjectAlarm(ledgerStub(env.AGENT_LEDGER, home, name));

  // So many within a second that the ledger sends its records in packs.
  vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
  const crowd = await Promise.all(
    Array.from({ length: BUSY_CALLS }, () => call(agent, { azure }, { body: body() })),
  );
  await Promise.all(crowd.map(async (response) => expect(response.status, await response.text()).toBe(200)));
  vi.useRealTimers();

  // A change is recorded by the outbox, until the minute's schedule.
  const disabled = await newAgent("disabled");
  await disableWithoutQueue(home, disabled.agentId);
  await worker.scheduled(createScheduledController(), env);
  await noted(await call(disabled, { azure }, { body: body() }));

  // Tokens of an agent that changed, and of one that is no more.
  const outdated = await newAgent("outdated");
  await admin("PATCH", `/v1/agents/${outdated.agentId}`, { roles: ["other"] });
  await noted(await call(outdated, { azure }, { body: body() }));
  const deleted = await newAgent("deleted");
  await admin("DELETE", `/v1/agents/${deleted.agentId}`);
  await noted(await call(deleted, { azure }, { body: body() }));

  // A record of a version that this one cannot read: tried again until the platform moves it to the dead letters.
  const unreadable = { v: 2, kind: "change", tenantId, home, objectId: agent.agentId };
  await homeStoresOf(env, home).audit.send(unreadable);

  // A key of the tenant's own, and what an administrator looks at.
  await admin("POST", "/v1/keys", { name: "a key", scopes: ["audit:read"], tenantId });
  for (const path of ["audit", "usage", "policies", "agents"]) await admin("GET", `/v1/${path}?tenant=${id}`);
  await backgroundDone();
  const agentIds = [agent, disabled, outdated, deleted].map(({ agentId }) => agentId);
  const allowed = answers.filter((answer) => wereAllowed.has(answer)).length + BUSY_CALLS;
  return { tenantId, agentIds, answers, unreadable, allowed };
}

/** Allowed ones report their usage. */
async function enforced(
  token: string,
  requestId: string,
  action: string,
  person: string,
): Promise<{ readonly code: string; readonly approvalId: string | undefined }> {
  const post = (path: string, content: object) =>
    new Request(`https://gateway.test/v1/enforce${path}`, {
      method: "POST",
      headers: { "x-api-key": adminKey, "content-type": "application/json" },
      body: JSON.stringify({ capabilityToken: token, ...content }),
      cf: frankfurt,
    } as RequestInit); // `cf` is the platform's own member of a request's init.
  const question = { requestId, action, resourceId: `${models}/gpt`, context: { user: person } };
  const answer = await createEnforceRoutes(async () => ports).fetch(post("", question));
  const { decision, decisionId, reasons, approvalId } = (await answer.json()) as {
    readonly decision: string;
    readonly decisionId: string;
    readonly reasons: readonly { readonly code: string }[];
    readonly approvalId?: string;
  };
  if (decision === "allowed") {
    const report = { promptTokens: 3, completionTokens: 4 };
    await createUsageReportRoutes(async () => ports).fetch(post(`/${decisionId}/usage`, report));
  }
  return { code: reasons[0]?.code ?? String(answer.status), approvalId };
}
