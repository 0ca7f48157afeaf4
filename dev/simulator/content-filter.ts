/**
 * Content-filter annotations in the shapes of reference sections 3.3 to 4.3. The simulator judges nothing:
 * everything is safe unless a fault says otherwise.
 */
const safe = { filtered: false, severity: "safe" };
const undetected = { filtered: false, detected: false };
const categories = { hate: safe, self_harm: safe, sexual: safe, violence: safe };

export const jailbreakResults = { ...categories, jailbreak: { filtered: true, detected: true } };

export const promptFilterResults = [
  { prompt_index: 0, content_filter_results: { ...categories, jailbreak: undetected } },
] as const;

const blocked = { violence: { filtered: true, severity: "medium" } };

export const chunkResults = { protected_material_text: undetected };

export function finishResults(isFiltered: boolean): object {
  return isFiltered ? blocked : {};
}

export function choiceResults(isFiltered: boolean): object {
  return {
    ...categories,
    protected_material_code: undetected,
    protected_material_text: undetected,
    ...(isFiltered ? blocked : {}),
  };
}

/** The Responses API's array, which is null until the terminal event. */
export function responseContentFilters(answerCharacters: number, isFiltered: boolean): object[] {
  const entry = (sourceType: "prompt" | "completion", isBlocked: boolean, results: object, end: number) => ({
    blocked: isBlocked,
    source_type: sourceType,
    content_filter_raw: [],
    content_filter_results: results,
    content_filter_offsets: { start_offset: 0, end_offset: end, check_offset: 0 },
  });
  return [
    entry("prompt", false, { ...categories, jailbreak: undetected }, 0),
    entry("completion", isFiltered, choiceResults(isFiltered), answerCharacters),
  ];
}
