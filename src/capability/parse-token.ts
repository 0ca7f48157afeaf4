/**
 * The strict reading of a token before any cryptography. jose tolerates whitespace inside segments, non-canonical
 * base64url and duplicate members, so that many strings would be one token; here exactly one string is. Total on
 * any input, and cheap: nothing is decoded that is longer than a token of ours can be.
 */
import * as z from "zod";
import { fromBase64Url, utf8Bytes, utf8Text } from "../kernel/encoding.ts";
import { MAX_TOKEN_BYTES } from "../kernel/limits.ts";
import { type RefusalCode, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type KeyRing, TOKEN_ALGORITHM, type VerificationKey } from "./key-ring.ts";

/** RFC 9068; tells a capability from every other JWT that the same key might sign. */
export const TOKEN_TYPE = "at+jwt";

const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Nothing else: `jwk`, `jku`, `x5u`, `x5c`, `crit`, `b64` and `zip` let a token choose how it is verified. */
const TokenHeader = z.strictObject({ alg: z.string(), typ: z.literal(TOKEN_TYPE), kid: z.string() });

export interface ParsedToken {
  /** The key the header names; its one algorithm is the header's. */
  readonly key: VerificationKey;
}

export function parseToken(token: string, keys: KeyRing["keys"]): Result<ParsedToken> {
  if (token.length > MAX_TOKEN_BYTES) return refused("token_too_large");
  if (!COMPACT_JWS.test(token)) {
    // Only here can a character be more than a byte.
    return refused(utf8Bytes(token).length > MAX_TOKEN_BYTES ? "token_too_large" : "token_malformed");
  }
  const [headerSegment = "", payloadSegment = "", signatureSegment = ""] = token.split(".");
  const headerJson = canonicalJsonObject(headerSegment);
  const payloadJson = canonicalJsonObject(payloadSegment);
  if (
    headerJson === undefined ||
    payloadJson === undefined ||
    fromBase64Url(signatureSegment) === undefined
  ) {
    return refused("token_malformed");
  }
  const header = TokenHeader.safeParse(headerJson);
  if (!header.success) return refused("token_header_invalid");
  if (header.data.alg !== TOKEN_ALGORITHM) return refused("token_algorithm_invalid");
  const key = keys.get(header.data.kid);
  return key === undefined ? refused("token_key_unknown") : ok({ key });
}

const refused = (code: RefusalCode) => fail(refuse(code));

/**
 * The object a segment carries, or undefined. We only sign what JSON.stringify writes: whatever does not survive the
 * round trip (duplicate members, odd escapes or numbers, whitespace, a byte order mark) was never ours.
 */
function canonicalJsonObject(segment: string): object | undefined {
  const bytes = fromBase64Url(segment);
  const text = bytes && utf8Text(bytes);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
    return isObject && JSON.stringify(json) === text ? json : undefined;
  } catch {
    return undefined;
  }
}
