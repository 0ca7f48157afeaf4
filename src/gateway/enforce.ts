/**
 * The decision of an /v1/enforce: the same judgement as a relayed call, without the relay. A bad capability token is
 * a decision as well (denied); only the API key is a matter of 401.
 */

import type { ApiKey } from "../capability/api-key.ts";
import type { Capability } from "../capability/claims.ts";
import { PLATFORM, type TenantId } from "../kernel/ids.ts";
import { type Refusal, type RefusalCode, refusalTable, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { storeAnswer } from "../kernel/store-answer.ts";
import { toldLimit } from "../quota/told-limit.ts";
import { type Home, PLATFORM_HOME } from "../residency/home.ts";
import { type Place, placeOfRequest } from "../residency/place.ts";
import { verifyInBody } from "./authenticate.ts";
import { decisionRecordOf, outcomeOf, reasonOf, recordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import type { EnforceReply, EnforceRequest } from "./enforce-request.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { judge } from "./pipeline.ts";
import type { Judgement, LimitsAt, Question, Refused } from "./question.ts";
import { limitsOf } from "./rate-limit-headers.ts";
import { understandEnforce } from "./understand-enforce.ts";

export interface EnforcePorts extends GatewayPorts {
  readonly homeOf: (tenantId: TenantId) => Promise<Result<Home>>;
}

export interface Enforced {
  readonly reply: EnforceReply;
  readonly limits: LimitsAt | null;
  /** Null where the decision does not allow. */
  readonly receipt: string | null;
}

/** Fails only where no decision can stand: a store is ill, or the request id was used for another ask. */
export async function enforce(
  ports: EnforcePorts,
  apiKey: ApiKey,
  request: EnforceRequest,
  source: Request,
): Promise<Result<Enforced>> {
  const place = placeOfRequest(source);
  const verified = await verifyInBody(ports, source, request.capabilityToken);
  if (!verified.ok) return denyUnread(ports, apiKey, request, place, verified.error);
  const { capability, proof } = verified.value;
  if (isForeign(apiKey, request, capability)) {
    return denyUnread(ports, apiKey, request, place, refuse("tenant_mismatch"));
  }

  const classification = request.context.dataClassification ?? capability.classification;
  const question: Question = {
    requestId: request.requestId,
    decisionId: ports.ids.decision(),
    surface: "enforce",
    purpose: "enforce",
    capability,
    proof,
    apiKeyId: apiKey.id,
    place,
    classification,
    action: request.action,
    resource: request.resourceId,
    deploymentInPath: null,
    minRevision: request.minRevision,
    understand: (snapshot) =>
      understandEnforce(ports, request, { capability, place, classification }, snapshot),
  };
  const judged = await judge(ports, question);
  const decided = decisionRecordOf(question, judged, ports.clock());
  const [recorded, [signing]] = await Promise.all([
    deliverRecord(ports, decided, capability),
    Promise.allSettled([judged.kind === "allowed" ? ports.receipts.sign(decided) : null]),
  ]);
  if (!recorded || signing.status === "rejected") await giveBack(ports, question, judged);
  if (!recorded) return fail(refuse("audit_unavailable"));
  if (signing.status === "rejected") throw signing.reason;
  const receipt = signing.value;
  const limits = limitsOf(judged, ports.clock());
  if (judged.kind === "allowed") return ok({ reply: allowedReply(request, judged), limits, receipt });
  return isDecision(judged.refusal)
    ? ok({ reply: deniedReply(request, question.decisionId, judged), limits, receipt: null })
    : fail(judged.refusal);
}

/** The key's tenant, the tenant the caller names and the token's must be one. */
const isForeign = (apiKey: ApiKey, { tenantId }: EnforceRequest, capability: Capability): boolean =>
  (apiKey.tenantId !== null && apiKey.tenantId !== capability.tenantId) ||
  (tenantId !== undefined && tenantId !== capability.tenantId);

/** What is wrong with the question, which so was not decided. */
const ofQuestion: ReadonlySet<RefusalCode> = new Set<RefusalCode>(["request_id_reused", "revision_unknown"]);

/** Trouble with stores, and with the question itself, are answers of their own status, not decisions. */
const isDecision = ({ code }: Refusal): boolean => refusalTable[code].status < 500 && !ofQuestion.has(code);

/** What was reserved for a decision that its caller is not told is given back. */
async function giveBack(ports: EnforcePorts, { capability }: Question, judged: Judgement): Promise<void> {
  if (judged.kind === "allowed" && !judged.reserved.replayed) {
    const { home, tenantId, agentId } = capability;
    const { reservationId } = judged.reserved;
    await ports.ledgers.settle({
      v: 1,
      caller: { home, tenantId, agentId },
      reservationId,
      purpose: "enforce",
      outcome: { kind: "released" },
      completion: null,
    });
  }
}

/**
 * A denial that read nothing of the token's tenant: it is recorded under the key's tenant, and the token's ledger and
 * log stay untouched (guarantee G7).
 */
async function denyUnread(
  ports: EnforcePorts,
  apiKey: ApiKey,
  request: EnforceRequest,
  place: Place,
  refusal: Refusal,
): Promise<Result<Enforced>> {
  const { tenantId } = apiKey;
  const home =
    tenantId === null ? ok(PLATFORM_HOME) : await storeAnswer(ports.startTimer, () => ports.homeOf(tenantId));
  if (!home.ok) return home;
  const decisionId = ports.ids.decision();
  const unread = {
    requestId: request.requestId,
    decisionId,
    surface: "enforce",
    capability: {
      home: home.value,
      tenantId: tenantId ?? PLATFORM,
      agentId: null,
      tokenId: null,
      endUser: null,
    },
    place,
    classification: null,
    action: request.action,
    resource: request.resourceId,
  } as const;
  const number = ports.workerNumber();
  const record = recordOf(unread, { refusal, number, revisions: null }, ports.clock());
  // There is no ledger of this tenant to fall back on.
  if (!(await deliverRecord(ports, record, null))) return fail(refuse("audit_unavailable"));
  return ok({
    reply: deniedReply(request, decisionId, { refusal, revisions: null, bound: null }),
    limits: null,
    receipt: null,
  });
}

const allowedReply = (
  { requestId }: EnforceRequest,
  { reserved, candidate }: Extract<Judgement, { kind: "allowed" }>,
): EnforceReply => ({
  decision: "allowed",
  decisionId: reserved.decisionId,
  requestId,
  reasons: [reasonOf(null)],
  revision: reserved.revisions,
  obligations: candidate.obligations,
  ...(reserved.approvalId ? { approvalId: reserved.approvalId } : {}),
});

const deniedReply = (
  { requestId }: EnforceRequest,
  decisionId: string,
  { refusal, revisions, bound }: Pick<Refused, "refusal" | "revisions" | "bound">,
): EnforceReply => ({
  decision: outcomeOf(refusal),
  decisionId,
  requestId,
  reasons: [{ ...reasonOf(refusal), ...(bound === null ? {} : { limit: toldLimit(bound.limits[0]) }) }],
  revision: revisions,
  obligations: null,
  ...(refusal.approvalId === undefined ? {} : { approvalId: refusal.approvalId }),
});
