/**
 * The body of an answer that comes whole, in bytes. Headers are no promise: a body that stalls after them is given up
 * after the same silence as a stream.
 */
import { joinedBytes } from "../kernel/joined-bytes.ts";
import type { UpstreamCutoff } from "./upstream-cutoff.ts";

/** What is no longer than this comes within one silence or not at all, so it need not be watched chunk by chunk. */
const ONE_WAIT_MAX_BYTES = 256 * 1024;

/** Undefined when it broke off or was cut. */
export async function readAnswer(
  answer: Response,
  cutoff: Pick<UpstreamCutoff, "chunkAwaited" | "chunkArrived">,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const declaredBytes = Number(answer.headers.get("content-length") ?? Number.NaN);
  try {
    return declaredBytes <= ONE_WAIT_MAX_BYTES || answer.body === null
      ? await inOneWait(answer, cutoff)
      : await byChunks(answer.body, cutoff);
  } catch {
    return undefined;
  }
}

type Watch = Parameters<typeof readAnswer>[1];

async function inOneWait(answer: Response, cutoff: Watch): Promise<Uint8Array<ArrayBuffer>> {
  cutoff.chunkAwaited();
  const bytes = await answer.arrayBuffer();
  cutoff.chunkArrived();
  return new Uint8Array(bytes);
}

async function byChunks(body: ReadableStream<Uint8Array>, cutoff: Watch): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    cutoff.chunkAwaited();
    const { done, value } = await reader.read();
    cutoff.chunkArrived();
    // What comes over a wire is never shared memory.
    if (done) return joinedBytes(chunks) as Uint8Array<ArrayBuffer>;
    chunks.push(value);
  }
}
