/**
 * Which operations prove that a deployment answers. An Azure deployment has one model, but a model that draws says nothing
 * of one that listens: each action that is stated is called, and where none is, what the model's name makes likely.
 */
import type { Deployment, ModelAction } from "../azure/deployment.ts";
import type { OperationName } from "../azure/operation.ts";
import { silentAction } from "../azure/silent-model.ts";

/** Who may generate may edit: an edit would cost a second picture and prove nothing more. */
export type CheckedOperation = Exclude<OperationName, "images/edits">;

export interface PlannedCheck {
  /** In turn, while Azure says that the model does not support it: a refusal that it does not bill. */
  readonly operations: readonly [CheckedOperation, ...CheckedOperation[]];
  /** A picture costs cents, so it is asked for or not called. */
  readonly isCalled: boolean;
}

const called = (...operations: PlannedCheck["operations"]): PlannedCheck => ({ operations, isCalled: true });

/** Of text: newer models are served by Responses alone, the oldest by completions. */
const text: readonly PlannedCheck[] = [called("chat/completions", "responses", "completions")];

const planned: Readonly<
  Record<ModelAction, (model: string, withPictures: boolean) => readonly PlannedCheck[]>
> = {
  chat: () => [called("chat/completions")],
  completion: () => [called("completions")],
  embedding: () => [called("embeddings")],
  response: () => [called("responses")],
  image: (_model, withPictures) => [{ operations: ["images/generations"], isCalled: withPictures }],
  audio: (model) => soundsOf(model),
};

const sounds: readonly (readonly [names: RegExp, checks: readonly PlannedCheck[]])[] = [
  [/whisper/i, [called("audio/transcriptions"), called("audio/translations")]],
  [/transcribe/i, [called("audio/transcriptions")]],
  [/tts/i, [called("audio/speech")]],
];
const unknownSound = [called("audio/transcriptions", "audio/speech")];

const soundsOf = (model: string): readonly PlannedCheck[] =>
  sounds.find(([names]) => names.test(model))?.[1] ?? unknownSound;

/** @param withPictures whether a picture may be made, and paid for. */
export function checkPlanOf(
  { model, maxOutputTokens, actions }: Pick<Deployment, "model" | "maxOutputTokens" | "actions">,
  withPictures: boolean,
): readonly PlannedCheck[] {
  if (actions === undefined && maxOutputTokens > 0) return text;
  const served = new Set<ModelAction>(actions ?? [silentAction(model) ?? "embedding"]);
  return [...served].flatMap((action) => planned[action](model, withPictures));
}
