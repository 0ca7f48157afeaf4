/**
 * Reads a stream of bytes in pieces as large as they come. The runtime's own reads are small: right for events as models
 * send them, and with a thousand quiet streams for the memory in which they wait; but an event with an image would take
 * hundreds of them, each a turn of the event loop.
 */

/** What the runtime reads at most when it is given no buffer, or more. */
const USUAL_BYTES = 4_096;
const LARGE_BYTES = 65_536;

type Piece = { readonly done: false; readonly value: Uint8Array } | { readonly done: true };

export interface PieceReader {
  read(): Promise<Piece>;
  /** Told of each piece, so that the next one may be larger where this one had no room. */
  came(bytes: number): void;
}

interface Reading {
  readonly read: () => Promise<Piece>;
  readonly roomBytes: number;
  readonly release: () => void;
}

/** @param stream of bytes, as every body from the network is. */
export function createPieceReader(stream: ReadableStream<Uint8Array>): PieceReader {
  let reading = usual(stream);
  let isLarge = false;
  return {
    read: () => reading.read(),
    came(bytes) {
      const isFull = bytes >= reading.roomBytes;
      if (isFull === isLarge) return;
      reading.release();
      isLarge = isFull;
      reading = isLarge ? large(stream) : usual(stream);
    },
  };
}

function usual(stream: ReadableStream<Uint8Array>): Reading {
  const reader = stream.getReader();
  return { read: () => reader.read(), roomBytes: USUAL_BYTES, release: () => reader.releaseLock() };
}

/** Each piece keeps the buffer it came in: it is passed on without a copy. */
function large(stream: ReadableStream<Uint8Array>): Reading {
  const reader = stream.getReader({ mode: "byob" });
  return {
    read: () => reader.read(new Uint8Array(LARGE_BYTES)),
    roomBytes: LARGE_BYTES,
    release: () => reader.releaseLock(),
  };
}
