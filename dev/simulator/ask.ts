/**
 * Request bodies, read into what the simulated model needs to know: how long the prompt is, what to echo,
 * how long the answer may become. Fields that do not matter here pass unread, as on a permissive upstream.
 */
import * as z from "zod";
import { countTokens, tokensPerImage, tokensPerMessage, tokensPerRequest } from "./token-count.ts";

export interface Ask {
  readonly promptTokens: number;
  /** What each choice of the answer echoes; its length is the number of choices. */
  readonly echoes: readonly string[];
  readonly maxOutputTokens: number;
  /** How many answers are generated and billed; above the number of choices with `best_of`. */
  readonly generated: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

// The documented defaults: 16 on completions, 4096 for gpt-4o chat.
const defaultMaxTokens = { completions: 16, chat: 4096 };

const count = z.int().min(1).max(128).nullish();
const bound = z.int().min(1).nullish();
const streaming = {
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
};

const Part = z.looseObject({ type: z.string(), text: z.string().optional() });
const Content = z.union([z.string(), z.array(Part)]).nullish();
type Content = z.infer<typeof Content>;

const contentText = (content: Content): string =>
  typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join(" ");

function contentTokens(content: Content): number {
  const images = Array.isArray(content) ? content.filter((part) => part.type.includes("image")).length : 0;
  return countTokens(contentText(content)) + images * tokensPerImage;
}

const Message = z.looseObject({ role: z.string().optional(), content: Content });
type Message = z.infer<typeof Message>;

const messageTokens = (messages: readonly Message[], tools: readonly unknown[] | null | undefined) =>
  messages.reduce(
    (sum, message) => sum + tokensPerMessage + contentTokens(message.content),
    tokensPerRequest,
  ) + (tools?.length ? countTokens(JSON.stringify(tools)) : 0);

const lastUserText = (messages: readonly Message[]): string =>
  contentText(messages.findLast((message) => message.role === "user")?.content);

const repeat = (text: string, times: number): string[] => new Array<string>(times).fill(text);

export const ChatBody = z.looseObject({
  model: z.string().optional(),
  messages: z.array(Message).min(1),
  tools: z.array(z.unknown()).nullish(),
  max_tokens: bound,
  max_completion_tokens: bound,
  n: count,
  ...streaming,
});

export function chatAsk(body: z.infer<typeof ChatBody>): Ask {
  const choices = body.n ?? 1;
  return {
    promptTokens: messageTokens(body.messages, body.tools),
    echoes: repeat(lastUserText(body.messages), choices),
    maxOutputTokens: body.max_completion_tokens ?? body.max_tokens ?? defaultMaxTokens.chat,
    generated: choices,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

const TextOrTokens = z.union([
  z.string(),
  z.array(z.int()).min(1),
  z.array(z.union([z.string(), z.array(z.int()).min(1)])).min(1),
]);

/** One entry for each text; an array of numbers is one text in tokens already. */
function textsOf(input: z.infer<typeof TextOrTokens>): { text: string; tokens: number }[] {
  const one = (item: string | number[]) =>
    typeof item === "string"
      ? { text: item, tokens: countTokens(item) }
      : { text: item.join(" "), tokens: item.length };
  if (typeof input === "string") return [one(input)];
  const numbers = input.filter((item) => typeof item === "number");
  if (numbers.length > 0) return [one(numbers)];
  return input.filter((item) => typeof item !== "number").map(one);
}

export const CompletionBody = z.looseObject({
  prompt: TextOrTokens.default(""),
  max_tokens: bound,
  n: count,
  best_of: count,
  ...streaming,
});

export function completionAsk(body: z.infer<typeof CompletionBody>): Ask {
  const prompts = textsOf(body.prompt);
  const choices = body.n ?? 1;
  return {
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.tokens, 0),
    echoes: prompts.flatMap((prompt) => repeat(prompt.text, choices)),
    maxOutputTokens: body.max_tokens ?? defaultMaxTokens.completions,
    generated: prompts.length * Math.max(choices, body.best_of ?? 1),
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

export const EmbeddingBody = z.looseObject({
  model: z.string().optional(),
  input: TextOrTokens,
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).max(3072).nullish(),
});

export interface EmbeddingAsk {
  readonly promptTokens: number;
  readonly texts: readonly string[];
  readonly isBase64: boolean;
  readonly dimensions: number | undefined;
}

export function embeddingAsk(body: z.infer<typeof EmbeddingBody>): EmbeddingAsk {
  const inputs = textsOf(body.input);
  return {
    promptTokens: inputs.reduce((sum, input) => sum + input.tokens, 0),
    texts: inputs.map((input) => input.text),
    isBase64: body.encoding_format === "base64",
    dimensions: body.dimensions ?? undefined,
  };
}

export const ResponseBody = z.looseObject({
  model: z.string().optional(),
  input: z.union([z.string(), z.array(Message)]).optional(),
  instructions: z.string().nullish(),
  tools: z.array(z.unknown()).nullish(),
  max_output_tokens: bound,
  stream: z.boolean().nullish(),
});

export function responseAsk(body: z.infer<typeof ResponseBody>): Ask {
  const input: Message[] =
    typeof body.input === "string" ? [{ role: "user", content: body.input }] : (body.input ?? []);
  const instructions: Message[] = body.instructions ? [{ role: "system", content: body.instructions }] : [];
  return {
    promptTokens: messageTokens([...instructions, ...input], body.tools),
    echoes: [lastUserText(input)],
    maxOutputTokens: body.max_output_tokens ?? defaultMaxTokens.chat,
    generated: 1,
    stream: body.stream ?? false,
    includeUsage: true,
  };
}
