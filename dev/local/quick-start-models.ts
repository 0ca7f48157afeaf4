/** The quick start's part on the data plane, with the official `openai` package: Portcullis is only another endpoint. */
import { APIError, AzureOpenAI } from "openai";
import { PlainFailure } from "./plain-failure.ts";

const MODEL = "gpt-4o-mini";
const hello = [{ role: "user" as const, content: "Hello from the quick start" }];
/** More than any policy of the demo allows in one request. */
const tooMuch = [{ role: "user" as const, content: "much too long ".repeat(4_000) }];

export const connectModels = (endpoint: string, token: string): AzureOpenAI =>
  new AzureOpenAI({ endpoint, apiKey: token, apiVersion: "2024-10-21", maxRetries: 0 });

export async function chat(models: AzureOpenAI) {
  const { data, response } = await models.chat.completions
    .create({ model: MODEL, messages: hello, max_tokens: 100 })
    .withResponse();
  const text = data.choices[0]?.message.content;
  const decisionId = response.headers.get("portcullis-decision");
  if (!text || decisionId === null)
    throw new PlainFailure("The chat completion came without text or decision.");
  return { text, decisionId, totalTokens: data.usage?.total_tokens ?? 0 };
}

export async function streamedChat(models: AzureOpenAI) {
  const stream = await models.chat.completions.create({
    model: MODEL,
    messages: hello,
    max_tokens: 100,
    stream: true,
  });
  let text = "";
  let chunks = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    chunks += 1;
  }
  if (text === "") throw new PlainFailure("The stream came without text.");
  return { text, chunks };
}

export async function refusedChat(models: AzureOpenAI) {
  try {
    await models.chat.completions.create({ model: MODEL, messages: tooMuch, max_tokens: 100 });
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { status, code, message, requestID } = error;
    if (status === 403 && code === "tokens_per_request_exceeded" && requestID) {
      // The SDK puts the status in front of the gateway's sentence.
      return { status, code, message: message.replace(/^\d+ /, ""), requestId: requestID };
    }
    throw new PlainFailure(
      `The long prompt was refused as ${status} ${code}, not as tokens_per_request_exceeded.`,
    );
  }
  throw new PlainFailure("The long prompt was expected to be refused, but it was answered.");
}
