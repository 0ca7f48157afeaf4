/** What a 401 tells an OAuth client: how to authenticate, and where to find out more (RFC 6750, section 3; RFC 9728, section 5.1). */
import type { RefusalCode } from "../kernel/refusal.ts";

/** Whoever sent no credential has made no mistake yet; every other 401 is about the token that was sent. */
const errors: Partial<Readonly<Record<RefusalCode, string | null>>> = {
  token_missing: null,
  credentials_conflict: "invalid_request",
};

export function challengeOf(code: RefusalCode, resourceMetadata: string): string {
  const error = errors[code] === undefined ? "invalid_token" : errors[code];
  const parameters = [
    ...(error === null ? [] : [`error="${error}"`]),
    // A URL as the platform writes it holds no quotation mark.
    `resource_metadata="${resourceMetadata}"`,
  ];
  return `Bearer ${parameters.join(", ")}`;
}
