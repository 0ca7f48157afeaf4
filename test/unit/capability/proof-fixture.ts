// Holders of both kinds of key, tokens that are bound to them, and proofs: right ones, and whatever else could be sent.
import { CompactSign, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { type HolderKey, HolderKey as Key, Thumbprint } from "../../../src/capability/holder-key.ts";
import { type ProvenRequest, verifyProof } from "../../../src/capability/verify-proof.ts";
import { fromBase64Url, toBase64Url, utf8Bytes } from "../../../src/kernel/encoding.ts";
import { NOW_SECONDS } from "./token-fixture.ts";

export interface Holder {
  readonly algorithm: "EdDSA" | "ES256";
  readonly publicKey: HolderKey;
  readonly thumbprint: Thumbprint;
  sign(header: object, claims: object): Promise<string>;
}

export async function newHolder(algorithm: Holder["algorithm"]): Promise<Holder> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const key = Key.parse(await exportJWK(publicKey));
  return {
    algorithm,
    publicKey: key,
    thumbprint: Thumbprint.parse(await calculateJwkThumbprint(key, "sha256")),
    async sign(header, claims) {
      const jws = await new CompactSign(utf8Bytes(JSON.stringify(claims)))
        // jose signs whatever header it is given, as long as it names the algorithm.
        .setProtectedHeader({ alg: algorithm, ...header })
        .sign(privateKey);
      return algorithm === "ES256" ? withS(jws, (s) => (s > ORDER / 2n ? ORDER - s : s)) : jws;
    },
  };
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other one of the two signatures that verify alike. */
export const withHighS = (jws: string): string => withS(jws, (s) => ORDER - s);

function withS(jws: string, change: (s: bigint) => bigint): string {
  const [header, payload, signature = ""] = jws.split(".");
  const bytes = fromBase64Url(signature) ?? new Uint8Array();
  const hex = Buffer.from(bytes.slice(32)).toString("hex");
  const s = change(BigInt(`0x${hex}`))
    .toString(16)
    .padStart(64, "0");
  bytes.set(Buffer.from(s, "hex"), 32);
  return `${header}.${payload}.${toBase64Url(bytes)}`;
}

export const holders = { EdDSA: await newHolder("EdDSA"), ES256: await newHolder("ES256") };

export const URL_OF_CALL = "https://gateway.test/openai/v1/chat/completions";
export const request: ProvenRequest = { method: "POST", urls: [URL_OF_CALL] };
export const TOKEN = "a.capability.token";

export const athOf = async (token: string): Promise<string> =>
  toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8Bytes(token))));

export const headerOf = ({ algorithm, publicKey }: Holder) => ({
  typ: "dpop+jwt",
  alg: algorithm,
  jwk: publicKey,
});

export const claimsOf = async (changes: object = {}) => ({
  jti: "one-proof",
  htm: "POST",
  htu: URL_OF_CALL,
  iat: NOW_SECONDS,
  ath: await athOf(TOKEN),
  ...changes,
});

export const proofBy = async (holder: Holder, changes: object = {}, header: object = {}): Promise<string> =>
  holder.sign({ ...headerOf(holder), ...header }, await claimsOf(changes));

export async function proofVerdict(
  proof: string,
  holder: Holder,
  { token = TOKEN, asked = request, nowMs = NOW_SECONDS * 1_000 } = {},
): Promise<string> {
  const verified = await verifyProof(proof, { token, holderKey: holder.thumbprint }, asked, nowMs);
  return verified.ok ? "accepted" : verified.error.code;
}
