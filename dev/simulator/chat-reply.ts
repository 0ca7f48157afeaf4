/**
 * Chat completions as Azure sends them: the JSON of reference section 3.5 and the stream of 4.1, whose
 * first event has no choices, and whose usage event exists only if it was asked for.
 */
import type * as z from "zod";
import type { Ask, ChatBody } from "./ask.ts";
import { choiceResults, chunkResults, finishResults, promptFilterResults } from "./content-filter.ts";
import { type Generation, type ToolCall, usageBody } from "./generation.ts";
import { promptFilterEvent } from "./prompt-filter-event.ts";
import { obfuscation, randomText } from "./random-text.ts";
import { dataEvent, doneEvent, jsonReply, type Reply, streamReply } from "./reply.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";
import type { StoredAnswers } from "./stored-answers.ts";

interface Call {
  readonly ask: Ask;
  readonly deployment: SimulatedDeployment;
  readonly generation: Generation;
  readonly createdSeconds: number;
  readonly body: z.infer<typeof ChatBody>;
  /** Absent where nothing is to be kept. */
  readonly keep: StoredAnswers["keep"] | undefined;
}

export function chatReply(call: Call): Reply {
  const id = `chatcmpl-${randomText(29)}`;
  const finished = completionBody(id, call);
  const items = call.body.messages.map((message, index) => ({ id: `${id}-${index}`, ...message }));
  call.keep?.({ kind: "completion", finished, items, background: false });
  return call.ask.stream ? chatStream(id, call) : jsonReply(200, finished, "model");
}

const completionBody = (id: string, { deployment, generation, createdSeconds }: Call) => ({
  id,
  object: "chat.completion",
  created: createdSeconds,
  model: deployment.modelVersion,
  service_tier: null,
  system_fingerprint: "fp_503a95a7d8",
  choices: generation.choices.map(({ tokens, finish, toolCall }, index) => ({
    index,
    finish_reason: finish,
    logprobs: null,
    message: {
      role: "assistant",
      content: toolCall ? null : tokens.join(""),
      refusal: null,
      ...(toolCall ? { tool_calls: [toolCallBody(toolCall, tokens.join(""))] } : {}),
    },
    content_filter_results: choiceResults(finish === "content_filter"),
  })),
  ...(generation.usage === undefined ? {} : { usage: usageBody(generation.usage) }),
  prompt_filter_results: promptFilterResults,
});

function chatStream(id: string, { ask, deployment, generation, createdSeconds }: Call): Reply {
  const chunk = (fields: object) =>
    dataEvent({
      created: createdSeconds,
      id,
      model: deployment.modelVersion,
      obfuscation: obfuscation(),
      object: "chat.completion.chunk",
      service_tier: "default",
      system_fingerprint: null,
      ...(ask.includeUsage ? { usage: null } : {}),
      ...fields,
    });
  const choice = (index: number, delta: object, finish: string | null, results: object) =>
    chunk({
      choices: [{ content_filter_results: results, delta, finish_reason: finish, index, logprobs: null }],
    });

  const events = [promptFilterEvent];
  generation.choices.forEach(({ tokens, finish, toolCall }, index) => {
    const first = toolCall
      ? { content: null, tool_calls: [{ index: 0, ...toolCallBody(toolCall, "") }] }
      : { content: "" };
    events.push(choice(index, { ...first, refusal: null, role: "assistant" }, null, {}));
    for (const token of tokens) {
      const delta = toolCall
        ? { tool_calls: [{ index: 0, function: { arguments: token } }] }
        : { content: token };
      events.push(choice(index, delta, null, chunkResults));
    }
    events.push(choice(index, {}, finish, finishResults(finish === "content_filter")));
  });
  if (ask.includeUsage && generation.usage !== undefined) {
    events.push(
      chunk({
        choices: [],
        latency_checkpoint: { engine_tbt_ms: 3, engine_ttft_ms: 28 },
        usage: usageBody(generation.usage),
      }),
    );
  }
  return streamReply([...events, doneEvent]);
}

const toolCallBody = ({ name }: ToolCall, args: string) => ({
  id: `call_${randomText(24)}`,
  type: "function",
  function: { name, arguments: args },
});
