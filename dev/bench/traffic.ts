/** What goes over the wire, fixed: the caller's bodies, and the answers of the mock upstream. */

const CHAT = "chat";

interface StreamShape {
  readonly events: number;
  /** Of each event's text; the event is some 200 bytes more. */
  readonly textBytes: number;
  /** Between two events; 0: each is sent as soon as the one before is. */
  readonly paceMs: number;
  /** Before anything is answered, as models do. */
  readonly thinkMs?: number;
}

/** Of every stream that is not long. */
export const EVENTS = 20;
export const LONG_EVENTS = 500;
export const PACED_STREAM_MS = 500;
export const THINKING_MS = 100;
const SLOW_STREAM_MS = 10_000;

const small = { events: EVENTS, textBytes: 40, paceMs: 0 };
/** By the deployment that a caller names. */
const streams = {
  stream: small,
  paced: { ...small, paceMs: PACED_STREAM_MS / EVENTS },
  thinking: { ...small, paceMs: PACED_STREAM_MS / EVENTS, thinkMs: THINKING_MS },
  long: { ...small, events: LONG_EVENTS },
  large: { ...small, textBytes: 100_000 },
  /** Long enough for a thousand to be under way at once. */
  slow: { ...small, paceMs: SLOW_STREAM_MS / EVENTS },
  /** More than the sockets between upstream and caller take up. */
  bulk: { events: 160, textBytes: 100_000, paceMs: 0 },
} as const satisfies Record<string, StreamShape>;
export type StreamName = keyof typeof streams;
export type DeploymentName = typeof CHAT | StreamName;

const streamNames = Object.keys(streams) as readonly StreamName[]; // Object.keys loses the key type.
export const deploymentNames: readonly DeploymentName[] = [CHAT, ...streamNames];

const pathStart = (deployment: DeploymentName): string => `/openai/deployments/${deployment}/`;
export const pathOf = (deployment: DeploymentName): string =>
  `${pathStart(deployment)}chat/completions?api-version=2024-10-21`;
/** Null: not a stream. */
export const streamAt = (path: string): StreamName | null =>
  streamNames.find((name) => path.startsWith(pathStart(name))) ?? null;

const sentence = "Summarise the customer's last three letters, and say what is asked. ";
const about = (bytes: number): string => sentence.repeat(Math.ceil(bytes / sentence.length)).slice(0, bytes);

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

function event(index: number, { events, textBytes }: StreamShape): string {
  const isLast = index === events - 1;
  const finish_reason = index === events - 2 ? "stop" : null;
  const choices = isLast ? [] : [{ index: 0, finish_reason, delta: { content: about(textBytes) } }];
  const chunk = { ...common, object: "chat.completion.chunk", choices, usage: isLast ? usage : null };
  return `data: ${JSON.stringify(chunk)}\n\n${isLast ? "data: [DONE]\n\n" : ""}`;
}

export interface StreamedAnswer {
  readonly events: readonly string[];
  readonly paceMs: number;
  readonly thinkMs: number;
}

const made = new Map<StreamName, StreamedAnswer>();
export function streamedAnswer(name: StreamName): StreamedAnswer {
  const shape: StreamShape = streams[name];
  const known = made.get(name);
  if (known) return known;
  const events = Array.from({ length: shape.events }, (_, index) => event(index, shape));
  const answer = { events, paceMs: shape.paceMs, thinkMs: shape.thinkMs ?? 0 };
  made.set(name, answer);
  return answer;
}

export const streamBytes = (name: StreamName): number =>
  streamedAnswer(name).events.reduce((sum, event) => sum + Buffer.byteLength(event), 0);

export const answerBodyOf = (deployment: DeploymentName): string =>
  deployment === CHAT ? chatAnswer : streamedAnswer(deployment).events.join("");
