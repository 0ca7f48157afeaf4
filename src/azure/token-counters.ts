/** The tokenizers of an isolate: each is read when a prompt is first counted with it, and kept. */
import { type CountTokens, createTokenCounter } from "./count-tokens.ts";
import type { Encoding } from "./encoding.ts";
import { readTokenRanks } from "./token-ranks.ts";

export type TokenCounters = (encoding: Encoding) => Promise<CountTokens>;

/** @param loaders the vocabularies, packed and compressed with gzip. */
export function createTokenCounters(
  loaders: Readonly<Record<Encoding, () => Promise<ArrayBuffer>>>,
): TokenCounters {
  const known = new Map<Encoding, Promise<CountTokens>>();
  return (encoding) => {
    const counter = known.get(encoding) ?? read(encoding, loaders[encoding]);
    known.set(encoding, counter);
    // One that could not be read is read again next time.
    counter.catch(() => known.delete(encoding));
    return counter;
  };
}

async function read(encoding: Encoding, load: () => Promise<ArrayBuffer>): Promise<CountTokens> {
  const unpacked = new Blob([await load()]).stream().pipeThrough(new DecompressionStream("gzip"));
  return createTokenCounter(encoding, readTokenRanks(await new Response(unpacked).bytes()));
}
