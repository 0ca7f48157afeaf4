/**
 * List prices of Azure OpenAI models that are billed by the picture, the minute or the character, in USD. Of each one
 * price is published, wherever Azure processes the call: the factor for zones and regions does not belong to it.
 */
import type { BySizeAndQuality } from "./picture-choice.ts";

/**
 * Collected on this day from the Azure entries of LiteLLM's public price table (per pixel, second and character), which
 * are OpenAI's own list. Not here: dall-e-2, whose entry says that it costs nothing, and gpt-4o-mini-tts, whose price by
 * the minute is an estimate of what its tokens cost.
 */
export const UNIT_PRICES_AS_OF = "2026-11-29";

/** By size and quality. */
export const usdPerPicture: Readonly<Record<string, BySizeAndQuality>> = {
  "dall-e-3": {
    "1024x1024": { standard: 0.04, hd: 0.08 },
    "1024x1792": { standard: 0.08, hd: 0.12 },
    "1792x1024": { standard: 0.08, hd: 0.12 },
  },
};

/** Azure's names of models, and OpenAI's. */
export const usdPerMillionCharacters: Readonly<Record<string, number>> = {
  tts: 15,
  "tts-1": 15,
  "tts-hd": 30,
  "tts-1-hd": 30,
};

export const usdPerAudioMinute: Readonly<Record<string, number>> = {
  whisper: 0.006,
  "whisper-1": 0.006,
};
