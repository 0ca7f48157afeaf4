/** Every bound of capability tokens, of proofs of possession and of the keys behind both, with its unit and its reason. */

/** Our tokens are some 1 KB, below 4 KB four exchanges deep; beyond this, headers near proxies' own limits (8 KB) only serve an attacker. */
export const MAX_TOKEN_BYTES = 8_192;

/** Life of a token when `expiresIn` is absent, and at most (DESIGN section 5). */
export const TOKEN_DEFAULT_SECONDS = 900;
export const TOKEN_MAX_SECONDS = 3_600;

/** How long whoever verifies by our published keys may keep them. A key signs no sooner after it was published. */
export const JWKS_CACHE_SECONDS = 300;

/** Issuing reads states and then signs: a token may say this much after its key was retired. Covers clocks that differ. */
export const KEY_RETIRED_GRACE_SECONDS = 60;

/** The published keys are anybody's to ask for: an isolate reads their states again after this time, not for each. */
export const JWKS_READ_EVERY_MS = 1_000;

/** How many times a token may be exchanged, one child after another. */
export const MAX_DELEGATION_DEPTH = 4;

/** Children of one sub-agent that may be alive at once: whoever disables it has all of them revoked before the answer. */
export const MAX_LIVE_DELEGATIONS = 1_000;

/** A token and all that it is refreshed into end within this time from the first one's issue: a working day and its night. */
export const TOKEN_CHAIN_MAX_SECONDS = 86_400;

/** How long a refreshed token may ask again for the very token that replaced it: the answer may have been lost. */
export const REFRESH_AGAIN_MS = 60_000;

/** The part of a token's life after which a client is advised to refresh it: time for many tries is left. */
export const REFRESH_AFTER_PART = 0.5;

/** Refreshed tokens of one agent that have not expired: some thousand processes, each refreshing as it is advised to. */
export const MAX_REFRESHED_TOKENS = 10_000;

/** An end user's name at most; only its hash is kept. */
export const MAX_END_USER_CHARACTERS = 1_000;

/** A proof has some 500 bytes; its `jti` is a UUID or as many random bytes. */
export const MAX_PROOF_BYTES = 2_048;
export const MAX_PROOF_ID_CHARACTERS = 128;

/** How far the clock of whoever made a proof may be from the gateway's, either way. */
export const PROOF_SKEW_SECONDS = 30;

/**
 * How long after it was made a proof may reach the ledger, and how long that remembers it: the skew, and a minute for a
 * body that comes slowly.
 */
export const PROOF_LIFE_SECONDS = 90;

/** Proofs that one ledger remembers: as many as it can answer calls within a proof's life. */
export const MAX_USED_PROOFS = 100_000;

/** How far the issuing clock may be ahead of the verifying one; expiry gets no such grace. */
export const TOKEN_CLOCK_SKEW_SECONDS = 5;

/** An isolate knows this many tokens as verified; with its capability a usual one takes 2 kB, the longest some tens. */
export const MAX_VERIFIED_TOKENS = 1_000;
