/** Answers that Azure keeps: bound to the agent that made them, over real ledgers; for everybody else they are not there. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import type { AzureRequest } from "../../../src/azure/azure-calls.ts";
import { configOf } from "../../../src/bindings.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import type { GatewayPorts } from "../../../src/gateway/gateway-ports.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { MAX_STORED_OBJECTS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import { agentLedgerName } from "../../../src/quota/ledger-names.ts";
import { ledgerStub } from "../../../src/quota/ledger-namespace.store.ts";
import {
  admin,
  backend,
  backgroundDone,
  codeOf,
  frankfurt,
  freshIsolate,
  newCaller,
  newPolicy,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const records: AuditRecord[] = [];
const decisions = () => records.filter((record) => record.kind === "decision");

/** Two resources of Azure's: each has the answers that it made, and no others. */
const held = new Map<string, string>();
let made = 0;
const usage = { input_tokens: 5, output_tokens: 7, total_tokens: 12 };
function atAzure({ url, method = "POST", body }: AzureRequest): Response {
  const { host, pathname, searchParams } = new URL(url);
  if (method === "POST" && typeof body === "string") {
    const asked = JSON.parse(body) as { store: boolean; stream?: boolean; background?: boolean };
    made += 1;
    const answer = { id: `resp_${made}`, object: "response", status: "completed", output: [], usage };
    if (asked.store) held.set(answer.id, host);
    if (asked.background) return Response.json({ ...answer, status: "queued", usage: null });
    if (!asked.stream) return Response.json(answer);
    const event = (type: string, response: object) => `data: ${JSON.stringify({ type, response })}\n\n`;
    const events = [
      event("response.created", { ...answer, usage: null }),
      event("response.completed", answer),
    ];
    return new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
  }
  const id = /\/responses\/([^/]+)/.exec(pathname)?.[1] ?? "";
  if (held.get(id) !== host)
    return Response.json({ error: { message: `${id} not found on ${host}`, code: null } }, { status: 404 });
  if (method === "DELETE") held.delete(id);
  if (searchParams.get("stream") === "true")
    return new Response('data: {"type":"response.completed","response":{}}\n\n', {
      headers: { "content-type": "text/event-stream" },
    });
  return Response.json({ id, object: "response", deleted: method === "DELETE" });
}
const azure = scriptedAzure(atAzure);
beforeEach(() => {
  azure.requests.splice(0);
  records.splice(0);
});

const twoResources = (more: readonly object[] = []) => ({
  name: "held",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [
    { ...backend, endpoint: "https://first.test" },
    { ...backend, endpoint: "https://second.test", priority: 1 },
    ...more,
  ],
});
await admin("POST", "/v1/deployments", twoResources());

interface Caller {
  readonly token: string;
}

async function storing(constraints: object = {}, tenant: object = {}) {
  const caller = await newCaller({}, tenant);
  await newPolicy(caller, { actions: ["response"], constraints: { allowStore: true, ...constraints } });
  return caller;
}

async function send(
  method: string,
  path: string,
  { token }: Caller,
  body?: object,
  overrides: Partial<GatewayPorts> = {},
): Promise<Response> {
  const app = createDataPlane(async () => ({
    ...ports,
    ...freshIsolate(),
    azure,
    records: { send: async (_home: unknown, record: AuditRecord) => records.push(record) > 0 },
    ...overrides,
  }));
  return app.fetch(
    new Request(`https://gateway.test${path}`, {
      method,
      headers: { "api-key": token, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      cf: frankfurt,
    } as RequestInit), // `cf` is the platform's own member of a request's init.
  );
}

const ask = { model: "held", input: "Hello", store: true };
const create = (caller: Caller, more: object = {}, overrides: Partial<GatewayPorts> = {}) =>
  send("POST", "/openai/v1/responses", caller, { ...ask, ...more }, overrides);
async function madeBy(caller: Caller, more: object = {}): Promise<string> {
  const response = await create(caller, more);
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}
const at = (id: string, rest = "") => `/openai/v1/responses/${id}${rest}`;
const read = (caller: Caller, id: string, overrides: Partial<GatewayPorts> = {}) =>
  send("GET", at(id), caller, undefined, overrides);
/** What a caller sees, but for the ids of this very request. */
async function told(response: Response): Promise<object> {
  const names = [...response.headers.keys()].filter((name) => !name.startsWith("server-")).toSorted();
  return { status: response.status, names, body: await response.json() };
}

const ledgerOf = async ({ tenantId, agentId }: { tenantId: string; agentId: string }) =>
  ledgerStub(
    env.AGENT_LEDGER,
    "global",
    await agentLedgerName(configOf(env).ledgerNameSecret, TenantId.parse(tenantId), AgentId.parse(agentId)),
  );
const inLedger = async (caller: { tenantId: string; agentId: string }, query: string) =>
  runInDurableObject(await ledgerOf(caller), (_, { storage }) => storage.sql.exec(query).toArray());

const unknown = { error: expect.objectContaining({ code: "stored_object_unknown", param: null }) };

describe("an answer that Azure keeps", () => {
  it("is its maker's to read, list, cancel and delete, where it was made; none of it is charged", async () => {
    const caller = await storing({ maxRequestsPerDay: 1 });
    const id = await madeBy(caller);
    const { url } = azure.requests[0] ?? { url: "" };
    expect(new URL(url).host).toBe("first.test");
    for (const [method, path] of [
      ["GET", at(id, "?include[]=reasoning.encrypted_content&stream=false")],
      ["GET", at(id, "/input_items?limit=2&order=asc")],
      ["POST", at(id, "/cancel")],
      ["DELETE", at(id)],
    ] as const) {
      const response = await send(method, path, caller);
      expect(response.status).toBe(200);
      expect(response.headers.get("portcullis-receipt")).toBeTruthy();
      expect(response.headers.get("x-ratelimit-remaining-requests")).toBeNull();
      const sent = azure.requests.at(-1);
      expect(`${sent?.method} ${decodeURIComponent(sent?.url ?? "")}`).toBe(
        `${method} https://first.test${path}`,
      );
      expect(sent?.body).toBeNull();
    }
    const [, , reading] = [...decisions(), null, null];
    const told = decisions().slice(1);
    expect(told).toHaveLength(4);
    expect(reading).toMatchObject({
      surface: "stored_object",
      decision: "allowed",
      action: "response",
      resource: "api://azure-openai/models/held",
      route: "GET /responses/{id}/input_items",
      reservedTokens: null,
      backend: { region: "swedencentral" },
    });
    // One object, one name, from the call that made it to the one that deleted it; nowhere its id.
    await backgroundDone();
    const completion = records.find((record) => record.kind === "completion");
    expect(new Set([completion, ...told].map((record) => record?.storedObject))).toEqual(
      new Set([expect.stringMatching(/^[0-9a-f]{64}$/)]),
    );
    expect(JSON.stringify(records)).not.toContain(`${id}"`);
    expect(await inLedger(caller, "SELECT key FROM stored_objects")).toEqual([]);
  });

  it("is not there for anybody else, in the words of one that never was, and Azure is not asked", async () => {
    const maker = await storing();
    const id = await madeBy(maker);
    const sameTenant = await admin("POST", "/v1/agents", { name: "another", tenantId: maker.tenantId });
    const { token } = await admin("POST", "/v1/tokens", { agentId: sameTenant.id });
    const otherTenant = await storing();
    azure.requests.splice(0);
    records.splice(0);
    const never = await told(await read(maker, "resp_never"));
    expect(never).toMatchObject({ status: 404, body: unknown });
    for (const other of [{ token: String(token) }, otherTenant]) {
      expect(await told(await read(other, id))).toEqual(never);
      expect(await told(await send("DELETE", at(id), other))).toEqual(never);
      expect(await codeOf(await create(other, { previous_response_id: id }))).toBe("stored_object_unknown");
    }
    expect(azure.requests).toEqual([]);
    expect(decisions().map(({ reasons, resource }) => [reasons[0]?.code, resource])).toEqual(
      Array.from({ length: 7 }, (_, index) => [
        "stored_object_unknown",
        index > 0 && index % 3 === 0 ? "api://azure-openai/models/held" : null,
      ]),
    );
    expect((await read(maker, id)).status).toBe(200);
  });

  it("outlives its ledger's memory, and not its end", async () => {
    const caller = await storing();
    const id = await madeBy(caller);
    await evictDurableObject(await ledgerOf(caller));
    expect((await read(caller, id)).status).toBe(200);
    await inLedger(caller, "UPDATE stored_objects SET expires_at = 1");
    expect(await told(await read(caller, id))).toEqual(await told(await read(caller, "resp_never")));
    await runInDurableObject(await ledgerOf(caller), (ledger) => ledger.alarm());
    expect(await inLedger(caller, "SELECT key FROM stored_objects")).toEqual([]);
  });

  it("gives way to the newest, where an agent has very many", async () => {
    const caller = await storing();
    const oldest = await madeBy(caller);
    await inLedger(caller, `UPDATE stored_objects SET ordinal = ordinal - ${MAX_STORED_OBJECTS}`);
    const newest = await madeBy(caller);
    expect((await read(caller, oldest)).status).toBe(404);
    expect((await read(caller, newest)).status).toBe(200);
  });

  it("that Azure has lost is not there either, and is forgotten with its deletion", async () => {
    const caller = await storing();
    const id = await madeBy(caller);
    held.delete(id);
    const never = await told(await read(caller, "resp_never"));
    const lost = await told(await read(caller, id));
    expect(lost).toMatchObject({ status: 404, body: unknown });
    expect((lost as { body: unknown }).body).toEqual((never as { body: unknown }).body);
    expect(await inLedger(caller, "SELECT key FROM stored_objects")).toHaveLength(1);
    expect((await send("DELETE", at(id), caller)).status).toBe(404);
    expect(await inLedger(caller, "SELECT key FROM stored_objects")).toEqual([]);
  });

  it("of a stream can be streamed again", async () => {
    const caller = await storing();
    const stream = await (await create(caller, { stream: true })).text();
    await backgroundDone();
    const id = /"id":"(resp_\d+)"/.exec(stream)?.[1] ?? "";
    const again = await send("GET", at(id, "?stream=true&starting_after=1"), caller);
    expect(again.headers.get("content-type")).toBe("text/event-stream");
    expect(await again.text()).toContain("response.completed");
  });

  it("in the background is charged as reserved, since nobody knows its usage when it is answered", async () => {
    const caller = await storing();
    const id = await madeBy(caller, { background: true, store: undefined, max_output_tokens: 20 });
    await backgroundDone();
    expect(JSON.parse(String(azure.requests[0]?.body))).toMatchObject({ background: true, store: true });
    expect(records.find((record) => record.kind === "completion")).toMatchObject({
      settlement: "as_reserved",
    });
    expect((await send("POST", at(id, "/cancel"), caller)).status).toBe(200);
  });
});

describe("an answer under way", () => {
  /** A stream that has told its id and nothing else yet. */
  async function underWay(
    caller: Caller,
    body: object,
    overrides: Partial<GatewayPorts["ledgers"]> = {},
    path = "/openai/v1/responses",
  ) {
    made += 1;
    const id = `resp_${made}`;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const write = (event: object) =>
      writer.write(new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`));
    const streaming = scriptedAzure((request) => {
      held.set(id, new URL(request.url).host);
      return new Response(readable, { headers: { "content-type": "text/event-stream" } });
    });
    let tellings = 0;
    const bound = Promise.withResolvers<void>();
    const ledgers: GatewayPorts["ledgers"] = {
      ...ports.ledgers,
      keepObject: async (request) => {
        tellings += 1;
        const reply = await ports.ledgers.keepObject(request);
        bound.resolve();
        return reply;
      },
      ...overrides,
    };
    const response = await send(
      "POST",
      path,
      caller,
      { ...ask, stream: true, ...body },
      { azure: streaming, ledgers },
    );
    const reader = response.body?.getReader();
    await Promise.all([write({ id, type: "response.created", response: { id } }), reader?.read()]);
    return {
      id,
      /** Resolves when the ledger has been told. */
      bound: bound.promise,
      tellings: () => tellings,
      async finish() {
        const rest = (async () => {
          while (!(await reader?.read())?.done);
        })();
        await write({ type: "response.completed", response: { id, usage } });
        await writer.close();
        await rest;
        await backgroundDone();
      },
    };
  }
  const rowsOf = (caller: { tenantId: string; agentId: string }) =>
    inLedger(caller, "SELECT key, ordinal, deployment, backend_id, expires_at FROM stored_objects");

  it.each([
    ["stored", {}],
    ["in the background", { background: true, store: undefined }],
  ])(
    "%s is its maker's to read and cancel as soon as its id was told, and nobody else's",
    async (_, body) => {
      const [caller, stranger] = [await storing(), await storing()];
      const { id, bound, tellings, finish } = await underWay(caller, body);
      await bound;
      expect((await read(caller, id)).status).toBe(200);
      expect((await send("POST", at(id, "/cancel"), caller)).status).toBe(200);
      const asked = azure.requests.length;
      expect(await told(await read(stranger, id))).toEqual(await told(await read(stranger, "resp_never")));
      expect(azure.requests).toHaveLength(asked);
      const early = await rowsOf(caller);
      expect(early).toHaveLength(1);
      expect(records.filter(({ kind }) => kind === "completion")).toEqual([]);

      await finish();
      expect(records.find(({ kind }) => kind === "completion")).toMatchObject({
        storedObject: early[0]?.key,
      });
      // The settlement says the same: one row, in its place, and no second call.
      expect(await rowsOf(caller)).toEqual(early);
      expect(tellings()).toBe(1);
      expect((await read(caller, id)).status).toBe(200);
    },
  );

  it("is known to a ledger that lost its memory, whatever becomes of the settlement", async () => {
    const caller = await storing();
    const lost = async () => fail(refuse("ledger_unavailable"));
    const { id, bound, finish } = await underWay(caller, {}, { settle: lost });
    await bound;
    await evictDurableObject(await ledgerOf(caller));
    expect((await read(caller, id)).status).toBe(200);
    await finish();
    expect((await read(caller, id)).status).toBe(200);
  });

  it("is bound by its settlement where the ledger could not be told before", async () => {
    const caller = await storing();
    const { id, finish } = await underWay(
      caller,
      {},
      { keepObject: async () => fail(refuse("ledger_unavailable")) },
    );
    expect(await codeOf(await read(caller, id))).toBe("stored_object_unknown");
    await finish();
    expect((await read(caller, id)).status).toBe(200);
  });

  it("of a chat is bound as well, and one that Azure does not keep, or gives whole, costs no further call", async () => {
    const caller = await storing();
    await newPolicy(caller, { actions: ["chat"], constraints: { allowStore: true }, priority: 0 });
    const messages = { input: undefined, messages: [{ role: "user", content: "Hi" }] };
    const chat = await underWay(caller, messages, {}, "/openai/v1/chat/completions");
    await chat.bound;
    expect(await rowsOf(caller)).toHaveLength(1);
    await chat.finish();
    expect([chat.tellings(), (await rowsOf(caller)).length]).toEqual([1, 1]);

    const unkept = await underWay(caller, { store: false });
    await unkept.finish();
    const never = () => Promise.reject(new Error("not told here"));
    expect((await create(caller, {}, { ledgers: { ...ports.ledgers, keepObject: never } })).status).toBe(200);
    await backgroundDone();
    expect([unkept.tellings(), (await rowsOf(caller)).length]).toEqual([0, 2]);
  });
});

describe("an answer that is continued", () => {
  it("leads to the resource that has it, and to no other where that one fails", async () => {
    const caller = await storing();
    const answers: ((request: AzureRequest) => Response)[] = [() => new Response(null, { status: 500 })];
    const failing = scriptedAzure((request) => (answers.shift() ?? atAzure)(request));
    const second = await create(caller, {}, { azure: failing });
    expect(failing.requests.map(({ url }) => new URL(url).host)).toEqual(["first.test", "second.test"]);
    const { id } = (await second.json()) as { id: string };
    const next = await madeBy(caller, { previous_response_id: id });
    expect(new URL(azure.requests.at(-1)?.url ?? "").host).toBe("second.test");
    expect(decisions().at(-1)).toMatchObject({ storedObject: expect.stringMatching(/^[0-9a-f]{64}$/) });

    answers.push(() => new Response("{}", { status: 500 }));
    failing.requests.splice(0);
    const failed = await create(caller, { previous_response_id: next }, { azure: failing });
    expect([failed.status, failing.requests.length]).toEqual([500, 1]);
  });

  it("needs a grant that allows storing, and no limit that counts what nobody can bound", async () => {
    const limited = await storing({ maxTokensPerDay: 100_000 });
    const id = await madeBy(limited);
    expect(await codeOf(await create(limited, { previous_response_id: id }))).toBe("unbounded_ask");
    const unstoring = await newCaller();
    await newPolicy(unstoring, { actions: ["response"] });
    for (const more of [{ previous_response_id: id }, { background: true }])
      expect(await codeOf(await create(unstoring, more))).toBe("stored_object_refused");
    expect(azure.requests).toHaveLength(1);
  });
});

describe("what has changed since it was made", () => {
  it("counts: a promise that its resource does not keep, and a deny", async () => {
    const caller = await storing();
    const id = await madeBy(caller);
    const promise = (residency: object) =>
      admin("PUT", `/v1/tenants/${caller.tenantId}`, { name: "a tenant", residency });
    await promise({ zone: "us", ingress: "anywhere" });
    azure.requests.splice(0);
    records.splice(0);
    expect(await codeOf(await read(caller, id))).toBe("residency_backend");
    await promise({ zone: "none" });
    await newPolicy(caller, { effect: "deny", actions: ["response"] });
    expect(await codeOf(await read(caller, id))).toBe("denied_by_policy");
    expect(await codeOf(await send("DELETE", at(id), caller))).toBe("denied_by_policy");
    expect(azure.requests).toEqual([]);
    expect(decisions()).toMatchObject(
      ["residency_backend", "denied_by_policy", "denied_by_policy"].map((code) => ({
        decision: "denied",
        resource: "api://azure-openai/models/held",
        reasons: [{ code }],
      })),
    );
  });

  it("counts: a backend that is gone has taken it along", async () => {
    const caller = await storing();
    const id = await madeBy(caller);
    await admin("PUT", "/v1/deployments/held", {
      ...twoResources(),
      backends: [{ ...backend, endpoint: "https://third.test" }],
    });
    azure.requests.splice(0);
    expect(await told(await read(caller, id))).toEqual(await told(await read(caller, "resp_never")));
    expect(await codeOf(await create(caller, { previous_response_id: id }))).toBe("stored_object_unknown");
    expect(azure.requests).toEqual([]);
    expect(await inLedger(caller, "SELECT id FROM open_reservations")).toEqual([]);
    await admin("PUT", "/v1/deployments/held", twoResources());
  });
});

describe("a ledger of the version before", () => {
  it("looks for no answer: whatever is about one is refused, and what it charged is given back", async () => {
    const caller = await storing({ maxRequestsPerDay: 2 });
    const id = await madeBy(caller);
    const before = {
      ...ports.ledgers,
      confirm: async (...given: Parameters<typeof ports.ledgers.confirm>) => {
        const reply = await ports.ledgers.confirm(...given);
        if (reply.ok && reply.value.outcome === "confirmed") delete reply.value.object;
        return reply;
      },
      reserve: async ({ uses: _, ...known }: Parameters<typeof ports.ledgers.reserve>[0]) => {
        const reply = await ports.ledgers.reserve(known);
        if (reply.ok && reply.value.outcome === "reserved") delete reply.value.object;
        return reply;
      },
    };
    azure.requests.splice(0);
    expect(await codeOf(await read(caller, id, { ledgers: before }))).toBe("ledger_unavailable");
    const continued = await create(caller, { previous_response_id: id }, { ledgers: before });
    expect(await codeOf(continued)).toBe("ledger_unavailable");
    expect(azure.requests).toEqual([]);
    expect((await create(caller)).status).toBe(200);
  });
});

describe("a path that is not served", () => {
  it("is recorded for whoever is known, counted for everybody else, and told in few words", async () => {
    const caller = await newCaller();
    const counted: string[] = [];
    const shield: GatewayPorts["shield"] = {
      ...ports.shield,
      refused: async (_, refusal) => {
        counted.push(refusal.code);
        return refusal;
      },
    };
    const secret = "0123456789abcdef0123456789abcdef";
    const paths = [
      ["POST", "/openai/v1/files", "files_not_served", "POST /openai/v1/files/{rest}"],
      ["POST", `/openai/v1/${secret}/${"x".repeat(3_000)}`, "route_unknown", "POST /openai/v1/?/?"],
      ["PUT", "/openai/v1/responses", "method_not_allowed", "PUT /openai/v1/responses"],
      [
        "GET",
        `/openai/v1/realtime?api-key=${secret}`,
        "realtime_not_served",
        "GET /openai/v1/realtime/{rest}",
      ],
      ["GET", at("resp_1", `?key=${secret}`), "query_invalid", "GET /responses/{id}"],
    ] as const;
    for (const [method, path, code] of paths) {
      const response = await send(method, path, caller);
      expect(response.headers.get("portcullis-decision")).toMatch(/^decision_/);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(response.headers.get("allow")).toBe(code === "method_not_allowed" ? "POST" : null);
      const text = await response.text();
      expect(text).toContain(`"${code}"`);
      expect(text).not.toContain(secret);
    }
    expect(decisions()).toMatchObject(
      paths.map(([, , code, route], index) => ({
        decision: "denied",
        surface: index === paths.length - 1 ? "stored_object" : "unserved",
        reasons: [{ code }],
        route,
        n: index + 1,
      })),
    );
    expect(JSON.stringify(records)).not.toContain(secret);
    for (const [method, path, code] of paths.slice(0, 4))
      expect(await codeOf(await send(method, path, { token: "not-a-token" }, undefined, { shield }))).toBe(
        code,
      );
    expect(counted).toEqual(paths.slice(0, 4).map(([, , code]) => code));
    expect(decisions()).toHaveLength(paths.length);
  });
});
