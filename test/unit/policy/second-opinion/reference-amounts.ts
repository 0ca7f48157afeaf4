// What one ask may use and reserves, and which counters it charges: docs/contracts.md ("Limits"). The largest output is
// found by trying, from what was asked for downwards.
import type { RefusalCode } from "../../../../src/kernel/refusal.ts";
import type { Constraints } from "../../../../src/policy/constraints.ts";
import type { Ask } from "../../../../src/policy/decision.ts";
import type { DecideInput } from "../decide-fixture.ts";

export interface Amounts {
  readonly outputCap: number | null;
  readonly maxOutputTokens: number | null;
  readonly reservedTokens: number;
  readonly reservedCostNanoUsd: number | null;
}

/** What `/v1/enforce` reserves where neither a caller nor a policy names a number. */
const DEFAULT_OUTPUT = 4_096;

const given = (...values: readonly (number | undefined)[]): number[] =>
  values.filter((value) => value !== undefined);

const nanoUsd = (usd: number): number => Math.round(usd * 1e9);

/** @param sets of the grant, the token and the boundaries; @param limited these and the tenant's own limits. */
export function amountsOf(
  sets: readonly Constraints[],
  limited: readonly Constraints[],
  ask: Ask,
): Amounts | readonly RefusalCode[] {
  const perChoice = sets.flatMap((set) => given(set.maxOutputTokens));
  const perRequest = sets.flatMap((set) => given(set.maxTokensPerRequest));
  const perWindow = limited.flatMap((set) => given(set.maxTokensPerMinute, set.maxTokensPerDay));
  const budgets = limited.flatMap((set) => given(set.maxCostPerDay, set.maxCostPerMonth)).map(nanoUsd);
  const isLimited = perRequest.length + perWindow.length + budgets.length > 0;
  const outputCap = perChoice.length === 0 ? null : Math.min(...perChoice);

  const prompt = ask.promptTokens ?? 0;
  if (ask.outputIsFixed) {
    const output = ask.outputTokens ?? 0;
    const used = prompt + output * ask.choices;
    const cost = costOf(ask, output);
    const fixed = { outputCap, maxOutputTokens: null, reservedTokens: used, reservedCostNanoUsd: cost };
    if (!isLimited && outputCap === null) return fixed;
    const objections: RefusalCode[] = [];
    const countsTokens = outputCap !== null || perRequest.length + perWindow.length > 0;
    const costHasNoBound = ask.units ? ask.units.atMost === null : ask.promptTokens === null;
    if ((countsTokens && ask.promptTokens === null) || (budgets.length > 0 && costHasNoBound))
      objections.push("unbounded_ask");
    if ((outputCap !== null && output > outputCap) || perRequest.some((limit) => used > limit))
      objections.push("tokens_per_request_exceeded");
    if (budgets.length > 0 && cost === null) objections.push("price_unknown");
    return objections.length > 0 ? objections : fixed;
  }
  const unstated = perRequest.length === 0 ? DEFAULT_OUTPUT : Math.max(1, Math.min(...perRequest) - prompt);
  const asked = Math.min(ask.outputTokens ?? unstated, outputCap ?? Infinity);
  const amounts = (maxOutputTokens: number | null, output: number): Amounts => ({
    outputCap,
    maxOutputTokens,
    reservedTokens: prompt + output * ask.choices,
    reservedCostNanoUsd: costOf(ask, output),
  });

  if (!isLimited) {
    // What names no output is bound, and so is what a policy cuts; an ask for no output is neither.
    const isBound = ask.outputTokens === null || (outputCap !== null && asked > 0);
    return amounts(isBound ? asked : null, asked);
  }
  const refused: RefusalCode[] = [];
  if (ask.promptTokens === null || (budgets.length > 0 && ask.units?.atMost === null))
    refused.push("unbounded_ask");
  // The output can be cut to one token for each choice, the prompt cannot be cut.
  const least = prompt + (asked > 0 ? ask.choices : 0);
  if (perRequest.some((limit) => least > limit)) refused.push("tokens_per_request_exceeded");
  if (budgets.length > 0 && costOf(ask, asked) === null) refused.push("price_unknown");
  if (refused.length > 0) return refused;
  if (asked === 0) return amounts(null, 0);

  const fits = (output: number): boolean =>
    [...perRequest, ...perWindow].every((limit) => prompt + output * ask.choices <= limit) &&
    budgets.every((limit) => Number(costOf(ask, output)) <= limit);
  let output = asked;
  // Whether a window has room for the last token is the ledger's to say.
  while (output > 1 && !fits(output)) output -= 1;
  return amounts(output, output);
}

/** Rounded up; null where no price is known for what is used, or nothing bounds it. */
function costOf({ price, promptTokens, outputTokens, choices, units }: Ask, output: number): number | null {
  if (units?.atMost === null || units?.picoUsdPerUnit === null) return null;
  if (units) return Math.ceil((units.atMost * units.picoUsdPerUnit) / 1_000);
  if (promptTokens === null || price === null || (price.outputPicoUsd === null && output > 0)) return null;
  const { inputPicoUsd } = price;
  const outputPicoUsd = price.outputPicoUsd ?? 0;
  // Where nobody stated counts, nobody knows which of the tokens are output.
  const each = outputTokens === null ? Math.max(inputPicoUsd, outputPicoUsd) : outputPicoUsd;
  return Math.ceil((promptTokens * inputPicoUsd + output * choices * each) / 1_000);
}

export interface Owned {
  readonly owner: string;
  readonly scope: NonNullable<Constraints["quotaScope"]>;
  readonly constraints: Constraints;
}

/** One line for each counter, or why nobody can say whom to count. */
export function claimsOf(
  owners: readonly Owned[],
  { ask }: DecideInput,
  { reservedTokens, reservedCostNanoUsd }: Amounts,
): { readonly lines: readonly string[]; readonly refused: readonly RefusalCode[] } {
  const lines: string[] = [];
  const refused: RefusalCode[] = [];
  for (const { owner, scope, constraints: limits } of owners) {
    const counters: readonly (readonly [string, number, number | undefined])[] = [
      ["requests/minute", 1, limits.maxRequestsPerMinute],
      ["requests/day", 1, limits.maxRequestsPerDay],
      ["tokens/minute", reservedTokens, limits.maxTokensPerMinute],
      ["tokens/day", reservedTokens, limits.maxTokensPerDay],
      ["cost/day", reservedCostNanoUsd ?? 0, limits.maxCostPerDay && nanoUsd(limits.maxCostPerDay)],
      ["cost/month", reservedCostNanoUsd ?? 0, limits.maxCostPerMonth && nanoUsd(limits.maxCostPerMonth)],
      ["concurrent/open", 1, limits.maxConcurrentRequests],
    ];
    for (const [counter, amount, limit] of counters) {
      if (limit === undefined) continue;
      if (scope === "user" && ask.endUser === null) refused.push("end_user_required");
      if (scope === "address" && ask.clientAddress === null) refused.push("indeterminate");
      const subject = { agent: null, tenant: null, user: ask.endUser, address: ask.clientAddress }[scope];
      const name = `${owner}/${scope}/${counter}${subject === null ? "" : `/${subject}`}`;
      lines.push(`${name} ${amount} of ${limit}`);
    }
  }
  return { lines, refused };
}
