/** Fail closed (guarantee G6): each store, ledger and Azure ill in turn, injected at the ports, never by replacing the pipeline. */
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../../src/audit/audit-record.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import {
  backgroundDone,
  call,
  codeOf,
  completion,
  newCaller,
  noCredentials,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const unavailable = async () => fail(refuse("ledger_unavailable"));
const refusing = { send: async () => false };

/** A queue that takes everything and remembers it. */
function rememberingRecords() {
  const taken: AuditRecord[] = [];
  return { taken, send: async (_home: unknown, record: AuditRecord) => taken.push(record) > 0 };
}

describe("before Azure", () => {
  it("policies that cannot be read: 503, a retry hint, a record, nothing sent", async () => {
    const caller = await newCaller();
    const azure = scriptedAzure(() => completion());
    const records = rememberingRecords();
    const snapshots = { ...ports.snapshots, load: async () => fail(refuse("snapshot_unavailable")) };
    const response = await call(caller, { azure, snapshots, records });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await codeOf(response)).toBe("snapshot_unavailable");
    expect(records.taken).toMatchObject([
      { kind: "decision", decision: "denied", source: expect.stringMatching(/^worker\//) },
    ]);
    expect(azure.requests).toHaveLength(0);
  });

  it("a ledger that cannot be asked: 503, nothing sent; refusals cannot be confirmed either", async () => {
    const caller = await newCaller();
    const azure = scriptedAzure(() => completion());
    const ledgers = { ...ports.ledgers, reserve: unavailable, confirm: unavailable };
    expect(await codeOf(await call(caller, { azure, ledgers }))).toBe("ledger_unavailable");
    const refused = await call({ ...caller, deployment: "none" }, { azure, ledgers });
    expect(refused.status).toBe(503);
    expect(azure.requests).toHaveLength(0);
  });

  it("a ledger that always knows a newer revision: two reloads, then 503", async () => {
    const caller = await newCaller();
    const azure = scriptedAzure(() => completion());
    let loads = 0;
    const snapshots = {
      ...ports.snapshots,
      load: (tenant: Parameters<typeof ports.snapshots.load>[0]) => {
        loads += 1;
        return ports.snapshots.load(tenant);
      },
    };
    const ledgers = {
      ...ports.ledgers,
      reserve: async () => ok({ outcome: "stale", revisions: { tenant: 99, platform: 99 } } as const),
    };
    const response = await call(caller, { azure, snapshots, ledgers });
    expect(response.status).toBe(503);
    expect(await codeOf(response)).toBe("revision_unsettled");
    expect(loads).toBe(3);
    expect(azure.requests).toHaveLength(0);
  });

  it("a credential that is not set: 503, and the reservation is given back", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    const azure = scriptedAzure(() => completion());
    const response = await call(caller, { azure, credentials: noCredentials });
    expect(await codeOf(response)).toBe("backend_unavailable");
    await backgroundDone();
    expect((await call(caller, { azure })).status).toBe(200);
  });
});

describe("records", () => {
  it("a queue that takes nothing: the agent's ledger keeps the records, and the call goes on", async () => {
    const caller = await newCaller();
    const kept: AuditRecord[] = [];
    const keepRecord = async (_address: unknown, record: AuditRecord) => {
      kept.push(record);
      return ok(null);
    };
    const response = await call(caller, {
      azure: scriptedAzure(() => completion()),
      records: refusing,
      ledgers: { ...ports.ledgers, keepRecord },
    });
    expect(response.status).toBe(200);
    await backgroundDone();
    expect(kept.map(({ kind }) => kind)).toEqual(["decision", "completion"]);
    expect(kept[1]?.n).toBeGreaterThan(kept[0]?.n ?? 0);
  });

  it("nothing takes the record: no answer of Azure reaches the caller; the call is charged as reserved", async () => {
    const caller = await newCaller({ maxRequestsPerDay: 1 });
    const ledgers = { ...ports.ledgers, keepRecord: unavailable };
    const azure = scriptedAzure(() => completion());
    const response = await call(caller, { azure, records: refusing, ledgers });
    expect(response.status).toBe(503);
    expect(await codeOf(response)).toBe("answer_unrecorded");
    expect(response.headers.get("x-should-retry")).toBe("false");
    await backgroundDone();
    expect(await codeOf(await call(caller, { azure }))).toBe("request_quota_exceeded");
  });

  it("so is one that comes after the reservation", async () => {
    const caller = await newCaller();
    const ledgers = { ...ports.ledgers, keepRecord: unavailable };
    const response = await call(caller, { credentials: noCredentials, records: refusing, ledgers });
    expect(await codeOf(response)).toBe("audit_unavailable");
  });

  it("a refusal that nothing records is refused for that reason", async () => {
    const caller = await newCaller();
    const ledgers = { ...ports.ledgers, keepRecord: unavailable };
    const response = await call({ ...caller, deployment: "none" }, { records: refusing, ledgers });
    expect(await codeOf(response)).toBe("audit_unavailable");
  });

  it("under detailed logging the record comes before Azure: refused, Azure sees nothing and nothing is charged", async () => {
    const caller = await newCaller({ auditLogging: "detailed", maxRequestsPerDay: 1 });
    const azure = scriptedAzure(() => completion());
    const ledgers = { ...ports.ledgers, keepRecord: unavailable };
    expect(await codeOf(await call(caller, { azure, records: refusing, ledgers }))).toBe("audit_unavailable");
    expect(azure.requests).toHaveLength(0);

    const records = rememberingRecords();
    let recordedBefore = -1;
    const watching = scriptedAzure(() => {
      recordedBefore = records.taken.length;
      return completion();
    });
    expect((await call(caller, { azure: watching, records })).status).toBe(200);
    expect(recordedBefore).toBe(1);
    expect(records.taken[0]).toMatchObject({
      decision: "allowed",
      trace: [{ outcome: "allows" }],
      detail: { obligations: { auditLogging: "detailed" } },
    });
  });
});

describe("Azure", () => {
  const charged = async (answer: () => Response | Promise<Response>) => {
    const caller = await newCaller();
    const records = rememberingRecords();
    const response = await call(caller, { azure: scriptedAzure(answer), records });
    await backgroundDone();
    return { response, record: records.taken.find(({ kind }) => kind === "completion") };
  };

  it("not reached: 502, charged as reserved, since nobody knows what it did", async () => {
    const { response, record } = await charged(() =>
      Promise.reject(new Error("connect ECONNREFUSED 192.0.2.7")),
    );
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(text).toContain("upstream_unreachable");
    expect(text).not.toContain("192.0.2.7");
    expect(record).toMatchObject({ end: "upstream_unreachable", settlement: "as_reserved" });
  });

  it("nonsense with status 200: 502, charged as reserved", async () => {
    const { response, record } = await charged(
      () => new Response("<html>", { headers: { "content-type": "application/json" } }),
    );
    expect(await codeOf(response)).toBe("upstream_broken");
    expect(record).toMatchObject({ end: "upstream_broken", settlement: "as_reserved" });
  });

  it("an answer without usage is charged as reserved, never as nothing", async () => {
    const { response, record } = await charged(() => Response.json({ choices: [] }));
    expect(response.status).toBe(200);
    expect(record).toMatchObject({ settlement: "as_reserved", usage: null });
    expect((record as { chargedTokens: number }).chargedTokens).toBeGreaterThan(50);
  });

  it("the gateway's own credential refused: told as such, not as the caller's token", async () => {
    const { response, record } = await charged(() =>
      Response.json({ error: { code: "401", message: "key" } }, { status: 401 }),
    );
    expect(await codeOf(response)).toBe("backend_unavailable");
    expect(record).toMatchObject({ settlement: "released", chargedTokens: 0 });
  });

  it("a redirect is never followed or passed on", async () => {
    const { response } = await charged(
      () => new Response("{}", { status: 307, headers: { location: "https://elsewhere.test" } }),
    );
    expect(response.status).toBe(502);
    expect(response.headers.has("location")).toBe(false);
  });

  it("a prompt its content filter refused is billed as a prompt", async () => {
    const { record } = await charged(() =>
      Response.json({ error: { code: "content_filter", message: "…" } }, { status: 400 }),
    );
    expect(record).toMatchObject({ settlement: "used", usage: { completionTokens: 0 } });
    expect((record as { chargedTokens: number }).chargedTokens).toBeGreaterThan(0);
  });
});
