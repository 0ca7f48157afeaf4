/**
 * What the simulated resource has deployed. As on Azure, a deployment's name says nothing about its model:
 * chat answers carry `modelVersion`, Responses answers carry the deployment's name.
 */
export type Operation =
  | "chat"
  | "completions"
  | "embeddings"
  | "responses"
  | "imageGenerations"
  | "imageEdits"
  | "transcriptions"
  | "translations"
  | "speech";

export interface SimulatedDeployment {
  readonly name: string;
  readonly model: string;
  readonly modelVersion: string;
  readonly operations: readonly Operation[];
  /** Refuses `max_tokens` and spends hidden tokens before it speaks. */
  readonly reasoning?: boolean;
  /** What ARM says; `Standard` unless given. */
  readonly sku?: string;
  /** Length of an embedding when the request does not name one. */
  readonly dimensions?: number;
}

export const defaultDeployments: readonly SimulatedDeployment[] = [
  { name: "gpt-4", model: "gpt-4", modelVersion: "gpt-4-0613", operations: ["chat", "completions"] },
  {
    name: "gpt-4o-mini",
    model: "gpt-4o-mini",
    modelVersion: "gpt-4o-mini-2024-07-18",
    operations: ["chat", "completions", "responses"],
  },
  {
    name: "text-embedding-3-small",
    model: "text-embedding-3-small",
    modelVersion: "text-embedding-3-small",
    operations: ["embeddings"],
    dimensions: 1536,
  },
  {
    name: "gpt-image-1",
    model: "gpt-image-1",
    modelVersion: "gpt-image-1-2025-04-15",
    operations: ["imageGenerations", "imageEdits"],
  },
  { name: "dall-e-3", model: "dall-e-3", modelVersion: "dall-e-3-3.0", operations: ["imageGenerations"] },
  {
    name: "gpt-4o-transcribe",
    model: "gpt-4o-transcribe",
    modelVersion: "gpt-4o-transcribe-2025-03-20",
    operations: ["transcriptions"],
  },
  {
    name: "whisper",
    model: "whisper",
    modelVersion: "whisper-001",
    operations: ["transcriptions", "translations"],
  },
  {
    name: "gpt-4o-mini-tts",
    model: "gpt-4o-mini-tts",
    modelVersion: "gpt-4o-mini-tts-2025-03-20",
    operations: ["speech"],
  },
  { name: "tts", model: "tts", modelVersion: "tts-001", operations: ["speech"] },
];

/** The names Azure's own sentences use for an operation. */
export const operationNames: Record<Operation, { readonly inRefusal: string; readonly operationId: string }> =
  {
    chat: { inRefusal: "chatCompletion", operationId: "ChatCompletions_Create" },
    completions: { inRefusal: "completion", operationId: "Completions_Create" },
    embeddings: { inRefusal: "embeddings", operationId: "Embeddings_Create" },
    responses: { inRefusal: "responses", operationId: "Responses_Create" },
    imageGenerations: { inRefusal: "imageGenerations", operationId: "ImageGenerations_Create" },
    imageEdits: { inRefusal: "imageEdits", operationId: "ImageEdits_Create" },
    transcriptions: { inRefusal: "audioTranscription", operationId: "Transcriptions_Create" },
    translations: { inRefusal: "audioTranslation", operationId: "Translations_Create" },
    speech: { inRefusal: "textToSpeech", operationId: "Speech_Create" },
  };
