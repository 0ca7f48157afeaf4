/**
 * The story of a request, written once:
 *
 *   receive → authenticate → admit → understand → decide → inspect → reserve → relay → settle → record
 *
 * The routes receive and authenticate; `judge` goes from admission to the reservation, for relayed calls and for
 * /v1/enforce alike; `relay` does the rest. When a ledger knows newer revisions than the snapshot's, the judgement
 * starts again from at least those, so nothing is decided under a state that a finished write has replaced (G3).
 * What policies in shadow would have made of it goes along, for the record alone.
 */
import { refuse } from "../kernel/refusal.ts";
import { type AdmissionInput, policyAdmission } from "../policy/admission.ts";
import { decide } from "../policy/decide.ts";
import { outcomeOf } from "../policy/outcome.ts";
import { shadowOfAdmission, withoutFlips } from "../policy/shadow.ts";
import type { Revisions, Snapshot } from "../policy/snapshot.ts";
import { inspect } from "../safeguard/inspect.ts";
import { admit } from "./admit.ts";
import { confirmedRefusal, unconfirmed, underCurrentRevisions } from "./confirm.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { judgeShadow } from "./judge-shadow.ts";
import { offerOf } from "./offer.ts";
import { type Judgement, notesOf, type Question, type Stale, type Understood } from "./question.ts";
import { bytesBind, insteadOf, lacksRoom } from "./recount.ts";
import { reserve } from "./reserve.ts";

type JudgePorts = Pick<
  GatewayPorts,
  "snapshots" | "ledgers" | "approvals" | "workerNumber" | "ids" | "clock" | "background"
>;

export const judge = (ports: JudgePorts, question: Question): Promise<Judgement> =>
  underCurrentRevisions(ports, (atLeast) => judgeOnce(ports, question, atLeast));

async function judgeOnce(
  ports: JudgePorts,
  question: Question,
  atLeast: Revisions | undefined,
): Promise<Judgement | Stale> {
  const { capability } = question;

  const loaded = await ports.snapshots.load(capability, atLeast, question.minRevision);
  if (!loaded.ok) return unconfirmed(ports, loaded.error);
  const snapshot = loaded.value;

  const admitted = admit(question, snapshot);
  if (!admitted.ok) return confirmedRefusal(ports, question, snapshot, admitted.error);
  const { action, resource, classification, place } = question;
  const admission: AdmissionInput = {
    capability,
    asked: { ...(action === null ? {} : { action }), ...(resource === null ? {} : { resource }) },
    classification,
    place,
    snapshot,
    nowMs: ports.clock(),
  };
  const excluded = policyAdmission(admission);
  if (excluded) {
    const shadow = shadowOfAdmission(admission, false);
    return confirmedRefusal(ports, question, snapshot, excluded.refusal, { ...excluded, shadow });
  }

  // The first byte of the body is read here, and nowhere before.
  const understood = await question.understand(snapshot);
  if (!understood.ok) return confirmedRefusal(ports, question, snapshot, understood.error);
  // A body can take its time: a token that ran out meanwhile opens nothing any more.
  if (ports.clock() >= capability.expiresAtSeconds * 1_000) {
    return confirmedRefusal(ports, question, snapshot, refuse("token_expired"));
  }
  return judgeAsk(ports, question, snapshot, understood.value);
}

/** From the decision on, which is made by the prompt's bytes wherever they are enough to decide by. */
async function judgeAsk(
  ports: JudgePorts,
  question: Question,
  snapshot: Snapshot,
  understood: Understood,
): Promise<Judgement | Stale> {
  const { capability, place } = question;
  const { ask, body, outsideContent, refine } = understood;
  const judgeCounted = async (count: NonNullable<typeof refine>) =>
    judgeAsk(ports, question, snapshot, await count());

  const input = { capability, ask, place, snapshot, nowMs: ports.clock() };
  const verdict = decide(input);
  if (refine && bytesBind(verdict, understood)) return judgeCounted(refine);
  const { trace } = verdict;
  const shadow = await judgeShadow(input, understood, outcomeOf(verdict));
  const reasoning = { ask, notes: notesOf(understood), trace, shadow };
  if (verdict.kind === "refused") {
    const { refusal, policyIds } = verdict;
    return confirmedRefusal(ports, question, snapshot, refusal, { ...reasoning, policyIds });
  }

  // From here on it is not the policies that refuse.
  const allowed = { ...reasoning, shadow: withoutFlips(shadow) };
  const { action } = ask;
  const storageField = understood.storage?.field;
  const inspected = inspect(verdict.candidates, { action, body, outsideContent, storageField });
  if (!inspected.ok) return confirmedRefusal(ports, question, snapshot, inspected.error, allowed);

  const offer = await offerOf(ports.ids, question, understood, inspected.value);
  if (!offer.ok) return confirmedRefusal(ports, question, snapshot, offer.error, allowed);

  const reserved = await reserve(ports, question, understood, snapshot, offer.value, reasoning);
  if (!reserved.ok) return unconfirmed(ports, reserved.error, reasoning);
  const judged = reserved.value;
  return refine && lacksRoom(judged) ? insteadOf(judged, await judgeCounted(refine)) : judged;
}
