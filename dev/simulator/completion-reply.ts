/**
 * Legacy completions. Their Azure dumps are not in the reference: the shape is OpenAI's, with the filter
 * annotations and the first event of Azure's chat stream.
 */
import type { Ask } from "./ask.ts";
import { choiceResults, finishResults, promptFilterResults } from "./content-filter.ts";
import { type Generation, usageBody } from "./generation.ts";
import { promptFilterEvent } from "./prompt-filter-event.ts";
import { randomText } from "./random-text.ts";
import { dataEvent, doneEvent, jsonReply, type Reply, streamReply } from "./reply.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";

interface Call {
  readonly ask: Ask;
  readonly deployment: SimulatedDeployment;
  readonly generation: Generation;
  readonly createdSeconds: number;
}

export function completionReply({ ask, deployment, generation, createdSeconds }: Call): Reply {
  const head = {
    created: createdSeconds,
    id: `cmpl-${randomText(29)}`,
    model: deployment.modelVersion,
    object: "text_completion",
  };
  const choice = (index: number, text: string, finish: string | null, results: object) => ({
    content_filter_results: results,
    finish_reason: finish,
    index,
    logprobs: null,
    text,
  });
  const usage = generation.usage === undefined ? undefined : usageBody(generation.usage);

  if (!ask.stream) {
    const choices = generation.choices.map(({ tokens, finish }, index) =>
      choice(index, tokens.join(""), finish, choiceResults(finish === "content_filter")),
    );
    const body = { ...head, choices, prompt_filter_results: promptFilterResults };
    return jsonReply(200, usage === undefined ? body : { ...body, usage }, "model");
  }

  const chunk = (fields: object) =>
    dataEvent({ ...head, ...(ask.includeUsage ? { usage: null } : {}), ...fields });
  const events = [promptFilterEvent];
  generation.choices.forEach(({ tokens, finish }, index) => {
    for (const token of tokens) events.push(chunk({ choices: [choice(index, token, null, {})] }));
    events.push(chunk({ choices: [choice(index, "", finish, finishResults(finish === "content_filter"))] }));
  });
  if (ask.includeUsage && usage !== undefined) events.push(chunk({ choices: [], usage }));
  return streamReply([...events, doneEvent]);
}
