// Room grows with what comes, and shrinks again: what waits for a quiet stream is small.
import { expect, it } from "vitest";
import { createPieceReader } from "../../../src/gateway/piece-reader.ts";

/** A stream of pieces of these sizes, and the room that each was asked for with (null: the runtime's own). */
function sourceOf(sizes: readonly number[]) {
  const asked: (number | null)[] = [];
  const left = [...sizes];
  const stream = new ReadableStream(
    {
      type: "bytes",
      pull(controller) {
        const size = left.shift();
        const request = controller.byobRequest;
        if (size === undefined) {
          controller.close();
          request?.respond(0);
          return;
        }
        asked.push(request?.view?.byteLength ?? null);
        const piece = new Uint8Array(size).fill(sizes.length - left.length);
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, asked };
}

it("reads in large pieces for as long as they are filled", async () => {
  const sizes = [200, 4_096, 65_536, 65_536, 1_000, 200, 4_095, 9_000];
  const { stream, asked } = sourceOf(sizes);
  const pieces = createPieceReader(stream);
  const came: Uint8Array[] = [];
  for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
    pieces.came(piece.value.length);
    came.push(piece.value);
  }
  expect(came.map(({ length }) => length)).toEqual(sizes);
  expect(came.map(([first]) => first)).toEqual(sizes.map((_, index) => index + 1));
  expect(asked).toEqual([null, null, 65_536, 65_536, 65_536, null, null, null]);
});
