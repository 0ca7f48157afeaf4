/** When the last has ended of the tokens that a revocation stops: it is kept until then. */
import { SECOND_MS } from "../kernel/clock.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import {
  TOKEN_CHAIN_MAX_SECONDS,
  TOKEN_CLOCK_SKEW_SECONDS,
  TOKEN_MAX_SECONDS,
} from "../kernel/token-limits.ts";

/** No token that was issued before this moment is valid after the end. */
export const endOfTokensBefore = (notBefore: Timestamp): Timestamp =>
  timestampOf(Date.parse(notBefore) + (TOKEN_MAX_SECONDS + TOKEN_CLOCK_SKEW_SECONDS) * SECOND_MS);

/** No token that was issued before this moment, and none that it was refreshed into, is valid after the end. */
export const endOfChainsBefore = (notBefore: Timestamp): Timestamp =>
  timestampOf(Date.parse(notBefore) + (TOKEN_CHAIN_MAX_SECONDS + TOKEN_CLOCK_SKEW_SECONDS) * SECOND_MS);
