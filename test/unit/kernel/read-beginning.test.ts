import fc from "fast-check";
import { expect, it } from "vitest";
import { joinedBytes } from "../../../src/kernel/joined-bytes.ts";
import { readBeginning } from "../../../src/kernel/read-beginning.ts";

it("keeps what a body begins with, however it comes, and reads it to its end", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(100), async (chunks, max) => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const chunk = chunks[sent];
          sent += 1;
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
      });
      expect(await readBeginning(body, max)).toEqual(joinedBytes(chunks).slice(0, max));
      expect(sent).toBe(chunks.length + 1);
    }),
  );
  expect(await readBeginning(null, 9)).toEqual(new Uint8Array());
});
