/** Models that generate no text, by their names: what each is for. */
import type { ModelAction } from "./deployment.ts";

const silentModels = [
  ["embedding", /embedding/i],
  ["image", /image|dall-e/i],
  ["audio", /whisper|transcribe|tts/i],
] as const satisfies readonly (readonly [ModelAction, RegExp])[];

/** Undefined where the name tells none of these. */
export const silentAction = (model: string): (typeof silentModels)[number][0] | undefined =>
  silentModels.find(([, names]) => names.test(model))?.[0];
