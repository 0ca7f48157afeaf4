/** Identifiers and paddings that are fresh each time, as Azure's are; nothing may depend on their value. */
import { randomBytes } from "node:crypto";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** Azure pads every chunk to a varying length, so that token lengths cannot be read from packet sizes. */
export function obfuscation(): string {
  return randomText(2 + ((randomBytes(1)[0] ?? 0) % 14));
}
