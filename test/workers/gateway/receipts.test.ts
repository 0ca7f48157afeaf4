/** Receipts: on every answer to what was allowed, signed while Azure is called, and in agreement with the record. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AuditRecord, CompletionRecord, DecisionRecord } from "../../../src/audit/audit-record.ts";
import { PublishedKeys, verifyReceipt } from "../../../src/capability/verify-receipt.ts";
import { createDataPlane } from "../../../src/gateway/data-plane.routes.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail } from "../../../src/kernel/result.ts";
import type { Receipt } from "../../../src/residency/receipt.ts";
import worker from "../../../src/worker.ts";
import {
  admin,
  askEnforce,
  backend,
  backgroundDone,
  type CallOptions,
  call,
  completion,
  frankfurt,
  newCaller,
  noCredentials,
  ports,
  scriptedAzure,
} from "./gateway-fixture.ts";

const published = await worker.fetch(
  new Request("https://gateway.test/.well-known/jwks.json"),
  env,
  createExecutionContext(),
);
const jwks = PublishedKeys.parse(await published.json());

/** What the receipt of an answer states; null where the answer has none. */
async function factsOf({ headers }: Response): Promise<Receipt | null> {
  const receipt = headers.get("portcullis-receipt");
  if (receipt === null) return null;
  const verified = await verifyReceipt(receipt, jwks);
  if (!verified.ok) throw new Error(verified.error);
  return verified.value.receipt;
}

/** A queue that takes every record; the decision and the completion it took last. */
function recording() {
  const taken: DecisionRecord[] = [];
  const completed: CompletionRecord[] = [];
  const send = async (_home: unknown, record: AuditRecord) => {
    if (record.kind === "decision") taken.push(record);
    if (record.kind === "completion") completed.push(record);
    return true;
  };
  return { records: { send }, decided: () => taken.at(-1), ended: () => completed.at(-1) };
}

/** Everything a receipt states, as the record says it. */
const toldBy = (record: DecisionRecord | undefined) =>
  record && {
    iss: env.ISSUER,
    iat: Math.floor(Date.parse(record.at) / 1_000),
    decision: record.decisionId,
    surface: record.surface,
    tenant: record.tenantId,
    home: record.home,
    place: record.place,
    backend: record.backend,
    revisions: record.revisions,
  };

const sentTo = { region: backend.region, sku: backend.sku };
const streamedAnswer = () =>
  new Response("data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } });
const streaming = JSON.stringify({ messages: [{ role: "user", content: "Hello" }], stream: true });
const nothingRecords = {
  records: { send: async () => false },
  ledgers: { ...ports.ledgers, keepRecord: async () => fail(refuse("ledger_unavailable")) },
};

describe("an answer to a call that was sent", () => {
  it.each<[name: string, status: number, answer: () => Response, options: CallOptions, constraints: object]>([
    ["a whole answer", 200, completion, {}, {}],
    ["a stream", 200, streamedAnswer, { body: streaming }, {}],
    ["an answer recorded before the call", 200, completion, {}, { auditLogging: "detailed" }],
    ["a caller whose place is unknown", 200, completion, { cf: {} }, {}],
    ["Azure's own refusal", 429, () => Response.json({ error: {} }, { status: 429 }), {}, {}],
    ["an answer that broke off", 502, () => new Response("{"), {}, {}],
    ["a key that Azure refuses", 503, () => Response.json({}, { status: 401 }), {}, {}],
  ])("has a receipt that agrees with the record: %s", async (_name, status, answer, options, constraints) => {
    const { records, decided } = recording();
    const caller = await newCaller(constraints);
    const response = await call(caller, { azure: scriptedAzure(answer), records }, options);
    await response.body?.cancel();
    await backgroundDone();
    expect(response.status).toBe(status);
    const facts = await factsOf(response);
    expect(facts).toEqual(toldBy(decided()));
    expect(facts).toMatchObject({ surface: "relay", tenant: caller.tenantId, backend: sentTo });
    expect(facts?.decision).toBe(response.headers.get("portcullis-decision") ?? facts?.decision);
    expect(facts?.place.colo ?? null).toBe("cf" in options ? null : frankfurt.colo);
  });

  it("tells the home of its tenant", async () => {
    const caller = await newCaller({}, { home: "eu", residency: { zone: "eu" } });
    const response = await call(caller, { azure: scriptedAzure(completion), ...recording() });
    expect(await factsOf(response)).toMatchObject({ home: "eu", backend: sentTo });
    await backgroundDone();
  });

  it("was signed while Azure was called, once", async () => {
    const signed = Promise.withResolvers<void>();
    let signatures = 0;
    const receipts: typeof ports.receipts = {
      async sign(record) {
        signatures += 1;
        const receipt = await ports.receipts.sign(record);
        signed.resolve();
        return receipt;
      },
    };
    // Azure answers once the receipt is signed: signing that waited for the answer would never begin.
    const azure = scriptedAzure(async () => {
      await signed.promise;
      return completion();
    });
    const response = await call(await newCaller(), { azure, receipts, ...recording() });
    expect(await factsOf(response)).not.toBeNull();
    expect(signatures).toBe(1);
    await backgroundDone();
  });

  it("cannot be given a receipt by Azure", async () => {
    const forged = () => Response.json({}, { status: 500, headers: { "portcullis-receipt": "forged" } });
    const response = await call(await newCaller(), { azure: scriptedAzure(forged), ...recording() });
    expect(response.headers.get("portcullis-receipt")).not.toContain("forged");
    await backgroundDone();
  });
});

const second = { ...backend, endpoint: "https://second.test", region: "francecentral", priority: 1 };
await admin("POST", "/v1/deployments", {
  name: "two",
  model: "gpt",
  maxOutputTokens: 1_000,
  backends: [backend, second],
});

describe("an answer that came from another backend than the first", () => {
  it.each<[name: string, first: () => Response | Promise<Response>, decisions: number]>([
    ["which refused the call", () => Response.json({}, { status: 503 }), 1],
    ["which never answered", () => Promise.reject(new Error("reset")), 2],
  ])("%s: the receipt names the one that answered, as the records do", async (_name, first, decisions) => {
    const { records, decided, ended } = recording();
    const caller = { ...(await newCaller()), deployment: "two" };
    const azure = scriptedAzure(({ url }) => (url.includes("second") ? completion() : first()));
    const signed: unknown[] = [];
    const receipts: typeof ports.receipts = {
      sign(record) {
        signed.push(record.backend?.region);
        return ports.receipts.sign(record);
      },
    };
    const response = await call(caller, { azure, records, receipts });
    await backgroundDone();
    const facts = await factsOf(response);
    expect(facts?.backend).toMatchObject({ region: second.region });
    expect(ended()?.backend).toEqual(facts?.backend);
    expect(facts).toEqual({ ...toldBy(decided()), backend: facts?.backend });
    // A decision of its own names the backend it is about; one that is shared names where the call went first.
    expect(decided()?.backend?.region).toBe(decisions === 2 ? second.region : backend.region);
    // The first one's was never given to anybody.
    expect(signed).toEqual([backend.region, second.region]);
  });
});

describe("an allowed answer without a call", () => {
  it("of /v1/enforce says that nothing was sent, and a replay states the same decision", async () => {
    const { records, decided } = recording();
    const { token, tenantId } = await newCaller();
    const enforce = (capabilityToken: string) =>
      askEnforce({ capabilityToken, requestId: "one" }, { records }, frankfurt);
    const first = await factsOf(await enforce(token));
    expect(first).toEqual(toldBy(decided()));
    expect(first).toMatchObject({ surface: "enforce", tenant: tenantId, backend: null });
    const replay = await factsOf(await enforce(token));
    expect(replay).toEqual(toldBy(decided()));
    expect(replay?.decision).toBe(first?.decision);
    const denied = await enforce("no.good.token");
    expect(await denied.json()).toMatchObject({ decision: "denied" });
    expect(await factsOf(denied)).toBeNull();
  });

  it("of the list of models does as well", async () => {
    const { records, decided } = recording();
    const { token } = await newCaller();
    const response = await createDataPlane(async () => ({ ...ports, records })).fetch(
      new Request("https://gateway.test/openai/v1/models", { headers: { "api-key": token } }),
    );
    expect(await factsOf(response)).toEqual(toldBy(decided()));
    expect(await factsOf(response)).toMatchObject({ surface: "model_list", backend: null });
  });
});

describe("a receipt that cannot be signed", () => {
  const unsigned: Partial<typeof ports> = { receipts: { sign: () => Promise.reject(new Error("no key")) } };

  it.each([
    ["a whole answer", completion],
    ["a stream", streamedAnswer],
  ])("withholds %s, and leaves neither the call to Azure nor its reservation open", async (_name, answer) => {
    const caller = await newCaller({ maxConcurrentRequests: 1 });
    const azure = scriptedAzure(answer);
    const response = await call(caller, { azure, ...recording(), ...unsigned });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { code: "internal_error" } });
    expect(response.headers.has("portcullis-receipt")).toBe(false);
    await backgroundDone();
    expect(azure.requests.map(({ signal }) => signal.aborted)).toEqual([true]);
    expect((await call(caller, { azure: scriptedAzure(completion), ...recording() })).status).toBe(200);
    await backgroundDone();
  });

  it("gives back what an /v1/enforce reserved", async () => {
    const { token } = await newCaller({ maxRequestsPerDay: 1 });
    const enforce = (requestId: string, overrides: Partial<typeof ports>) =>
      askEnforce({ capabilityToken: token, requestId }, { ...recording(), ...overrides });
    expect((await enforce("one", unsigned)).status).toBe(500);
    expect(await (await enforce("two", {})).json()).toMatchObject({ decision: "allowed" });
  });
});

describe("no receipt goes with", () => {
  const refusedBy = async (constraints: object, overrides: Partial<typeof ports>, options?: CallOptions) =>
    call(
      await newCaller(constraints),
      { ...recording(), azure: scriptedAzure(completion), ...overrides },
      options,
    );

  it.each<[name: string, status: number, constraints: object, overrides: Partial<typeof ports>]>([
    ["a denial", 403, { allowedRoles: ["auditor"] }, {}],
    ["a call that had no backend to go to", 503, {}, { credentials: noCredentials }],
    ["an answer whose decision is recorded nowhere", 503, {}, nothingRecords],
    [
      "a decision that had to be recorded first, and was not",
      503,
      { auditLogging: "detailed" },
      nothingRecords,
    ],
  ])("%s", async (_name, status, constraints, overrides) => {
    const response = await refusedBy(constraints, overrides);
    expect(response.status).toBe(status);
    expect(response.headers.has("portcullis-receipt")).toBe(false);
    await backgroundDone();
  });

  it("a receipt that is presented as a token: it opens nothing", async () => {
    const allowed = await call(await newCaller(), { azure: scriptedAzure(completion), ...recording() });
    await backgroundDone();
    const token = allowed.headers.get("portcullis-receipt") ?? "";
    const azure = scriptedAzure(completion);
    const response = await call({ deployment: "gpt", token }, { azure });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: "token_header_invalid" } });
    expect(response.headers.has("portcullis-receipt")).toBe(false);
    expect(azure.requests).toEqual([]);
  });
});
