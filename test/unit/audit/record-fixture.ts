// Records of each kind, small and valid; also used by the tests that run in workerd.
import { type AuditRecord, ChangeRecord, DecisionRecord } from "../../../src/audit/audit-record.ts";

const agentId = `agent_${"0".repeat(31)}1`;
const decisionId = `decision_${"0".repeat(31)}2`;

export function decisionRecord(changes: Partial<Record<keyof DecisionRecord, unknown>> = {}): DecisionRecord {
  return DecisionRecord.parse({
    v: 1,
    source: "agent/one",
    n: 1,
    skipped: null,
    at: "2026-05-01T10:00:00.000Z",
    home: "eu",
    tenantId: "tenant-a",
    requestId: "request-1",
    kind: "decision",
    decisionId,
    decision: "allowed",
    reasons: [{ code: "allowed", message: "A policy allows it." }],
    surface: "relay",
    agentId,
    tokenId: null,
    action: "chat",
    resource: "api://azure-openai/models/gpt-4",
    classification: "internal",
    endUser: null,
    policyIds: [],
    revisions: { tenant: 1, platform: 1 },
    place: { country: "DE", continent: "EU", isEu: true, colo: "FRA", tlsVersion: "TLSv1.3" },
    reservedTokens: 10,
    detail: null,
    ...changes,
  });
}

export function changeRecord(changes: Partial<Record<keyof ChangeRecord, unknown>> = {}): ChangeRecord {
  return ChangeRecord.parse({
    v: 1,
    source: "control/tenant-a",
    n: 1,
    skipped: null,
    at: "2026-05-01T10:00:00.000Z",
    home: "eu",
    tenantId: "tenant-a",
    requestId: "request-1",
    kind: "change",
    actor: "key-1",
    operation: "policy.create",
    objectId: "policy-1",
    revision: 1,
    ...changes,
  });
}

export const identityOf = ({ source, n }: AuditRecord): string => `${source}#${n}`;
