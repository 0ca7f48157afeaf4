/**
 * The tokens and the money one request may use under all constraint sets that apply: the output is clamped to what the
 * prompt leaves, and what is reserved is an upper bound (guarantee G1), never an estimate.
 */
import { boundNanoUsd, unitsNanoUsd } from "../azure/cost.ts";
import { ENFORCE_DEFAULT_TOKENS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { affordableOutput } from "./affordable-output.ts";
import type { Ask } from "./decision.ts";

export interface TokenLimits {
  /** The smallest `maxOutputTokens` that applies; null = none. */
  readonly perChoice: number | null;
  /** The smallest `maxTokensPerRequest` that applies; null = none. */
  readonly perRequest: number | null;
  /** The smallest token quota of any window that applies; null = none. */
  readonly perWindow: number | null;
  /** The smallest cost limit of any window that applies; null = none. */
  readonly costNanoUsd: number | null;
}

export interface TokenBounds {
  /** To be written into the request, per choice; null = no token, output or cost limit applies. */
  readonly maxOutputTokens: number | null;
  readonly reservedTokens: number;
  /** Null where no price is known, or nothing bounds what is used. */
  readonly reservedCostNanoUsd: number | null;
}

type Counted = Pick<Ask, "promptTokens" | "outputTokens" | "outputIsFixed" | "choices" | "price" | "units">;

export function boundTokens(
  ask: Counted & Pick<Ask, "deployment">,
  limits: TokenLimits,
): Result<TokenBounds> {
  const { promptTokens, choices } = ask;
  if (ask.outputIsFixed) return boundFixed(ask, ask.outputTokens ?? 0, limits);
  const asked = ask.outputTokens ?? unstatedOutput(promptTokens ?? 0, limits);
  const outputTokens = Math.min(asked, limits.perChoice ?? Infinity);
  if (limits.perRequest === null && limits.perWindow === null && limits.costNanoUsd === null) {
    // A caller who named no bound is bound as well, and so is what names more: it is cut, never refused for that alone.
    const binds = ask.outputTokens === null || (limits.perChoice !== null && outputTokens > 0);
    return ok(boundsOf(ask, binds ? outputTokens : null, outputTokens));
  }
  if (promptTokens === null || !isBounded(ask, limits)) return fail(refuse("unbounded_ask"));

  const leastOutput = outputTokens > 0 ? choices : 0;
  if (limits.perRequest !== null && promptTokens + leastOutput > limits.perRequest) {
    return fail(exceeded("maxTokensPerRequest", promptTokens + leastOutput, limits.perRequest));
  }
  if (limits.costNanoUsd !== null && costOf(ask, outputTokens) === null) {
    return fail(refuse("price_unknown", { evidence: { deployment: ask.deployment } }));
  }
  if (outputTokens === 0) return ok(boundsOf(ask, null, 0));

  const room = Math.min(limits.perRequest ?? Infinity, limits.perWindow ?? Infinity) - promptTokens;
  const fitting = Math.min(outputTokens, Math.floor(room / choices));
  const paid =
    limits.costNanoUsd === null
      ? fitting
      : affordableOutput((tokens) => costOf(ask, tokens) ?? 0, limits.costNanoUsd, Math.max(1, fitting));
  // A window too small for the prompt is the ledger's to refuse, with its counters; hence at least one token.
  const perChoice = Math.max(1, Math.min(fitting, paid));
  return ok(boundsOf(ask, perChoice, perChoice));
}

/** An answer that nobody can cut: it fits as it is, or the request is refused. */
function boundFixed(
  ask: Counted & Pick<Ask, "deployment">,
  outputTokens: number,
  limits: TokenLimits,
): Result<TokenBounds> {
  const { perChoice, perRequest, costNanoUsd } = limits;
  if (!isBounded(ask, limits)) {
    const message = "A token or cost limit applies, and what this request may use cannot be bounded.";
    return fail(refuse("unbounded_ask", { message }));
  }
  if (perChoice !== null && outputTokens > perChoice)
    return fail(exceeded("maxOutputTokens", outputTokens, perChoice));
  const bounds = boundsOf(ask, null, outputTokens);
  if (perRequest !== null && bounds.reservedTokens > perRequest)
    return fail(exceeded("maxTokensPerRequest", bounds.reservedTokens, perRequest));
  if (costNanoUsd !== null && bounds.reservedCostNanoUsd === null)
    return fail(refuse("price_unknown", { evidence: { deployment: ask.deployment } }));
  return ok(bounds);
}

/** Whether what the limits count has a bound: money has one that is not of tokens where the call is not billed by them. */
function isBounded(
  { promptTokens, units }: Counted,
  { perChoice, perRequest, perWindow, costNanoUsd }: TokenLimits,
): boolean {
  const countsTokens = perChoice !== null || perRequest !== null || perWindow !== null;
  if (countsTokens && promptTokens === null) return false;
  return costNanoUsd === null || (units ? units.atMost : promptTokens) !== null;
}

const exceeded = (constraint: string, actual: number, limit: number): Refusal =>
  refuse("tokens_per_request_exceeded", { evidence: { constraint, actual, limit } });

const boundsOf = (ask: Counted, maxOutputTokens: number | null, perChoice: number): TokenBounds => ({
  maxOutputTokens,
  reservedTokens: (ask.promptTokens ?? 0) + perChoice * ask.choices,
  reservedCostNanoUsd: costOf(ask, perChoice),
});

function costOf(
  { price, promptTokens, outputTokens, choices, units }: Counted,
  perChoice: number,
): number | null {
  if (units) return unitsNanoUsd(units, units.atMost);
  // Of a prompt that cannot be bounded nobody knows what it may cost.
  if (price === null || promptTokens === null) return null;
  const output = perChoice * choices;
  const named = outputTokens === null ? 0 : output;
  return boundNanoUsd(price, {
    promptTokens,
    outputTokens: named,
    unnamedTokens: output - named,
  });
}

/** What `/v1/enforce` reserves for an ask without counts: all that a request may use, else a default. */
const unstatedOutput = (promptTokens: number, limits: TokenLimits): number =>
  limits.perRequest === null ? ENFORCE_DEFAULT_TOKENS : Math.max(1, limits.perRequest - promptTokens);

/** The smaller of the limits that are set. */
export function smallest(limits: readonly (number | null | undefined)[]): number | null {
  let least: number | null = null;
  for (const limit of limits)
    if (limit !== null && limit !== undefined && (least === null || limit < least)) least = limit;
  return least;
}
