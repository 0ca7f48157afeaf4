/** How many output tokens a budget pays for, so that the clamp keeps within the budget. */

/**
 * Per choice, at most `outputTokens`, possibly none. Searched rather than divided: the sums stay exact integers.
 * @param costOf what the whole request costs with this many; never falls as they grow.
 */
export function affordableOutput(
  costOf: (tokensPerChoice: number) => number,
  limitNanoUsd: number,
  outputTokens: number,
): number {
  if (costOf(outputTokens) <= limitNanoUsd) return outputTokens;
  let most = 0;
  let tooMany = outputTokens;
  while (tooMany - most > 1) {
    const middle = most + Math.floor((tooMany - most) / 2);
    if (costOf(middle) <= limitNanoUsd) most = middle;
    else tooMany = middle;
  }
  return most;
}
