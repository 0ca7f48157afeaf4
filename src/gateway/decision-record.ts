/** The record of a decision. Nothing in it is a token, a prompt or an answer. */
import type { DecisionRecord } from "../audit/audit-record.ts";
import type { AskInputs } from "../audit/decision-inputs.ts";
import { type Backend, toldBackend } from "../azure/backend.ts";
import type { Capability } from "../capability/claims.ts";
import { MAX_TRACE_LINES } from "../kernel/limits.ts";
import type { Refusal } from "../kernel/refusal.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { Ask, Obligations, TraceLine } from "../policy/decision.ts";
import type { ShadowJudgement } from "../policy/shadow.ts";
import type { Revisions } from "../policy/snapshot.ts";
import type { RecordNumber } from "../quota/contracts.ts";
import type { Judgement, Question } from "./question.ts";
import { cutList, recordedEvidence, recordedTrace } from "./recorded-evidence.ts";
import { recordedInputs } from "./recorded-inputs.ts";

/** What a record says beyond its question. */
interface Decided {
  readonly refusal: Refusal | null;
  readonly number: RecordNumber;
  readonly skips?: number | undefined;
  readonly revisions: Revisions | null;
  readonly ask?: Ask | null;
  readonly trace?: readonly TraceLine[];
  readonly inputs?: DecisionRecord["inputs"];
  readonly decisionId?: Question["decisionId"];
  readonly policyIds?: readonly string[];
  readonly backend?: Backend | null;
  readonly reservedTokens?: number;
  /** Spent by what is allowed; of a refusal, its own is told. */
  readonly approvalId?: DecisionRecord["approvalId"] | undefined;
  readonly detail?: DecisionRecord["detail"];
  readonly stripped?: boolean;
  readonly shadow?: ShadowJudgement | null;
  readonly uses?: DecisionRecord["storedObject"] | undefined;
}

/** What becomes of an allowed call. */
interface Forwarded {
  /** Where it is sent first; null where it is not. */
  readonly backend?: Backend | null;
  /** Whether texts were removed from its prompt. */
  readonly isStripped?: boolean;
}

export function decisionRecordOf(
  question: Question,
  judgement: Judgement,
  nowMs: number,
  { backend = null, isStripped = false }: Forwarded = {},
): DecisionRecord {
  if (judgement.kind === "refused") {
    const detail = { evidence: recordedEvidence(judgement.refusal.evidence) };
    const inputs = recordedInputs(question, judgement);
    return recordOf(question, { ...judgement, inputs, detail }, nowMs);
  }
  const { reserved, candidate, ask, trace, shadow = null } = judgement;
  // The body of an /v1/enforce is its caller's own, and never inspected.
  const reviewed = question.surface === "enforce" ? null : reviewedFor(candidate.obligations);
  return recordOf(
    question,
    {
      refusal: null,
      number: reserved.number,
      skips: judgement.skips,
      revisions: reserved.revisions,
      ask,
      trace,
      inputs: recordedInputs(question, { ...judgement, reviewed }),
      decisionId: reserved.decisionId,
      policyIds: candidate.policyIds,
      backend,
      approvalId: reserved.approvalId,
      reservedTokens: candidate.obligations.reservedTokens,
      stripped: isStripped,
      shadow,
      uses: judgement.uses?.key,
      detail:
        candidate.obligations.auditLogging === "standard"
          ? null
          : {
              parameters: {
                promptTokens: ask.promptTokens,
                outputTokens: ask.outputTokens,
                choices: ask.choices,
                stream: ask.stream,
              },
              obligations: jsonObligations(candidate.obligations),
              limits: reserved.limits.slice(0, MAX_TRACE_LINES).map((limit) => ({ ...limit })),
            },
    },
    nowMs,
  );
}

/** Whom a record is about, and whose log it belongs to; null where nothing of a capability was read. */
type Recorded = Pick<Question, "requestId" | "decisionId" | "surface" | "resource" | "place" | "asked"> & {
  readonly action: DecisionRecord["action"];
  readonly capability: Pick<DecisionRecord, "home" | "tenantId" | "agentId" | "tokenId"> &
    Partial<Pick<Capability, "delegation">>;
  readonly classification: DecisionRecord["classification"];
};

export function recordOf(question: Recorded, decided: Decided, nowMs: number): DecisionRecord {
  const { capability, place } = question;
  const { backend } = decided;
  return {
    v: 1,
    kind: "decision",
    ...decided.number,
    skipped: decided.skips === undefined ? null : { from: decided.skips, to: decided.skips },
    at: timestampOf(nowMs),
    home: capability.home,
    tenantId: capability.tenantId,
    requestId: question.requestId,
    decisionId: decided.decisionId ?? question.decisionId,
    decision: outcomeOf(decided.refusal),
    reasons: [reasonOf(decided.refusal)],
    surface: question.surface,
    route: question.asked?.route ?? null,
    storedObject: question.asked?.object ?? decided.uses ?? null,
    agentId: capability.agentId,
    tokenId: capability.tokenId,
    delegation: recordedDelegation(capability.delegation),
    action: decided.ask?.action ?? question.action,
    resource: decided.ask?.resource ?? question.resource,
    classification: question.classification,
    endUser: decided.ask?.endUser ?? null,
    policyIds: [...new Set(decided.policyIds)].slice(0, MAX_TRACE_LINES),
    revisions: decided.revisions,
    place: {
      country: place.country,
      continent: place.continent,
      isEu: place.isEu,
      colo: place.colo,
      tlsVersion: place.tlsVersion,
    },
    backend: backend ? toldBackend(backend) : null,
    reservedTokens: decided.reservedTokens ?? null,
    approvalId: decided.refusal?.approvalId ?? decided.approvalId ?? null,
    stripped: decided.stripped ?? false,
    shadow: jsonShadow(decided.shadow ?? null),
    ...recordedTrace(decided.trace ?? []),
    inputs: decided.inputs ?? null,
    detail: decided.detail ?? null,
  };
}

/** Null of a token that was issued with an API key: who acts is then the agent itself. */
const recordedDelegation = (
  delegation: Capability["delegation"] | undefined,
): DecisionRecord["delegation"] =>
  delegation === undefined || delegation.ancestors.length === 0
    ? null
    : {
        actors: [...delegation.actors],
        ancestors: delegation.ancestors.map(({ tokenId }) => tokenId),
      };

const jsonShadow = (shadow: ShadowJudgement | null): DecisionRecord["shadow"] =>
  shadow && {
    judged: shadow.judged,
    flips: shadow.flips.slice(0, MAX_TRACE_LINES),
    more: Math.max(0, shadow.flips.length - MAX_TRACE_LINES),
  };

/** What the inspection looked for with this candidate, and so found kept. */
const reviewedFor = ({ residency, allowedTools }: Obligations): AskInputs["reviewed"] =>
  residency !== null ? "residency" : allowedTools !== null ? "tools" : null;

export const outcomeOf = (refusal: Refusal | null): DecisionRecord["decision"] =>
  refusal === null ? "allowed" : refusal.code === "pending_approval" ? "pending_approval" : "denied";

export const reasonOf = (refusal: Refusal | null): DecisionRecord["reasons"][number] =>
  refusal === null
    ? { code: "allowed", message: "A policy allows this." }
    : { code: refusal.code, message: refusal.message };

const jsonObligations = ({ allowedTools, stripPatterns, ...rest }: Obligations) => ({
  ...rest,
  allowedTools: allowedTools && cutList(allowedTools),
  stripPatterns: stripPatterns && {
    builtIn: stripPatterns.builtIn,
    patterns: stripPatterns.patterns.length,
  },
});
