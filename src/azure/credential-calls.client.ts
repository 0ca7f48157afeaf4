/** Calls for credentials by fetch. Redirects are answers: followed, they would carry an assertion or a token elsewhere. */
import { utf8Text } from "../kernel/encoding.ts";
import { MAX_CREDENTIAL_ANSWER_BYTES } from "../kernel/limits.ts";
import { readBoundedBytes } from "../kernel/read-bounded-bytes.ts";
import type { CredentialCalls } from "./credential-calls.ts";

export function createCredentialCalls(): CredentialCalls {
  return {
    async ask({ method, url, headers, body }, signal) {
      const answer = await fetch(url, { method, headers, body, signal, redirect: "manual" });
      // A declared length is that of what was sent, which may have been compressed.
      const bytes = await readBoundedBytes(
        { headers: new Headers(), body: answer.body },
        MAX_CREDENTIAL_ANSWER_BYTES,
      );
      return { status: answer.status, json: bytes.ok ? jsonOf(bytes.value) : undefined };
    },
  };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(bytes) ?? "");
  } catch {
    return undefined;
  }
}
