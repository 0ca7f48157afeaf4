/** A body read to its end of which only the beginning is kept, so that a large one costs no memory. */
import { joinedBytes } from "./joined-bytes.ts";

/** Rejects where the body breaks off. */
export async function readBeginning(
  body: ReadableStream<Uint8Array> | null,
  maxKeptBytes: number,
): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let room = maxKeptBytes;
  for await (const chunk of body ?? []) {
    if (room > 0) kept.push(chunk.subarray(0, room));
    room -= Math.min(room, chunk.length);
  }
  return joinedBytes(kept);
}
