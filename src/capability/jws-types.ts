/**
 * The `typ` of everything that is signed around this gateway (RFC 8725, section 3.11). Each kind has its own, and keys of
 * its own: whoever verifies one kind refuses the others by either. A test holds every kind against every verifier.
 */
export const jwsTypes = {
  /** RFC 9068. */
  token: "at+jwt",
  receipt: "portcullis-receipt+jwt",
  /** Reserved for the signed heads of the audit log. */
  checkpoint: "portcullis-checkpoint+jwt",
  /** RFC 9449: that a token's holder has its key. Signed by agents, never here. */
  proof: "dpop+jwt",
  /** Entra documents no other: issuer, algorithm and key tell it from the rest. */
  assertion: "JWT",
} as const;
export type JwsKind = keyof typeof jwsTypes;
