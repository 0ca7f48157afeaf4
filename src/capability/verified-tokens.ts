/**
 * The tokens whose signature and claims this isolate has verified: an agent's next call need not pay for that again.
 * Only what no clock and no rotation can change is kept; the verifier judges those on every call. Keyed by the signing
 * input (DESIGN section 5), found only by the whole token. Values, never promises: workerd lets no request await
 * another's work.
 */
import { equalInConstantTime } from "../kernel/digest.ts";
import { utf8Bytes, utf8Text } from "../kernel/encoding.ts";
import { MAX_TOKEN_BYTES } from "../kernel/token-limits.ts";
import type { Capability } from "./claims.ts";
import type { VerificationKey } from "./key-ring.ts";

export interface VerifiedToken {
  /** The key that verified it, which may since have left the ring. */
  readonly key: VerificationKey;
  /** Shared by all requests with this token, so frozen to its depth once it is remembered. */
  readonly capability: Capability;
}

export interface VerifiedTokens {
  find(token: string): VerifiedToken | undefined;
  remember(token: string, verified: VerifiedToken): void;
}

interface Entry {
  readonly signature: string;
  readonly verified: VerifiedToken;
}

export function createVerifiedTokens(maxEntries: number): VerifiedTokens {
  /** Signing input → the signature that was verified over it; oldest first. */
  const entries = new Map<string, Entry>();

  return {
    find(token) {
      if (token.length > MAX_TOKEN_BYTES) return undefined;
      const { signingInput, signature } = partsOf(token);
      const entry = entries.get(signingInput);
      // An early exit would tell by its time how much of a guessed signature is right.
      return entry !== undefined && equalInConstantTime(entry.signature, signature)
        ? entry.verified
        : undefined;
    },
    remember(token, verified) {
      // A part of a header's value would keep the whole value in memory, and that is as long as a client likes.
      const { signingInput, signature } = partsOf(utf8Text(utf8Bytes(token)) ?? token);
      freeze(verified.capability);
      entries.set(signingInput, { signature, verified });
      const [oldest] = entries.keys();
      if (oldest !== undefined && entries.size > maxEntries) entries.delete(oldest);
    },
  };
}

/** Two tokens are one exactly if both parts are equal. */
function partsOf(token: string): { readonly signingInput: string; readonly signature: string } {
  const dot = token.lastIndexOf(".");
  return { signingInput: token.slice(0, Math.max(0, dot)), signature: token.slice(dot + 1) };
}

function freeze(value: object): void {
  Object.freeze(value);
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null) freeze(inner);
  }
}
