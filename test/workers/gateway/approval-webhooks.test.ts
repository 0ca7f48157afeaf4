// A tenant's webhook is told of what waits: signed, without content, again until somebody takes it, and nowhere it must not be.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it, vi } from "vitest";
import { createFixture } from "../admin/control-plane-fixture.ts";
import {
  admin,
  backgroundDone,
  call,
  completion,
  control,
  newCaller,
  scriptedAzure,
  sweep,
} from "./gateway-fixture.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
type Json = any;
const URL_OF_HOOK = "https://hooks.contoso.com/portcullis";

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}
const sent: Sent[] = [];
let answers: (Response | Error)[] = [];
vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
  sent.push({ url: String(url), init: init ?? {} });
  const answer = answers.shift() ?? new Response(null, { status: 204 });
  if (answer instanceof Error) throw answer;
  return answer;
});
beforeEach(() => {
  sent.length = 0;
  answers = [];
});

const azure = scriptedAzure(() => completion());
async function ask(caller: Parameters<typeof call>[0], content = "Content of the prompt"): Promise<string> {
  const body = JSON.stringify({ messages: [{ role: "user", content }], max_tokens: 5 });
  const answer: Json = await (await call(caller, { azure }, { body })).json();
  await backgroundDone();
  return answer.error.approval_id;
}
async function callerWithHook() {
  const caller = await newCaller({ requiresApproval: true });
  const { secret } = await admin("PUT", `/v1/tenants/${caller.tenantId}/approval-webhook`, {
    url: URL_OF_HOOK,
  });
  return { ...caller, secret: String(secret) };
}
const deliveries = async ({ tenantId }: { readonly tenantId: string }) => {
  const query = "SELECT approval_id, attempts, next_at FROM webhook_deliveries WHERE tenant_id = ?1";
  return (await env.GLOBAL_DB.prepare(query).bind(tenantId).all<Json>()).results;
};
/** The next attempt is due. */
const later = async (): Promise<void> => {
  await env.GLOBAL_DB.prepare("UPDATE webhook_deliveries SET next_at = '2026-01-01T00:00:00.000Z'").run();
  // Long ago to the purge, but soon enough to be tried first.
  await sweep();
};

it("is told once, signed, without content, and follows no redirect", async () => {
  const caller = await callerWithHook();
  const id = await ask(caller);
  await ask(caller);
  expect(sent).toHaveLength(1);
  const [{ url, init }] = sent as [Sent];
  expect([url, init.method, init.redirect]).toEqual([URL_OF_HOOK, "POST", "manual"]);
  const headers = new Headers(init.headers);
  expect([...headers.keys()].sort()).toEqual([
    "content-type",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
  ]);
  const key = await crypto.subtle.importKey(
    "raw",
    Uint8Array.from(atob(caller.secret.slice("whsec_".length)), (character) => character.charCodeAt(0)),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signature = Uint8Array.from(atob(headers.get("webhook-signature")?.slice(3) ?? ""), (character) =>
    character.charCodeAt(0),
  );
  const text = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${init.body}`;
  expect(await crypto.subtle.verify("HMAC", key, signature, new TextEncoder().encode(text))).toBe(true);
  expect(JSON.parse(String(init.body))).toMatchObject({
    type: "approval.pending",
    data: { approvalId: id, tenantId: caller.tenantId, agentId: caller.agentId, action: "chat" },
  });
  expect(String(init.body)).not.toContain("Content of the prompt");
  expect(await deliveries(caller)).toEqual([]);
});

it("is tried again by the minute's schedule after an error, a redirect or no answer, until it is taken", async () => {
  const caller = await callerWithHook();
  answers = [
    new Response("no", { status: 500 }),
    new Response(null, { status: 302, headers: { location: "http://169.254.169.254/" } }),
    new Error("connection refused"),
  ];
  const id = await ask(caller);
  expect(await deliveries(caller)).toMatchObject([{ approval_id: id, attempts: 1 }]);
  await sweep();
  expect(sent).toHaveLength(1);
  await later();
  await later();
  expect(await deliveries(caller)).toMatchObject([{ approval_id: id, attempts: 3 }]);
  await later();
  expect(sent.map(({ url }) => url)).toEqual(Array(4).fill(URL_OF_HOOK));
  expect(new Set(sent.map(({ init }) => String(init.body))).size).toBe(1);
  expect(await deliveries(caller)).toEqual([]);
});

it("is not told of what was decided before it could be reached", async () => {
  const caller = await callerWithHook();
  answers = [new Error("connection refused")];
  const id = await ask(caller);
  const approver = await admin("POST", "/v1/keys", { name: "approver", scopes: ["approvals:write"] });
  await admin("POST", `/v1/approvals/${id}/deny`, {}, String(approver.key));
  await later();
  expect(sent).toHaveLength(1);
  expect(await deliveries(caller)).toEqual([]);
});

it("is refused where no webhook may be, and never called there even if that stands in the database", async () => {
  const caller = await callerWithHook();
  for (const url of ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "https://intranet/"]) {
    const reply = await control("PUT", `/v1/tenants/${caller.tenantId}/approval-webhook`, { url });
    expect([url, reply.status, ((await reply.json()) as Json).field]).toEqual([url, 400, "url"]);
    await env.GLOBAL_DB.prepare("UPDATE approval_webhooks SET url = ?2 WHERE tenant_id = ?1")
      .bind(caller.tenantId, url)
      .run();
    await ask(caller, url);
  }
  await later();
  expect(sent).toEqual([]);
});

it("has its secret told once, and another each time it is put", async () => {
  const caller = await callerWithHook();
  const path = `/v1/tenants/${caller.tenantId}/approval-webhook`;
  const shown = await admin("GET", path);
  expect(shown).toEqual({ tenantId: caller.tenantId, url: URL_OF_HOOK, updatedAt: expect.any(String) });
  const { secret } = await admin("PUT", path, { url: URL_OF_HOOK });
  expect(secret).not.toBe(caller.secret);
  const row = await env.GLOBAL_DB.prepare("SELECT * FROM approval_webhooks WHERE tenant_id = ?1")
    .bind(caller.tenantId)
    .first();
  expect(JSON.stringify(row)).not.toContain(String(secret).slice(6));
  expect(await admin("DELETE", path)).toEqual({});
  expect((await control("GET", path)).status).toBe(404);
  await ask(caller);
  expect(sent).toEqual([]);
});

it("ends with its tenant, and so do the tenant's approvals", async () => {
  const id = `ends-${crypto.randomUUID().slice(0, 8)}`;
  await admin("POST", "/v1/tenants", { id, name: id });
  await admin("PUT", `/v1/tenants/${id}/approval-webhook`, { url: URL_OF_HOOK });
  await admin("DELETE", `/v1/tenants/${id}`);
  const row = env.GLOBAL_DB.prepare("SELECT 1 FROM approval_webhooks WHERE tenant_id = ?1").bind(id);
  expect(await row.first()).toBeNull();
});

it("cannot be set where nothing could sign what it is sent", async () => {
  const { call: ofControlPlane, makeTenant } = await createFixture({ webhookSecret: null });
  const tenantId = await makeTenant();
  const reply = await ofControlPlane("PUT", `/tenants/${tenantId}/approval-webhook`, {
    body: { url: URL_OF_HOOK },
  });
  expect(reply).toMatchObject({ status: 422, body: { code: "webhook_secret_missing" } });
});
