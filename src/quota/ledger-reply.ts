/**
 * A look at what a ledger answered on the way of a request. Worker and ledger are one program, so their types hold; what
 * is looked for is an answer that is none (another version's, or a platform's), for a fraction of what a schema costs in
 * a runtime that cannot compile it. Pure.
 */
import type { ConfirmReply, ReserveReply, SettleReply } from "./contracts.ts";

type Members = Readonly<Record<string, unknown>>;

const isNumbered = ({ number }: Members): boolean =>
  typeof number === "object" && number !== null && "n" in number && Number.isInteger(number.n);
const hasRevisions = ({ revisions }: Members): boolean => typeof revisions === "object" && revisions !== null;
const hasCharges = ({ chargedTokens, chargedRequests }: Members): boolean =>
  Number.isInteger(chargedTokens) && Number.isInteger(chargedRequests);
const hasReservation = ({ candidate, reservationId, reservedTokens, relayMaxMs, limits }: Members): boolean =>
  Number.isInteger(candidate) &&
  typeof reservationId === "string" &&
  Number.isInteger(reservedTokens) &&
  Number.isInteger(relayMaxMs) &&
  Array.isArray(limits);
const hasRefusal = ({ refusal }: Members): boolean =>
  typeof refusal === "object" && refusal !== null && "code" in refusal;

type Looks = Readonly<Record<string, readonly ((members: Members) => boolean)[]>>;

const judged: Looks = {
  stale: [hasRevisions],
  refused: [hasRevisions, isNumbered, hasRefusal],
};
const settled = [isNumbered, hasCharges];
const looks = {
  reserve: { ...judged, reserved: [hasRevisions, isNumbered, hasReservation] },
  confirm: { ...judged, confirmed: [hasRevisions, isNumbered] },
  settle: { settled, corrected: settled, repeated: settled, unknown: settled },
} as const satisfies Record<string, Looks>;

/** Throws where it is no answer: the call then counts as unanswered. */
function looked(reply: unknown, kind: keyof typeof looks): unknown {
  const members: Members = typeof reply === "object" && reply !== null ? { ...reply } : {};
  const byOutcome: Looks = looks[kind];
  const wanted = typeof members.outcome === "string" ? byOutcome[members.outcome] : undefined;
  if (wanted?.every((look) => look(members)) !== true) throw new Error("The ledger's answer is none.");
  return reply;
}

export const reserveReply = (reply: unknown): ReserveReply => looked(reply, "reserve") as ReserveReply;
export const confirmReply = (reply: unknown): ConfirmReply => looked(reply, "confirm") as ConfirmReply;
export const settleReply = (reply: unknown): SettleReply => looked(reply, "settle") as SettleReply;
