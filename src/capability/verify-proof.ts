/**
 * Proof of possession (RFC 9449): that whoever presents a token bound to a key holds that key, for this one request. The
 * order is part of the contract: form, key, signature, request, token, time. Whether a proof was used before is for the
 * agent's ledger to tell. Nothing in an unverified proof is believed, and no input makes this throw.
 */
import { type CryptoKey, compactVerify } from "jose";
import * as z from "zod";
import { sha256 } from "../kernel/digest.ts";
import { fromBase64Url, toBase64Url } from "../kernel/encoding.ts";
import { type Refusal, type RefusalCode, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { MAX_PROOF_BYTES, MAX_PROOF_ID_CHARACTERS, PROOF_SKEW_SECONDS } from "../kernel/token-limits.ts";
import type { Capability } from "./claims.ts";
import { readCompactJws } from "./compact-jws.ts";
import { HolderKey, importHolderKey, proofAlgorithms, type Thumbprint, thumbprintOf } from "./holder-key.ts";
import { jwsTypes } from "./jws-types.ts";

export const PROOF_TYPE = jwsTypes.proof;

/** A request as far as a proof is about it. */
export interface ProvenRequest {
  readonly method: string;
  /** Its URL without query and fragment, in each form that a proof may state: the first is the one that is told. */
  readonly urls: readonly [string, ...string[]];
}

/** How a token was presented. */
export interface Presented {
  readonly token: string;
  readonly scheme: "api-key" | "Bearer" | "DPoP" | "body";
  /** The header `DPoP`, several of them joined; null = none. */
  readonly proof: string | null;
}

/** What the ledger remembers of a proof. */
export interface Proof {
  readonly proofId: string;
  readonly issuedAtSeconds: number;
}

/** Nothing else: a header must not bring along how it is verified. */
const ProofHeader = z.strictObject({
  typ: z.literal(PROOF_TYPE),
  alg: z.enum(Object.values(proofAlgorithms)),
  jwk: HolderKey,
});

/** Further claims pass: they are the maker's own. */
const ProofClaims = z.looseObject({
  jti: z.string().min(1).max(MAX_PROOF_ID_CHARACTERS),
  htm: z.string(),
  htu: z.string(),
  iat: z.int().min(0),
  ath: z.string(),
});

/** Null where the token is bound to no key, and nothing pretends that it were. */
export async function provenPossession(
  presented: Presented,
  { holderKey }: Pick<Capability, "holderKey">,
  request: ProvenRequest,
  nowMs: number,
): Promise<Result<Proof | null>> {
  const { token, scheme, proof } = presented;
  if (holderKey === null) return scheme === "DPoP" || proof !== null ? refused("proof_unexpected") : ok(null);
  // A bearer token is what whoever finds it can use.
  if (scheme === "Bearer" || proof === null) return refused("proof_missing");
  return verifyProof(proof, { token, holderKey }, request, nowMs);
}

export async function verifyProof(
  text: string,
  { token, holderKey }: { readonly token: string; readonly holderKey: Thumbprint },
  { method, urls }: ProvenRequest,
  nowMs: number,
): Promise<Result<Proof>> {
  const jws = text.length > MAX_PROOF_BYTES ? undefined : readCompactJws(text);
  const header = ProofHeader.safeParse(jws?.header).data;
  if (jws === undefined || header === undefined || header.alg !== proofAlgorithms[header.jwk.kty])
    return refused("proof_malformed");
  if ((await thumbprintOf(header.jwk)) !== holderKey) return refused("proof_key_mismatch");
  if (!hasLowS(text, header.alg)) {
    const message = "An ES256 signature must have the lower one of its two possible s (n - s in place of s).";
    return refused("proof_signature_invalid", { message });
  }
  // Its thumbprint is that of a key which was looked at when it was registered.
  const key = await importHolderKey(header.jwk);
  if (key === undefined || !(await isSignedBy(key, text, header.alg)))
    return refused("proof_signature_invalid");

  const claims = ProofClaims.safeParse(jws.payload).data;
  if (claims === undefined) return refused("proof_malformed");
  const { jti, htm, htu, iat, ath } = claims;
  if (htm !== method || !urls.includes(htu)) {
    const message = `The proof must be for this request: \`htm\` ${method}, \`htu\` ${urls[0]}.`;
    return refused("proof_request_mismatch", { message });
  }
  if (ath !== toBase64Url(await sha256(token))) return refused("proof_token_mismatch");
  // Written so that a clock that tells no number refuses everything.
  if (!(Math.abs(iat - Math.floor(nowMs / 1_000)) <= PROOF_SKEW_SECONDS)) return refused("proof_outdated");
  return ok({ proofId: await proofIdOf(jti), issuedAtSeconds: iat });
}

const refused = (code: RefusalCode, details: Partial<Pick<Refusal, "message">> = {}) =>
  fail(refuse(code, details));

/** 128 bits tell the proofs of one agent apart; who makes two alike has the second one refused. */
const proofIdOf = async (jti: string): Promise<string> => toBase64Url((await sha256(jti)).slice(0, 16));

/** jose throws for a wrong signature and for one of a wrong length: both say that this key did not sign it. */
async function isSignedBy(key: CryptoKey, text: string, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [algorithm] });
    return true;
  } catch {
    return false;
  }
}

/** Half the order of P-256. */
const HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
const S_BYTES = 32;

/** Of two numbers that verify alike, the lower: otherwise whoever sees a proof could write it in a second way. */
function hasLowS(text: string, algorithm: string): boolean {
  if (algorithm !== proofAlgorithms.EC) return true;
  const signature = fromBase64Url(text.slice(text.lastIndexOf(".") + 1));
  if (signature?.length !== 2 * S_BYTES) return false;
  return signature.slice(S_BYTES).reduce((s, byte) => (s << 8n) | BigInt(byte), 0n) <= HALF_ORDER;
}
