/**
 * The Responses API: JSON, and the stream in the recorded order (reference section 4.3), where usage and
 * content filters stay null until the terminal event. `model` echoes the deployment's name.
 */
import type * as z from "zod";
import type { Ask, ResponseBody } from "./ask.ts";
import { responseContentFilters } from "./content-filter.ts";
import { functionCallItem } from "./function-call-item.ts";
import type { Choice, Generation } from "./generation.ts";
import { obfuscation, randomText } from "./random-text.ts";
import { doneEvent, jsonReply, type Reply, streamReply } from "./reply.ts";
import { responseEvent } from "./response-event.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";
import type { StoredAnswers } from "./stored-answers.ts";

/** Open questions of the reference, so both readings can be tried; neither is what the dumps show. */
export interface ResponseStreamStyle {
  readonly eventLines: boolean;
  readonly doneLine: boolean;
}

interface Call {
  readonly ask: Ask;
  readonly body: z.infer<typeof ResponseBody>;
  readonly deployment: SimulatedDeployment;
  readonly generation: Generation;
  readonly createdSeconds: number;
  readonly style: ResponseStreamStyle;
  /** Absent where nothing is to be kept. */
  readonly keep: StoredAnswers["keep"] | undefined;
}

type Event = readonly [type: string, fields: object];

const incompleteReasons: Record<Choice["finish"], string | undefined> = {
  stop: undefined,
  length: "max_output_tokens",
  content_filter: "content_filter",
  tool_calls: undefined,
};

export function responseReply(call: Call): Reply {
  const { ask, body, deployment, generation } = call;
  const { tokens, finish, toolCall } = generation.choices[0] ?? { tokens: [], finish: "stop" };
  const text = tokens.join("");
  const reason = incompleteReasons[finish];
  const status = reason === undefined ? "completed" : "incomplete";
  const usage = generation.usage;
  const isBackground = body.background === true;

  const response = (fields: object) => ({ ...frame, ...fields });
  const frame = {
    id: `resp_${randomText(48)}`,
    object: "response",
    created_at: call.createdSeconds,
    status: "in_progress",
    background: isBackground,
    content_filters: null,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: deployment.name,
    output: [],
    parallel_tool_calls: true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: "auto",
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: "disabled",
    usage: null,
    user: body.user ?? null,
  };

  const reasoning = { id: `rs_${randomText(48)}`, type: "reasoning", summary: [] };
  const part = (partText: string) => ({
    type: "output_text",
    annotations: [],
    logprobs: [],
    text: partText,
  });
  const message = (messageStatus: string, content: object[]) => ({
    id: messageId,
    type: "message",
    status: messageStatus,
    content,
    role: "assistant",
  });
  const messageId = `msg_${randomText(48)}`;
  const index = deployment.reasoning ? 1 : 0;
  const called = toolCall && functionCallItem(toolCall, tokens, status, index);
  const finished = called?.item ?? message(status, [part(text)]);

  const terminal = response({
    status,
    content_filters: responseContentFilters(text.length, finish === "content_filter"),
    incomplete_details: reason === undefined ? null : { reason },
    output: deployment.reasoning ? [reasoning, finished] : [finished],
    service_tier: "default",
    usage:
      usage === undefined
        ? null
        : {
            input_tokens: usage.promptTokens,
            input_tokens_details: { cached_tokens: usage.cachedTokens },
            output_tokens: usage.completionTokens,
            output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
            total_tokens: usage.promptTokens + usage.completionTokens,
          },
  });
  call.keep?.({
    kind: "response",
    finished: terminal,
    items: inputItems(body.input),
    background: isBackground,
  });
  if (!ask.stream) return jsonReply(200, isBackground ? response({ status: "queued" }) : terminal, "model");

  const place = { content_index: 0, item_id: messageId, output_index: index };
  const reasoningEvents: readonly Event[] = deployment.reasoning
    ? [
        ["response.output_item.added", { item: reasoning, output_index: 0 }],
        ["response.output_item.done", { item: reasoning, output_index: 0 }],
      ]
    : [];
  const messageEvents: readonly Event[] = [
    ["response.output_item.added", { item: message("in_progress", []), output_index: index }],
    ["response.content_part.added", { ...place, part: part("") }],
    ...tokens.map(
      (delta): Event => [
        "response.output_text.delta",
        { ...place, delta, logprobs: [], obfuscation: obfuscation() },
      ],
    ),
    ["response.output_text.done", { ...place, logprobs: [], text }],
    ["response.content_part.done", { ...place, part: part(text) }],
    ["response.output_item.done", { item: finished, output_index: index }],
  ];
  const events: readonly Event[] = [
    ["response.created", { response: response({}) }],
    ["response.in_progress", { response: response({}) }],
    ...reasoningEvents,
    ...(called?.events ?? messageEvents),
    [`response.${status}`, { response: terminal }],
  ];
  const lines = events.map(([type, fields], sequence) =>
    responseEvent(type, sequence, fields, call.style.eventLines),
  );
  return streamReply(call.style.doneLine ? [...lines, doneEvent] : lines);
}

/** As they are listed: a text alone is the message of a user. */
const inputItems = (input: Call["body"]["input"]) =>
  (typeof input === "string" ? [{ role: "user", content: input }] : (input ?? [])).map((item) => ({
    id: `msg_${randomText(48)}`,
    type: "message",
    status: "completed",
    ...item,
    content:
      typeof item.content === "string" ? [{ type: "input_text", text: item.content }] : (item.content ?? []),
  }));
