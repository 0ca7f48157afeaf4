/**
 * What would make one failing constraint hold: what the caller could ask otherwise, and what of the policy could be
 * otherwise. A class of data is never lowered, a place or an address never changed: those are facts, not wishes.
 */
import { promisedTools } from "../../azure/tool-table.ts";
import { timestampOf } from "../../kernel/timestamp.ts";
import { allowsTool } from "../allowed-tools.ts";
import type { DecideInput } from "../candidate.ts";
import type { Constraints } from "../constraints.ts";
import { type Change, type ChangeValue, changeOf } from "./change.ts";
import type { Failure } from "./failures.ts";

/** Whose constraints they are. */
export interface Owner {
  /** As a change names it. */
  readonly policyId: string;
  readonly constraints: Constraints;
}

export interface Remedies {
  /** By the caller; null = nothing that it could do. */
  readonly request: Change | null;
  readonly policy: Change;
}

export const SECURE_TLS = "TLSv1.2";

export function remediesOf(failure: Failure, owner: Owner, input: DecideInput): Remedies {
  return {
    request: requestRemedy(failure, owner, input),
    policy: policyRemedy(failure, owner, input) ?? removal(failure, owner),
  };
}

const asking = (constraint: string, from: ChangeValue, to: ChangeValue): Change =>
  changeOf("request", { constraint, from, to });

function requestRemedy(
  { constraint, refusal }: Failure,
  { constraints }: Owner,
  { ask, place }: DecideInput,
): Change | null {
  const { evidence = {} } = refusal;
  const { content } = ask;
  switch (refusal.code) {
    case "tokens_per_request_exceeded": {
      // A shorter prompt makes no answer shorter.
      if (constraint === "maxOutputTokens") return null;
      const room = numberOf(evidence.limit) - (numberOf(evidence.actual) - (ask.promptTokens ?? 0));
      return room >= 0 ? asking("promptTokens", ask.promptTokens, room) : null;
    }
    case "unbounded_ask":
      // Sound whose length nobody can bound stays so, however it is sent.
      return ask.units?.atMost === null ? null : asking("promptTokens", null, 0);
    case "prompt_characters_exceeded":
      return asking("promptCharacters", content.promptCharacters, constraints.maxPromptCharacters ?? 0);
    case "parameter_not_allowed": {
      const name = constraint.slice("parameters.".length);
      const actual = content.parameters?.[name] ?? null;
      return asking(constraint, actual ?? "no number", nearestInRange(constraints, name, actual));
    }
    case "pattern_denied":
      return asking("deniedPatterns", String(evidence.actual), null);
    case "tool_not_allowed":
      return asking("tools", [...(ask.tools ?? [])], [...insideTools(constraint, constraints, ask.tools)]);
    case "store_not_allowed":
      return asking("store", true, false);
    case "encryption_required":
      return asking("tlsVersion", place.tlsVersion, SECURE_TLS);
    case "end_user_required":
      return asking("endUser", null, "named");
    case "indeterminate":
      return statement(constraint, constraints, ask);
    default:
      return null;
  }
}

/** What a caller could state that it did not. */
function statement(
  constraint: string,
  constraints: Constraints,
  { content }: DecideInput["ask"],
): Change | null {
  if (constraint === "allowedTools") return asking("tools", null, []);
  if (constraint === "maxPromptCharacters" && content.canStrip)
    return asking("promptCharacters", null, constraints.maxPromptCharacters ?? 0);
  return constraint.startsWith("parameters.") && content.parameters === null
    ? asking("parameters", null, "stated")
    : null;
}

const numberOf = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);

/** What is no number is left out. */
function nearestInRange({ parameters }: Constraints, name: string, actual: number | null): number | null {
  const { min = -Infinity, max = Infinity } = parameters?.[name] ?? {};
  if (actual === null || min > max) return null;
  return Math.min(Math.max(actual, min), max);
}

const insideTools = (
  constraint: string,
  { allowedTools }: Constraints,
  tools: DecideInput["ask"]["tools"],
): readonly string[] => {
  const allowed = constraint === "allowedTools" ? (allowedTools ?? []) : promisedTools;
  return (tools ?? []).filter((tool) => allowsTool(allowed, tool));
};

const removal = ({ constraint }: Failure, { policyId, constraints }: Owner): Change =>
  changeOf("set_constraint", { policyId, constraint, from: statedValue(constraint, constraints) });

/** As a change shows it: neither a long list nor a text that a policy denies. */
export function statedValue(constraint: string, constraints: Constraints): ChangeValue {
  const [key = "", inner] = constraint.split(".");
  const value: unknown = Reflect.get(constraints, key);
  const member: unknown =
    inner === undefined || typeof value !== "object" || value === null ? value : Reflect.get(value, inner);
  if (Array.isArray(member)) return `${member.length} ${member.length === 1 ? "item" : "items"}`;
  if (typeof member === "object" && member !== null)
    return key === "deniedPatterns" ? "texts" : JSON.stringify(member);
  return typeof member === "string" || typeof member === "number" || typeof member === "boolean"
    ? member
    : null;
}

/** Null where nothing less than removing the constraint would do. */
function policyRemedy(
  { constraint, refusal }: Failure,
  { policyId, constraints }: Owner,
  { ask, place, capability, nowMs }: DecideInput,
): Change | null {
  const set = (to: ChangeValue): Change =>
    changeOf("set_constraint", { policyId, constraint, from: statedValue(constraint, constraints), to });
  const add = (items: readonly string[]): Change | null =>
    items.length === 0 ? null : changeOf("add_to_list", { policyId, constraint, to: [...items] });
  switch (refusal.code) {
    case "tokens_per_request_exceeded":
      return set(numberOf(refusal.evidence?.actual));
    case "prompt_characters_exceeded":
      return set(ask.content.promptCharacters);
    case "price_unknown":
      return changeOf("set_price", { constraint: "prices", to: "known" });
    case "tenant_not_allowed":
      return add([capability.tenantId]);
    case "role_not_allowed":
      return add(capability.roles.slice(0, 1));
    case "agent_not_allowed":
      return add([capability.agentId]);
    case "classification_exceeded":
      return set(ask.classification);
    case "tool_not_allowed":
      return constraint === "allowedTools" ? add(outsideTools(constraints, ask.tools)) : null;
    case "residency_country": {
      if (place.country === null) return null;
      if (constraint === "allowedCountries") return add([place.country]);
      const others = constraints.deniedCountries?.filter((country) => country !== place.country) ?? [];
      return others.length === 0
        ? null
        : changeOf("remove_from_list", { policyId, constraint, from: [place.country] });
    }
    case "outside_validity":
      // `validUntil` is the first moment that is too late.
      return set(timestampOf(constraint === "validFrom" ? nowMs : nowMs + 1));
    default:
      return null;
  }
}

const outsideTools = (
  { allowedTools = [] }: Constraints,
  tools: DecideInput["ask"]["tools"],
): readonly string[] => (tools ?? []).filter((tool) => !allowsTool(allowedTools, tool));
