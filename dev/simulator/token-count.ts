/**
 * The simulator's own, deliberately simple tokenizer: one word, with the blanks before it, is one token.
 * Chat and Responses add 4 per message and 3 per request; an image part counts 85, and the tools the words
 * of their JSON. Tests can therefore say the exact usage of a prompt.
 */
export const tokensPerMessage = 4;
export const tokensPerRequest = 3;
export const tokensPerImage = 85;

export function splitTokens(text: string): readonly string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

export function countTokens(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
