/**
 * A tokenizer's vocabulary as it lies packed in token-ranks/*.bin: tokens in the order of their ranks, each as one byte
 * of length and its bytes. Kept as bytes with a hash table over them: 200,000 strings would cost ten times the start.
 */

export interface TokenRanks {
  /** The rank of these bytes as one token; -1 where they are none. */
  rankOf(bytes: Uint8Array, from: number, to: number): number;
}

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export function readTokenRanks(packed: Uint8Array): TokenRanks {
  const starts = startsOf(packed);
  const mask = 2 ** Math.ceil(Math.log2(starts.length * 2)) - 1;
  /** Ranks plus one by hash; 0 = free. */
  const slots = new Int32Array(mask + 1);

  const hashOf = (bytes: Uint8Array, from: number, to: number): number => {
    let hash = FNV_BASIS;
    for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), FNV_PRIME);
    return (hash ^ (hash >>> 15)) & mask;
  };

  for (const [rank, start] of starts.entries()) {
    let slot = hashOf(packed, start, start + (packed[start - 1] ?? 0));
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = rank + 1;
  }

  return {
    rankOf(bytes, from, to) {
      const length = to - from;
      for (let slot = hashOf(bytes, from, to); ; slot = (slot + 1) & mask) {
        const rank = (slots[slot] ?? 0) - 1;
        if (rank === -1) return -1;
        const start = starts[rank] ?? 0;
        if (packed[start - 1] !== length) continue;
        let same = 0;
        while (same < length && packed[start + same] === bytes[from + same]) same += 1;
        if (same === length) return rank;
      }
    },
  };
}

/** Where each token's bytes begin. */
function startsOf(packed: Uint8Array): readonly number[] {
  const starts: number[] = [];
  for (let at = 0; at < packed.length; at += 1 + (packed[at] ?? 0)) starts.push(at + 1);
  return starts;
}
