/**
 * The first event of every chat and completion stream, as recorded: no choices, empty id and object, no
 * `usage` even when usage was asked for, and `prompt_index` out of the alphabetical order of all else.
 */
import { promptFilterResults } from "./content-filter.ts";

const [{ prompt_index, content_filter_results }] = promptFilterResults;
const { hate, jailbreak, self_harm, sexual, violence } = content_filter_results;

export const promptFilterEvent = `data: ${JSON.stringify({
  choices: [],
  created: 0,
  id: "",
  model: "",
  object: "",
  prompt_filter_results: [
    {
      prompt_index,
      content_filter_results: {
        hate,
        jailbreak: { detected: jailbreak.detected, filtered: jailbreak.filtered },
        self_harm,
        sexual,
        violence,
      },
    },
  ],
})}\n\n`;
