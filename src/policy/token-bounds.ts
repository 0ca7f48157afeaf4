/**
 * The tokens one request may use under all constraint sets that apply: the output is clamped to what the prompt
 * leaves, and what is reserved is an upper bound (guarantee G1), never an estimate.
 */
import { ENFORCE_DEFAULT_TOKENS } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Ask } from "./decision.ts";

export interface TokenLimits {
  /** The smallest `maxTokensPerRequest` that applies; null = none. */
  readonly perRequest: number | null;
  /** The smallest token quota of any window that applies; null = none. */
  readonly perWindow: number | null;
}

export interface TokenBounds {
  /** To be written into the request, per choice; null = no token limit applies. */
  readonly maxOutputTokens: number | null;
  readonly reservedTokens: number;
}

export function boundTokens(
  ask: Pick<Ask, "promptTokens" | "outputTokens" | "choices">,
  limits: TokenLimits,
): Result<TokenBounds> {
  const { promptTokens, choices } = ask;
  const outputTokens = ask.outputTokens ?? unstatedOutput(promptTokens ?? 0, limits);
  if (limits.perRequest === null && limits.perWindow === null) {
    return ok({
      maxOutputTokens: ask.outputTokens === null ? outputTokens : null,
      reservedTokens: (promptTokens ?? 0) + outputTokens * choices,
    });
  }
  if (promptTokens === null) return fail(refuse("unbounded_ask"));

  const leastOutput = outputTokens > 0 ? choices : 0;
  if (limits.perRequest !== null && promptTokens + leastOutput > limits.perRequest) {
    return fail(
      refuse("tokens_per_request_exceeded", {
        evidence: {
          constraint: "maxTokensPerRequest",
          actual: promptTokens + leastOutput,
          limit: limits.perRequest,
        },
      }),
    );
  }
  if (outputTokens === 0) return ok({ maxOutputTokens: null, reservedTokens: promptTokens });

  const room = Math.min(limits.perRequest ?? Infinity, limits.perWindow ?? Infinity) - promptTokens;
  // A window too small for the prompt is the ledger's to refuse, with its counters; hence at least one token.
  const perChoice = Math.max(1, Math.min(outputTokens, Math.floor(room / choices)));
  return ok({ maxOutputTokens: perChoice, reservedTokens: promptTokens + perChoice * choices });
}

/** What `/v1/enforce` reserves for an ask without counts: all that a request may use, else a default. */
const unstatedOutput = (promptTokens: number, limits: TokenLimits): number =>
  limits.perRequest === null ? ENFORCE_DEFAULT_TOKENS : Math.max(1, limits.perRequest - promptTokens);

/** The smaller of the limits that are set. */
export function smallest(limits: readonly (number | undefined)[]): number | null {
  const set = limits.filter((limit) => limit !== undefined);
  return set.length > 0 ? Math.min(...set) : null;
}
