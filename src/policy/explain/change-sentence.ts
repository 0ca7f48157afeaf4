/** Changes as sentences, for people. */
import type { Change, ChangeValue } from "./change.ts";

export const changesSentence = (changes: readonly Change[]): string => changes.map(sentenceOf).join(" ");

export function sentenceOf(change: Change): string {
  const { kind, policyId, constraint, from, to } = change;
  const whose = ownerText(policyId);
  switch (kind) {
    case "request":
      return requestSentence(change);
    case "set_constraint":
      if (to === null) return `Remove ${constraint} (${valueText(from)}) from ${whose}.`;
      return typeof from === "number" && typeof to === "number"
        ? `Raise ${constraint} of ${whose} from ${from} to ${to}.`
        : `Change ${constraint} of ${whose} from ${valueText(from)} to ${valueText(to)}.`;
    case "add_to_list":
      return `Add ${valueText(to)} to ${constraint} of ${whose}.`;
    case "remove_from_list":
      return `Take ${valueText(from)} out of ${constraint} of ${whose}.`;
    case "remove_policy":
      return `Remove the deny ${policyId}.`;
    case "new_grant":
      return `Write a grant for ${wantedText(to)}.`;
    case "extend_token":
      return `Issue a token that covers ${wantedText(to)}.`;
    case "set_price":
      return "State the prices of the deployment.";
    case "wait":
      return typeof to === "string"
        ? `Wait until ${to}, or raise the limit of ${whose}.`
        : `Wait until calls have ended, or raise the limit of ${whose}.`;
  }
}

/** What of the request, and how it is told. */
const requests: Readonly<Record<string, (from: ChangeValue, to: ChangeValue) => string>> = {
  promptTokens: (from, to) =>
    from === null
      ? "Send a prompt that can be bounded: without stored prompts, files or remote images."
      : `Shorten the prompt from ${valueText(from)} tokens to ${valueText(to)} at most.`,
  promptCharacters: (from, to) =>
    from === null
      ? `State \`promptCharacters\`, ${valueText(to)} at most.`
      : `Shorten the prompt from ${valueText(from)} characters to ${valueText(to)} at most.`,
  tools: (from, to) =>
    from === null
      ? "State which tools the call offers, and offer none that is not allowed."
      : Array.isArray(to) && to.length === 0
        ? `Offer no tools (it offers ${valueText(from)}).`
        : `Offer no other tools than ${valueText(to)}.`,
  store: () => "Do not ask Azure to keep the answer (`store`).",
  endUser: () => "Name the end user.",
  parameters: () => "State the parameters of the call.",
  deniedPatterns: (from) => `Leave out of the prompt the texts that are denied (${valueText(from)}).`,
  tlsVersion: (_from, to) => `Call with ${valueText(to)} or newer.`,
};

function requestSentence({ constraint, from, to }: Change): string {
  const told = requests[constraint ?? ""];
  if (told) return told(from, to);
  const name = constraint?.replace(/^parameters\./, "");
  return to === null
    ? `Leave out the parameter \`${name}\`.`
    : `Set the parameter \`${name}\` to ${valueText(to)} (it is ${valueText(from)}).`;
}

const ownerText = (policyId: string | null): string =>
  policyId === "tenant"
    ? "the tenant's own limits"
    : policyId?.startsWith("token")
      ? `the ${policyId}`
      : `${policyId}`;

const wantedText = (to: ChangeValue): string => {
  if (typeof to !== "object" || to === null || Array.isArray(to)) return "it";
  return `${valueText(to.actions ?? null)} on ${valueText(to.resources ?? null)}`;
};

const valueText = (value: ChangeValue): string =>
  Array.isArray(value)
    ? value.length === 0
      ? "none"
      : value.map((item) => String(item)).join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
