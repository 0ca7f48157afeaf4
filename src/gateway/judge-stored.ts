/**
 * Judgement of a call about a stored answer. One hop, as for every call: the ledger that confirms the snapshot also says
 * where the answer is. An answer of another agent, one that has expired and one that never was are the same to it. What
 * policies say is then decided for the deployment that made it; such a call charges nothing, so no limit applies, and
 * needs no approval: what it is about was let through before.
 */
import type { Deployment } from "../azure/deployment.ts";
import { refuse } from "../kernel/refusal.ts";
import type { Result } from "../kernel/result.ts";
import { policyAdmission } from "../policy/admission.ts";
import { decide } from "../policy/decide.ts";
import type { Ask, Candidate, TraceLine } from "../policy/decision.ts";
import { modelResource, type Resource } from "../policy/resource.ts";
import { rulesOf } from "../policy/rules.ts";
import { type ShadowJudgement, shadowOfAdmission } from "../policy/shadow.ts";
import type { Revisions, Snapshot } from "../policy/snapshot.ts";
import type { RecordNumber } from "../quota/contracts.ts";
import type { StoredObject } from "../quota/stored-object-contracts.ts";
import { demandedBackends } from "../residency/demanded-backends.ts";
import { admit } from "./admit.ts";
import { holdingOnly } from "./backend-for.ts";
import { confirm, confirmedRefusal, unconfirmed, underCurrentRevisions } from "./confirm.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { Question, Refused, Stale } from "./question.ts";
import { type Reasoning, refusedAs } from "./refused-as.ts";

type JudgePorts = Pick<GatewayPorts, "snapshots" | "ledgers" | "workerNumber" | "clock">;

/** An answer of the agent's own that it may have to do with. */
export interface Granted {
  readonly kind: "granted";
  readonly resource: Resource;
  readonly query: URLSearchParams;
  readonly number: RecordNumber;
  readonly revisions: Revisions;
  readonly snapshot: Snapshot;
  readonly deployment: Deployment;
  readonly object: StoredObject;
  readonly candidate: Candidate;
  readonly trace: readonly TraceLine[];
  readonly shadow: ShadowJudgement | null;
}

/** One that it may not, although it is its own. */
interface Withheld {
  readonly kind: "withheld";
  readonly resource: Resource;
  readonly refused: Refused;
}

/** @param query what of it goes to Azure, or why it cannot. */
export const judgeStored = (
  ports: JudgePorts,
  question: Question,
  query: Result<URLSearchParams>,
): Promise<Granted | Withheld | Refused> =>
  underCurrentRevisions<Granted | Withheld>(ports, (atLeast) => judgeOnce(ports, question, query, atLeast));

async function judgeOnce(
  ports: JudgePorts,
  question: Question,
  query: Result<URLSearchParams>,
  atLeast: Revisions | undefined,
): Promise<Granted | Withheld | Refused | Stale> {
  const { capability, classification, place, action } = question;
  const loaded = await ports.snapshots.load(capability, atLeast);
  if (!loaded.ok) return unconfirmed(ports, loaded.error);
  const snapshot = loaded.value;
  const admitted = admit(question, snapshot);
  if (!admitted.ok) return confirmedRefusal(ports, question, snapshot, admitted.error);
  const admission = { capability, classification, place, snapshot, nowMs: ports.clock() };
  const asked = action === null ? {} : { action };
  const excluded = policyAdmission({ ...admission, asked });
  if (excluded) {
    const shadow = shadowOfAdmission({ ...admission, asked }, false);
    return confirmedRefusal(ports, question, snapshot, excluded.refusal, { ...excluded, shadow });
  }
  if (!query.ok) return confirmedRefusal(ports, question, snapshot, query.error);

  const confirmed = await confirm(ports, question, snapshot);
  if (confirmed.kind !== "confirmed") return confirmed;
  const { number, revisions, object } = confirmed;
  const refused = (refusal: Refused["refusal"], reasoning: Reasoning = {}) =>
    refusedAs(refusal, confirmed, reasoning);
  // A ledger of the version before did not look.
  if (object === undefined) return refused(refuse("ledger_unavailable"));
  if (object === null) return refused(refuse("stored_object_unknown"));
  const known = rulesOf(snapshot).deployment(object.deployment);
  const holding = known ? holdingOnly(known, object) : null;
  if (!holding?.ok) return refused(refuse("stored_object_unknown"));

  const deployment = holding.value;
  const resource = modelResource(deployment.name);
  const withheld = (refusal: Refused["refusal"], reasoning: Reasoning = {}): Withheld => ({
    kind: "withheld",
    resource,
    refused: refused(refusal, reasoning),
  });
  const promise = snapshot.tenant.tenant.residency;
  const ask = {
    ...askingNothing,
    action: action ?? "response",
    resource,
    deployment: deployment.name,
    classification,
  };
  const verdict = decide({ ...admission, ask });
  const shadow = shadowOfAdmission(
    { ...admission, asked: { ...asked, resource } },
    verdict.kind === "candidates",
  );
  if (verdict.kind === "refused") {
    const { refusal, policyIds, trace } = verdict;
    return withheld(refusal, { policyIds, trace, shadow });
  }
  const { candidates, trace } = verdict;
  const placedOf = ({ obligations }: Candidate) =>
    demandedBackends(deployment, promise, obligations.residency, classification);
  const candidate = candidates.find((one) => placedOf(one).ok);
  if (!candidate) {
    const placed = placedOf(candidates[0]);
    return withheld(placed.ok ? refuse("residency_backend") : placed.error, { trace, shadow });
  }
  return {
    kind: "granted",
    resource,
    query: query.value,
    number,
    revisions,
    snapshot,
    deployment,
    object,
    candidate,
    trace,
    shadow,
  };
}

/** No limit is charged, so who and what it would be counted by makes no difference. */
const askingNothing = {
  promptTokens: 0,
  outputTokens: 0,
  choices: 1,
  stream: false,
  endUser: "anybody",
  clientAddress: "anywhere",
  price: { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: 0 },
  tools: [],
  stores: false,
  content: { promptCharacters: 0, parameters: {}, literals: [], canStrip: true },
} as const satisfies Partial<Ask>;
