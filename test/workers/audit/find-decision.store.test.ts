// A decision is found by the time in its id, however long its body or its call took, and in its tenant alone.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../src/audit/audit-log.store.ts";
import { AbandonedRecord, type AuditRecord, CompletionRecord } from "../../../src/audit/audit-record.ts";
import { createDecisionFinder } from "../../../src/audit/find-decision.store.ts";
import { createIdMint, mintedAtMs, TenantId } from "../../../src/kernel/ids.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { decisionRecord } from "../../unit/audit/record-fixture.ts";

const MINTED_MS = Date.parse("2026-05-01T10:00:00.123Z");
const MINUTE_MS = 60_000;
const tenantA = TenantId.parse("tenant-a");
const log = createAuditLog({ dbOf: () => env.EU_DB });
const finder = createDecisionFinder({ dbOf: () => env.EU_DB });
const mint = createIdMint(
  () => MINTED_MS,
  (length) => crypto.getRandomValues(new Uint8Array(length)),
);
const store = (...records: readonly AuditRecord[]) => log.store("eu", records);
beforeEach(async () => void (await env.EU_DB.prepare("DELETE FROM audit_records").run()));

const later = (minutes: number) => timestampOf(MINTED_MS + minutes * MINUTE_MS);
const common = {
  v: 1,
  source: "agent/one",
  home: "eu",
  tenantId: "tenant-a",
  requestId: "request-1",
} as const;
const ended = {
  agentId: decisionRecord().agentId,
  action: "chat",
  resource: "api://azure-openai/models/gpt-4",
};

it("ids carry the time of their making", () => {
  expect(mintedAtMs(mint.decision())).toBe(MINTED_MS);
});

it.each([0, 0.1, 1.5, 50])(
  "is found where it was recorded %d minutes after its id was made",
  async (minutes) => {
    const decisionId = mint.decision();
    const decision = decisionRecord({ decisionId, at: later(minutes) });
    await store(decision, decisionRecord({ n: 2, decisionId: mint.decision(), at: later(minutes) }));
    const none = { completion: null, abandoned: null };
    expect(await finder.find("eu", tenantA, decisionId)).toEqual({ ok: true, value: { decision, ...none } });
    for (const [tenant, id] of [
      [TenantId.parse("tenant-b"), decisionId],
      ["platform", decisionId],
      [tenantA, mint.decision()],
    ] as const)
      expect(await finder.find("eu", tenant, id)).toEqual({ ok: true, value: null });
  },
);

it("is found with what followed, a late correction included, and the first of several answers", async () => {
  const decisionId = mint.decision();
  const decision = decisionRecord({ decisionId, at: later(0) });
  const abandoned = AbandonedRecord.parse({
    ...common,
    ...ended,
    n: 3,
    kind: "abandoned",
    at: later(10),
    decisionId,
    decisionNumber: 1,
    reason: "unreported",
    chargedTokens: 10,
  });
  const completion = CompletionRecord.parse({
    ...common,
    ...ended,
    n: 4,
    kind: "completion",
    at: later(45),
    decisionId,
    end: "reported",
    upstreamStatus: null,
    backend: null,
    usage: null,
    settlement: "used",
    chargedTokens: 5,
    durationMs: 1,
  });
  await store(decision, decisionRecord({ n: 2, decisionId, at: later(5) }), abandoned, completion);
  expect(await finder.find("eu", tenantA, decisionId)).toEqual({
    ok: true,
    value: { decision, completion, abandoned },
  });
});
