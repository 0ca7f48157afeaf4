/**
 * Counts the tokens of a text: pieces by the tokenizer's pattern, and in each piece the pair of neighbours with the
 * lowest rank merged again and again (byte-pair encoding). What looks like a special token is text like any other.
 */
import { utf8Bytes } from "../kernel/encoding.ts";
import { type Encoding, piecePattern } from "./encoding.ts";
import type { TokenRanks } from "./token-ranks.ts";

/** Never less than the tokens of the text. */
export type CountTokens = (text: string) => number;

/**
 * Merging takes the square of a piece's length, and a text without spaces is one piece: beyond this a piece counts as
 * its bytes. Words are far shorter, in any script.
 */
const MAX_PIECE_BYTES = 200;

const NO_RANK = 0x7fffffff;

export function createTokenCounter(encoding: Encoding, { rankOf }: TokenRanks): CountTokens {
  const pattern = piecePattern(encoding);
  /** Of the parts that are left of a piece, by their first byte: where the next begins, and the rank of both merged. */
  const next = new Int32Array(MAX_PIECE_BYTES);
  const ranks = new Int32Array(MAX_PIECE_BYTES);

  const mergedParts = (bytes: Uint8Array, from: number, length: number): number => {
    const rankOfPair = (part: number): number => {
      const second = next[part] ?? length;
      if (second >= length) return NO_RANK;
      const rank = rankOf(bytes, from + part, from + (next[second] ?? length));
      return rank === -1 ? NO_RANK : rank;
    };
    for (let part = 0; part < length; part += 1) next[part] = part + 1;
    for (let part = 0; part < length; part += 1) ranks[part] = rankOfPair(part);
    for (let parts = length; ; parts -= 1) {
      let lowest = NO_RANK;
      let chosen = -1;
      let beforeChosen = -1;
      for (let part = 0, before = -1; part < length; before = part, part = next[part] ?? length) {
        const rank = ranks[part] ?? NO_RANK;
        if (rank >= lowest) continue;
        lowest = rank;
        chosen = part;
        beforeChosen = before;
      }
      if (chosen === -1) return parts;
      next[chosen] = next[next[chosen] ?? length] ?? length;
      ranks[chosen] = rankOfPair(chosen);
      if (beforeChosen !== -1) ranks[beforeChosen] = rankOfPair(beforeChosen);
    }
  };

  return (text) => {
    // Azure gets the replacement character for half of a pair, as our own encoder writes it.
    const wellFormed = text.toWellFormed();
    const bytes = utf8Bytes(wellFormed);
    let tokens = 0;
    let from = 0;
    for (const [piece] of wellFormed.matchAll(pattern)) {
      const length = utf8Length(piece);
      if (length > MAX_PIECE_BYTES) tokens += length;
      else if (rankOf(bytes, from, from + length) !== -1) tokens += 1;
      else tokens += mergedParts(bytes, from, length);
      from += length;
    }
    // The patterns leave nothing out; what one ever did would count as its bytes.
    return tokens + (bytes.length - from);
  };
}

/** Of well-formed text: a pair of surrogates is four bytes. */
function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return length;
}
