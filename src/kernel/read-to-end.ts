/** A body read to its end of which only the beginning is kept, so that a large one costs no memory. */
import { joinedBytes } from "./joined-bytes.ts";

export interface ReadBody {
  readonly beginning: Uint8Array;
  readonly isWhole: boolean;
}

/** Rejects where the body breaks off. */
export async function readToEnd(
  body: ReadableStream<Uint8Array> | null,
  maxKeptBytes: number,
): Promise<ReadBody> {
  const kept: Uint8Array[] = [];
  let room = maxKeptBytes;
  let isWhole = true;
  for await (const chunk of body ?? []) {
    isWhole &&= chunk.length <= room;
    if (room > 0) kept.push(chunk.subarray(0, room));
    room -= Math.min(room, chunk.length);
  }
  return { beginning: joinedBytes(kept), isWhole };
}
