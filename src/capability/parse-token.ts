/**
 * The strict reading of a token before any cryptography: its one spelling, a header of exactly three members, a key of
 * ours. Total on any input, and cheap: nothing is decoded that is longer than a token of ours can be.
 */
import * as z from "zod";
import { utf8Bytes } from "../kernel/encoding.ts";
import { type RefusalCode, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { MAX_TOKEN_BYTES } from "../kernel/token-limits.ts";
import { looksLikeCompactJws, readCompactJws } from "./compact-jws.ts";
import { jwsTypes } from "./jws-types.ts";
import { type KeyRing, TOKEN_ALGORITHM, type VerificationKey } from "./key-ring.ts";

/** RFC 9068; tells a capability from every other JWT that the same key might sign. */
export const TOKEN_TYPE = jwsTypes.token;

/** Nothing else: `jwk`, `jku`, `x5u`, `x5c`, `crit`, `b64` and `zip` let a token choose how it is verified. */
const TokenHeader = z.strictObject({ alg: z.string(), typ: z.literal(TOKEN_TYPE), kid: z.string() });

export interface ParsedToken {
  /** The key the header names; its one algorithm is the header's. */
  readonly key: VerificationKey;
}

export function parseToken(token: string, keys: KeyRing["keys"]): Result<ParsedToken> {
  if (token.length > MAX_TOKEN_BYTES) return refused("token_too_large");
  const jws = readCompactJws(token);
  if (jws === undefined) {
    // Only in what is no JWS can a character be more than a byte.
    const isLong = !looksLikeCompactJws(token) && utf8Bytes(token).length > MAX_TOKEN_BYTES;
    return refused(isLong ? "token_too_large" : "token_malformed");
  }
  const header = TokenHeader.safeParse(jws.header);
  if (!header.success) return refused("token_header_invalid");
  if (header.data.alg !== TOKEN_ALGORITHM) return refused("token_algorithm_invalid");
  const key = keys.get(header.data.kid);
  return key === undefined ? refused("token_key_unknown") : ok({ key });
}

const refused = (code: RefusalCode) => fail(refuse(code));
