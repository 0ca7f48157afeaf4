/** What goes over the wire, fixed: the caller's bodies, and the answers of the mock upstream. */

const CHAT = "chat";
/** The upstream sends all events at once. */
const STREAM = "stream";
/** The upstream sends its events over `PACED_STREAM_MS`. */
const PACED = "paced";
export const deploymentNames = [CHAT, STREAM, PACED] as const;
export type DeploymentName = (typeof deploymentNames)[number];

const EVENTS = 20;
export const PACED_STREAM_MS = 500;
export const PACE_MS = PACED_STREAM_MS / EVENTS;

export const pathOf = (deployment: DeploymentName): string =>
  `/openai/deployments/${deployment}/chat/completions?api-version=2024-10-21`;

const about = (bytes: number): string =>
  "Summarise the customer's last three letters, and say what is asked. ".repeat(40).slice(0, bytes);

const chatRequest = { messages: [{ role: "user", content: about(900) }], max_tokens: 200 };
/** Usage is asked for, so that the gateway has no event to leave out and every byte can be compared. */
const streamRequest = { ...chatRequest, stream: true, stream_options: { include_usage: true } };

export const requestBodyOf = (deployment: DeploymentName): string =>
  JSON.stringify(deployment === CHAT ? chatRequest : streamRequest);

const usage = { prompt_tokens: 210, completion_tokens: 40, total_tokens: 250 };
const common = { id: "chatcmpl-bench", created: 1_790_000_000, model: "gpt-4" };

export const chatAnswer: string = JSON.stringify({
  ...common,
  object: "chat.completion",
  choices: [
    { index: 0, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: about(740) } },
  ],
  usage,
});

function event(index: number): string {
  const isLast = index === EVENTS - 1;
  const choices = isLast
    ? []
    : [{ index: 0, finish_reason: index === EVENTS - 2 ? "stop" : null, delta: { content: about(40) } }];
  const chunk = { ...common, object: "chat.completion.chunk", choices, usage: isLast ? usage : null };
  return `data: ${JSON.stringify(chunk)}\n\n${isLast ? "data: [DONE]\n\n" : ""}`;
}

export const streamEvents: readonly string[] = Array.from({ length: EVENTS }, (_, index) => event(index));

export const answerBodyOf = (deployment: DeploymentName): string =>
  deployment === CHAT ? chatAnswer : streamEvents.join("");
