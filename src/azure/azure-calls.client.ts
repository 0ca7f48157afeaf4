/** Calls to Azure by fetch. Redirects are answers, never followed: they would carry the key to another host. */
import type { AzureCalls, AzureRequest } from "./azure-calls.ts";

export function createAzureCalls(): AzureCalls {
  return {
    send: ({ url, method = "POST", headers, body, signal }) =>
      fetch(url, { method, headers, body: bodyOf(body), signal, redirect: "manual" }),
  };
}

function bodyOf(body: AzureRequest["body"]): BodyInit | null {
  if (body === null || typeof body === "string") return body;
  // Of a known length: not everything before Azure takes a form whose length it is not told.
  const { readable, writable } = new FixedLengthStream(body.reduce((sum, { length }) => sum + length, 0));
  // Where it cannot be sent whole, the call fails, and says so.
  write(writable.getWriter(), body).catch(() => undefined);
  return readable;
}

async function write(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  pieces: readonly Uint8Array[],
): Promise<void> {
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}
