/**
 * A body's bytes, within bounds: the declared length is a claim, so bytes are counted as they stream in and reading
 * stops at the first one too many.
 */
import { joinedBytes } from "./joined-bytes.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";

export interface BodySource {
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

export async function readBoundedBytes(
  { headers, body }: BodySource,
  maxBytes: number,
): Promise<Result<Uint8Array>> {
  const declared = Number(headers.get("content-length") ?? 0);
  if (declared > maxBytes) return fail(tooLarge(maxBytes));
  if (body === null) return ok(new Uint8Array());
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(joinedBytes(chunks));
      length += value.length;
      if (length > maxBytes) {
        // Not awaited: a sender that never ends must not hold up the answer.
        reader.cancel().catch(() => undefined);
        return fail(tooLarge(maxBytes));
      }
      chunks.push(value);
      // HTTP ends a body at its declared length: to read its end as well would cost as much as reading the body.
      if (length > 0 && length === declared) return ok(joinedBytes(chunks));
    }
  } catch {
    return fail(refuse("body_invalid", { message: "The body broke off before its end." }));
  }
}

const tooLarge = (maxBytes: number): Refusal =>
  refuse("body_too_large", { message: `The body is larger than ${maxBytes} bytes.` });
