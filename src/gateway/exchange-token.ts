/**
 * A holder exchanges its token for a child that may do less, for a sub-agent (RFC 8693). No API key: the parent itself is
 * the credential. It passes what a call with it would pass before the body is read, admission and its agent's ledger, and
 * the exchange is recorded like any decision before it is answered. The child goes out last: where anything fails, nobody
 * has it.
 */
import { childClaims, childLife, depthOf } from "../capability/child-claims.ts";
import type { Capability } from "../capability/claims.ts";
import type { Issuing } from "../capability/current-signer.ts";
import type { DelegationDesk, KeptDelegation } from "../capability/delegations.ts";
import { thumbprintOf } from "../capability/holder-key.ts";
import { type IssuedToken, signedToken } from "../capability/issue-token.ts";
import { narrowToken } from "../capability/narrow-token.ts";
import { ownOf, type PlacedDetail } from "../capability/narrowed-details.ts";
import { signingInputHash } from "../capability/signing-input-hash.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import type { AgentId } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
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
    | "clock"
    | "ids"
    | "verifier"
    | "publicOrigin"
    | "isLocal"
    | "shield"
    | "snapshots"
    | "ledgers"
    | "records"
    | "workerNumber"
  > {
  readonly issuing: Issuing;
  readonly delegations: DelegationDesk;
}

/** One exchange, as it is judged and recorded. */
export interface Exchange extends Pick<Question, "requestId" | "decisionId" | "place" | "proof"> {
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
  const { parent: capability, place, proof, decisionId, request } = exchange;
  const asker = { capability, proof, decisionId };
  const loaded = await ports.snapshots.load(capability, atLeast);
  if (!loaded.ok) return unconfirmed(ports, loaded.error);
  const snapshot = loaded.value;
  const refusedFor = (refusal: Refusal) => confirmedRefusal(ports, asker, snapshot, refusal);

  const { classification } = capability;
  const admitted = admit({ capability, place, classification, deploymentInPath: null }, snapshot);
  if (!admitted.ok) return refusedFor(admitted.error);
  // As for a list of models: no model is asked for, so only place, time and caller can keep it out.
  const admission = { capability, asked: {}, classification, place, snapshot, nowMs: ports.clock() };
  const excluded = policyAdmission(admission);
  if (excluded) return confirmedRefusal(ports, asker, snapshot, excluded.refusal, excluded);

  const wanted = { details: request.authorization_details ?? null, furtherDepth: request.max_depth };
  const narrowed = narrowToken(capability, wanted);
  if (!narrowed.ok) return refusedFor(narrowed.error);
  const confirmed = await confirm(ports, asker, snapshot);
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
  const { currentSigner, issuer, audience } = ports.issuing;
  const actor = request.actor ?? parent.delegation.actors[0] ?? parent.agentId;
  const nowMs = ports.clock();
  // The ledger can take its time: of a parent that ran out meanwhile nothing comes any more.
  if (nowMs >= parent.expiresAtSeconds * SECOND_MS) return fail(refuse("token_expired"));
  const signer = await currentSigner(nowMs);
  if (!signer.ok) return signer;
  const tokenId = ports.ids.token();
  const life = childLife(parent, request.expires_in, nowMs);
  const endsAt = timestampOf(life.expiresAtSeconds * SECOND_MS);
  const holderKey = await holderKeyOf(ports, parent, { actorId: actor, tokenId, endsAt }, nowMs);
  if (!holderKey.ok) return holderKey;
  const claims = childClaims({
    issuer,
    audience,
    parent,
    parentHash: await signingInputHash(parentToken),
    tokenId,
    actor,
    holderKey: holderKey.value,
    details,
    life,
    furtherDepth: request.max_depth,
  });
  const issued = await signedToken(signer.value, claims);
  if (!issued.ok) return issued;
  const answer: ExchangedToken = {
    access_token: issued.value.token,
    issued_token_type: ACCESS_TOKEN,
    token_type: issued.value.tokenType,
    expires_in: claims.exp - claims.iat,
    jti: claims.jti,
    ...(details === null ? {} : { authorization_details: details.map(({ detail }) => ownOf(detail)) }),
  };
  return ok({ answer, actor, issued: issued.value });
}

/**
 * The child is bound to the key of whoever is to act with it; where that one has none, to its parent's: what is found of a
 * child opens no more than what is found of its parent. The row is kept before the child is signed, so that the key is the
 * sub-agent's for as long as the row is not revoked. Where the agent itself goes on, there is none: its own ledger knows
 * when it ends, and its own version changes with its key.
 */
async function holderKeyOf(
  { delegations }: Pick<ExchangePorts, "delegations">,
  { home, tenantId, agentId, holderKey, delegation }: Capability,
  child: Pick<KeptDelegation, "actorId" | "tokenId" | "endsAt">,
  nowMs: number,
): Promise<Result<Capability["holderKey"]>> {
  if ([child.actorId, ...delegation.actors].every((actor) => actor === agentId)) return ok(holderKey);
  const kept = await delegations.keep({ home, tenantId, agentId, ...child }, nowMs);
  if (!kept.ok) return kept;
  return ok(kept.value === null ? holderKey : await thumbprintOf(kept.value));
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
