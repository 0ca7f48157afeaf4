/**
 * A holder exchanges its token for a child that may do less, for a sub-agent (RFC 8693). No API key: the parent itself is
 * the credential. It passes what a call with it would pass before the body is read, admission and its agent's ledger, and
 * the exchange is recorded like any decision before it is answered. The child goes out last: where anything fails, nobody
 * has it.
 */
import { childClaims, depthOf } from "../capability/child-claims.ts";
import type { Capability } from "../capability/claims.ts";
import type { CurrentSigner } from "../capability/current-signer.ts";
import type { DelegationDesk } from "../capability/delegations.ts";
import { type IssuedToken, signedToken } from "../capability/issue-token.ts";
import { narrowToken } from "../capability/narrow-token.ts";
import { ownOf, type PlacedDetail } from "../capability/narrowed-details.ts";
import { signingInputHash } from "../capability/signing-input-hash.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { policyAdmission } from "../policy/admission.ts";
import type { Revisions } from "../policy/snapshot.ts";
import { admit } from "./admit.ts";
import { confirm, confirmedRefusal, unconfirmed, underCurrentRevisions } from "./confirm.ts";
import { recordOf } from "./decision-record.ts";
import { deliverRecord } from "./deliver-record.ts";
import { ACCESS_TOKEN, type ExchangedToken, type ExchangeRequest } from "./exchange-request.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question, Refused } from "./question.ts";
import { recordedEvidence } from "./recorded-evidence.ts";
import { recordedInputs } from "./recorded-inputs.ts";
import { refusedAs } from "./refused-as.ts";

export interface ExchangePorts
  extends Pick<
    GatewayPorts,
    "clock" | "ids" | "verifier" | "shield" | "snapshots" | "ledgers" | "records" | "workerNumber"
  > {
  readonly currentSigner: CurrentSigner;
  readonly issuer: string;
  readonly audience: string;
  readonly delegations: DelegationDesk;
}

/** One exchange, as it is judged and recorded. */
export interface Exchange extends Pick<Question, "requestId" | "decisionId" | "place"> {
  readonly parent: Capability;
  /** Verified. */
  readonly parentToken: string;
  readonly request: ExchangeRequest;
}

type Confirmed = Exclude<Awaited<ReturnType<typeof judgeOnce>>, { kind: "refused" | "stale" }>;

export async function exchangeToken(
  ports: ExchangePorts,
  exchange: Exchange,
): Promise<Result<ExchangedToken>> {
  const judged = await underCurrentRevisions(ports, (atLeast) => judgeOnce(ports, exchange, atLeast));
  const made = judged.kind === "refused" ? fail(judged.refusal) : await makeChild(ports, exchange, judged);
  const record = recordOfExchange(ports, exchange, judged, made);
  if (!(await deliverRecord(ports, record, exchange.parent))) return fail(refuse("audit_unavailable"));
  return made.ok ? ok(made.value.answer) : made;
}

async function judgeOnce(ports: ExchangePorts, exchange: Exchange, atLeast: Revisions | undefined) {
  const { parent: capability, place, request } = exchange;
  const loaded = await ports.snapshots.load(capability, atLeast);
  if (!loaded.ok) return unconfirmed(ports, loaded.error);
  const snapshot = loaded.value;
  const refusedFor = (refusal: Refusal) => confirmedRefusal(ports, { capability }, snapshot, refusal);

  const { classification } = capability;
  const admitted = admit({ capability, place, classification, deploymentInPath: null }, snapshot);
  if (!admitted.ok) return refusedFor(admitted.error);
  // As for a list of models: no model is asked for, so only place, time and caller can keep it out.
  const admission = { capability, asked: {}, classification, place, snapshot, nowMs: ports.clock() };
  const excluded = policyAdmission(admission);
  if (excluded) return confirmedRefusal(ports, { capability }, snapshot, excluded.refusal, excluded);

  const wanted = { details: request.authorization_details ?? null, furtherDepth: request.max_depth };
  const narrowed = narrowToken(capability, wanted);
  if (!narrowed.ok) return refusedFor(narrowed.error);
  const confirmed = await confirm(ports, { capability }, snapshot);
  return confirmed.kind === "confirmed" ? { ...confirmed, details: narrowed.value } : confirmed;
}

interface MadeChild {
  readonly answer: ExchangedToken;
  readonly actor: AgentId;
  readonly issued: IssuedToken;
}

async function makeChild(
  ports: ExchangePorts,
  { parent, parentToken, request }: Exchange,
  { details }: { readonly details: readonly PlacedDetail[] | null },
): Promise<Result<MadeChild>> {
  const { currentSigner, issuer, audience } = ports;
  const actor = request.actor ?? parent.delegation.actors[0] ?? parent.agentId;
  const nowMs = ports.clock();
  // The ledger can take its time: of a parent that ran out meanwhile nothing comes any more.
  if (nowMs >= parent.expiresAtSeconds * SECOND_MS) return fail(refuse("token_expired"));
  const signer = await currentSigner(nowMs);
  if (!signer.ok) return signer;
  const claims = childClaims({
    issuer,
    audience,
    parent,
    parentHash: await signingInputHash(parentToken),
    tokenId: ports.ids.token(),
    actor,
    details,
    expiresInSeconds: request.expires_in,
    furtherDepth: request.max_depth,
    nowMs,
  });
  const issued = await signedToken(signer.value, claims);
  if (!issued.ok) return issued;
  const kept = await keepDelegation(ports, parent, actor, issued.value, nowMs);
  if (!kept.ok) return kept;
  const answer: ExchangedToken = {
    access_token: issued.value.token,
    issued_token_type: ACCESS_TOKEN,
    token_type: "Bearer",
    expires_in: claims.exp - claims.iat,
    jti: claims.jti,
    ...(details === null ? {} : { authorization_details: details.map(({ detail }) => ownOf(detail)) }),
  };
  return ok({ answer, actor, issued: issued.value });
}

/** The agent itself needs no such row: its own ledger knows when it ends. */
async function keepDelegation(
  { delegations }: Pick<ExchangePorts, "delegations">,
  { home, tenantId, agentId }: Capability,
  actorId: AgentId,
  { tokenId, expiresAt: endsAt }: IssuedToken,
  nowMs: number,
): Promise<Result<null>> {
  if (actorId === agentId) return ok(null);
  return delegations.keep({ home, tenantId, actorId, agentId, tokenId, endsAt }, nowMs);
}

function recordOfExchange(
  { clock }: Pick<ExchangePorts, "clock">,
  { requestId, decisionId, parent: capability, place }: Exchange,
  judged: Confirmed | Refused,
  made: Result<MadeChild>,
) {
  const { classification } = capability;
  const about = { requestId, decisionId, capability, place, classification, action: null, resource: null };
  const decided = made.ok || judged.kind === "refused" ? judged : refusedAs(made.error, judged, {});
  const detail = made.ok
    ? {
        child: made.value.issued.tokenId,
        actor: made.value.actor,
        depth: depthOf(capability) + 1,
        expiresAt: made.value.issued.expiresAt,
      }
    : { evidence: recordedEvidence(made.error.evidence) };
  const inputs = recordedInputs({ capability, place }, { ask: null });
  const refusal = made.ok ? null : made.error;
  return recordOf({ ...about, surface: "exchange" }, { ...decided, refusal, inputs, detail }, clock());
}
