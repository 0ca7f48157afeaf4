/**
 * What a 401 tells an OAuth client: how to authenticate, what was wrong, and where to find out more (RFC 6750, section 3; of
 * proofs RFC 9449, section 7.1; RFC 9728, section 5.1).
 */
import type { RefusalCode } from "./refusal.ts";

/** Whoever sent no credential has made no mistake yet; every other 401 is about the token that was sent, or its proof. */
const errors: Partial<Readonly<Record<RefusalCode, string | null>>> = {
  token_missing: null,
  credentials_conflict: "invalid_request",
};

/** A client learns that bearing the token is not enough, or what is wrong with its proof. */
const isAboutProof = (code: RefusalCode): boolean => code.startsWith("proof_");

function errorOf(code: RefusalCode): string | null {
  if (isAboutProof(code) && code !== "proof_missing") return "invalid_dpop_proof";
  const error = errors[code];
  return error === undefined ? "invalid_token" : error;
}

/** @param resourceMetadata its URL; null where the answer is none of the protected resource. */
export function challengeOf(code: RefusalCode, resourceMetadata: string | null): string {
  const error = errorOf(code);
  const parameters = [
    ...(error === null ? [] : [`error="${error}"`]),
    ...(isAboutProof(code) ? ['algs="EdDSA ES256"'] : []),
    // A URL as the platform writes it holds no quotation mark.
    ...(resourceMetadata === null ? [] : [`resource_metadata="${resourceMetadata}"`]),
  ];
  return `${isAboutProof(code) ? "DPoP" : "Bearer"} ${parameters.join(", ")}`;
}
