/** What is put to the gateway's judgement: a relayed call, an /v1/enforce, a list of models, or a stored answer. */
import type { DecisionRecord } from "../audit/audit-record.ts";
import type { FormPart } from "../azure/call-form.ts";
import type { Deployment } from "../azure/deployment.ts";
import type { AncestorToken, Capability } from "../capability/claims.ts";
import type { Proof } from "../capability/verify-proof.ts";
import type { ApiKeyId, DecisionId } from "../kernel/ids.ts";
import type { JsonObject } from "../kernel/json.ts";
import type { Refusal } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import type { Action } from "../policy/action.ts";
import type { Classification } from "../policy/classification.ts";
import type { AskContent } from "../policy/content.ts";
import type { Ask, Candidate, TraceLine } from "../policy/decision.ts";
import type { Resource } from "../policy/resource.ts";
import type { ShadowJudgement } from "../policy/shadow.ts";
import type { Revisions, Snapshot } from "../policy/snapshot.ts";
import type { LimitState, RecordNumber, ReserveReply, ReserveRequest } from "../quota/contracts.ts";
import type { LedgerCaller } from "../quota/ledger-caller.ts";
import type { StoredObjectKey, UsedObject } from "../quota/stored-object-contracts.ts";
import type { UsedProof } from "../quota/used-proof.ts";
import type { Place } from "../residency/place.ts";

export interface Question {
  readonly requestId: string;
  readonly decisionId: DecisionId;
  readonly surface: DecisionRecord["surface"];
  readonly purpose: ReserveRequest["purpose"];
  readonly capability: Capability;
  /** Null where the token is bound to no key. */
  readonly proof: Proof | null;
  /** That which asks /v1/enforce; on the data plane there is none. */
  readonly apiKeyId?: ApiKeyId;
  readonly place: Place;
  /** Declared by the caller, else the agent's default. */
  readonly classification: Classification;
  /** Known before the body is: for the record of a refusal that came first. */
  readonly action: Action | null;
  readonly resource: Resource | null;
  /** What was asked for, where it is no call to a model: the record tells it. */
  readonly asked?: AskedFor;
  /** Named by the path, so that its rules are judged before the body is read. */
  readonly deploymentInPath: string | null;
  /** Decided under no older revision of the tenant than this. */
  readonly minRevision?: number | undefined;
  /** Reads the body (once, however often it is called) and says what it asks for. */
  readonly understand: (snapshot: Snapshot) => Promise<Result<Understood>>;
}

export interface AskedFor {
  /** Method and path, without what only the caller chose. */
  readonly route: string;
  /** The stored answer that was asked for. */
  readonly object: StoredObjectKey | null;
}

/** What the record of an ask tells beside the ask. */
export interface AskNotes {
  /** Digests of the texts that policies deny and that were found in the prompt: not all of them, if they are many. */
  readonly foundTexts: readonly string[];
  /** Whether counting the prompt could have given fewer tokens. */
  readonly uncounted: boolean;
}

export interface Understood {
  readonly ask: Ask;
  /** See AskNotes; absent = none found. */
  readonly foundTexts?: readonly string[];
  /** Null for a resource of /v1/enforce that names no deployment of this gateway. */
  readonly deployment: Deployment | null;
  /** For inspection; null when the call is the caller's own. */
  readonly body: JsonObject | null;
  /** All that the caller sent of the call itself: an approval is bound to it. */
  readonly sent: JsonObject;
  /** Of a form, whose files are part of what was sent; null or absent where it is none. */
  readonly parts?: readonly FormPart[] | null;
  /** The ask's content with what only policies in shadow ask for; absent where that is nothing more. */
  readonly contentInShadow?: AskContent;
  /** Whether Azure may add to the prompt what does not stand in the body. */
  readonly outsideContent: boolean;
  /** Whether the caller named the output bound that `ask` states. */
  readonly namesOutput: boolean;
  /** The same with the prompt counted instead of bounded by its bytes; null where that is done, or cannot be. */
  readonly refine: (() => Promise<Understood>) | null;
  readonly idempotency: ReserveRequest["idempotency"];
  /** Absent = nothing that only an agent may have that may have its answers stored. */
  readonly storage?: NeededStorage | null;
}

/** See StorageNeed. */
export interface NeededStorage {
  readonly field: string;
  /** The answer that the call continues. */
  readonly uses: UsedObject | null;
}

/** Limits, and the clock of the ledger that told of them: with it, its moments become durations. */
export interface LimitsAt {
  readonly limits: readonly LimitState[];
  readonly atMs: number;
}

export interface BoundLimit extends LimitsAt {
  readonly limits: readonly [LimitState];
}

export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
  /** The limit that bound, where one did. */
  readonly bound: BoundLimit | null;
  readonly number: RecordNumber;
  /** A number of the same ledger that no record will carry: its record says so. */
  readonly skips?: number;
  readonly revisions: Revisions | null;
  readonly ask: Ask | null;
  readonly notes?: AskNotes;
  readonly policyIds: readonly string[];
  readonly trace: readonly TraceLine[];
  /** What policies in shadow would have made of it; absent where none was judged. */
  readonly shadow?: ShadowJudgement | null;
}

export interface Allowed {
  readonly kind: "allowed";
  readonly snapshot: Snapshot;
  readonly ask: Ask;
  readonly notes?: AskNotes;
  readonly deployment: Deployment | null;
  /** The stored answer that the call continues; `reserved` says where it is. */
  readonly uses?: UsedObject | null;
  readonly candidate: Candidate;
  readonly trace: readonly TraceLine[];
  /** What policies in shadow would have made of it; absent where none was judged. */
  readonly shadow?: ShadowJudgement | null;
  /** A number of the same ledger that no record will carry: its record says so. */
  readonly skips?: number;
  readonly reserved: Extract<ReserveReply, { outcome: "reserved" }>;
}

export const notesOf = ({ foundTexts = [], refine }: Understood): AskNotes => ({
  foundTexts,
  uncounted: refine !== null,
});

export type Judgement = Refused | Allowed;

/** The snapshot was older than what the ledger's lease knows. */
export interface Stale {
  readonly kind: "stale";
  readonly revisions: Revisions;
}

export const callerOf = ({ capability }: Pick<Question, "capability">): LedgerCaller => ({
  home: capability.home,
  tenantId: capability.tenantId,
  agentId: capability.agentId,
  agentVersion: capability.agentVersion,
  tokenId: capability.tokenId,
  // What was issued before a moment is revoked with all that it was refreshed into since.
  issuedAtSeconds: capability.rootIssuedAtSeconds,
  ...rootOf(capability),
  ...ancestorsOf(capability),
});

const rootOf = ({
  tokenId,
  rootTokenId,
}: Pick<AncestorToken, "tokenId" | "rootTokenId">): Pick<LedgerCaller, "rootTokenId"> =>
  rootTokenId === tokenId ? {} : { rootTokenId };

function ancestorsOf({ delegation: { ancestors } }: Capability): Pick<LedgerCaller, "ancestors"> {
  if (ancestors.length === 0) return {};
  return {
    ancestors: ancestors.map((ancestor) => ({
      tokenId: ancestor.tokenId,
      issuedAtSeconds: ancestor.rootIssuedAtSeconds,
      ...rootOf(ancestor),
    })),
  };
}

/** Used by the decision, so that asking again for it is no replay. */
export const proofOf = ({ proof, decisionId }: Pick<Question, "proof" | "decisionId">): UsedProof | null =>
  proof && { ...proof, usedBy: decisionId };

/**
 * Whether the ledger has looked at every ancestor and taken the proof as used: one of the version before knows of neither,
 * and what it allows is not allowed.
 */
export const isTokenHeld = (
  { capability, proof }: Pick<Question, "capability" | "proof">,
  reply: { readonly ancestorsHeld?: number | undefined; readonly proofId?: string | null | undefined },
): boolean =>
  (reply.ancestorsHeld ?? 0) === capability.delegation.ancestors.length &&
  (proof === null || proof.proofId === reply.proofId);
