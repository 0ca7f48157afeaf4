// The catalogue of single-token attacks on form, header and signature. Most are signed with our own key: the strictest case, where only the
// reading of the token can refuse it.
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { fromBase64Url, toBase64Url, utf8Bytes } from "../../../src/kernel/encoding.ts";
import {
  foreignRing,
  goodClaims,
  goodHeader,
  keyRing,
  rfc8037Jwk,
  segment,
  signClaims,
  signHeader,
  signSegments,
  signTexts,
  validToken,
  verdictOf,
} from "./token-fixture.ts";

type Attack = readonly [name: string, code: string, forge: () => string | Promise<string>];

const header = JSON.stringify(goodHeader);
const payload = JSON.stringify(goodClaims);
const { alg, typ, kid } = goodHeader;
const valid = await validToken();
const [validHeader = "", validPayload = "", validSignature = ""] = valid.split(".");

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The same bytes to a lax decoder: the unused low bits of the last character are set. */
const withTrailingBits = (text: string): string =>
  `${text.slice(0, -1)}${ALPHABET[ALPHABET.indexOf(text.slice(-1)) | 1]}`;

/** A valid payload whose length is no multiple of three bytes, so that its last character has unused bits. */
const unalignedPayload =
  ["", "a", "ab"]
    .map((role) => JSON.stringify({ ...goodClaims, roles: [`r${role}`] }))
    .find((text) => text.length % 3 === 1) ?? "";

/** The order of the group: adding it to S gives a second signature to a verifier that does not check S < L. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
function withLargerS(signature: string): string {
  const bytes = fromBase64Url(signature) ?? new Uint8Array();
  let s = GROUP_ORDER;
  for (let index = 0; index < 32; index += 1) s += BigInt(bytes[32 + index] ?? 0) << BigInt(8 * index);
  for (let index = 0; index < 32; index += 1) bytes[32 + index] = Number((s >> BigInt(8 * index)) & 255n);
  return toBase64Url(bytes);
}

/** The public key's bytes as an HMAC secret. */
const hmacToken = (name: string): Promise<string> =>
  new SignJWT(goodClaims)
    .setProtectedHeader({ alg: name, typ, kid })
    .sign(fromBase64Url(rfc8037Jwk.x) ?? new Uint8Array());

const form: readonly Attack[] = [
  ["an empty string", "token_malformed", () => ""],
  ["two segments", "token_malformed", () => `${validHeader}.${validPayload}`],
  ["no signature", "token_malformed", () => `${validHeader}.${validPayload}.`],
  ["a JWE's five parts", "token_malformed", () => `${valid}.AAAA.AAAA`],
  [
    "JSON serialisation",
    "token_malformed",
    () => JSON.stringify({ protected: validHeader, payload: validPayload, signature: validSignature }),
  ],
  ["a nested token as payload", "token_malformed", () => signTexts(header, valid)],
  ["leading whitespace", "token_malformed", () => ` ${valid}`],
  ["a trailing newline", "token_malformed", () => `${valid}\n`],
  [
    "whitespace inside a segment",
    "token_malformed",
    () => `${validHeader}.${validPayload.slice(0, 8)} ${validPayload.slice(8)}.${validSignature}`,
  ],
  ["padding", "token_malformed", () => `${valid}==`],
  ["standard base64", "token_malformed", () => valid.replace(".", "+.")],
  ["a full-width dot", "token_malformed", () => valid.replace(".", "．")],
  ["a NUL", "token_malformed", () => `${valid}\0`],
  ["a lone surrogate", "token_malformed", () => `${valid}\ud800`],
  [
    "trailing bits in the signature",
    "token_malformed",
    () => `${validHeader}.${validPayload}.${withTrailingBits(validSignature)}`,
  ],
  [
    "trailing bits in the payload",
    "token_malformed",
    () => signSegments(validHeader, withTrailingBits(segment(unalignedPayload))),
  ],
  ["a segment of an impossible length", "token_malformed", () => `${validHeader}.${validPayload}.AAAAA`],
  ["a token beyond the bound", "token_too_large", () => `${"a".repeat(8_190)}.a.a`],
  ["a megabyte of kid", "token_too_large", () => signHeader({ alg, typ, kid: "k".repeat(1_000_000) })],
  ["a few characters of many bytes", "token_too_large", () => "😀".repeat(2_100)],
  [
    "duplicate members in the header",
    "token_malformed",
    () => signTexts(`{"alg":"none",${header.slice(1)}`, payload),
  ],
  [
    "duplicate members in the payload",
    "token_malformed",
    () => signTexts(header, `{"tid":"tenant-b",${payload.slice(1)}`),
  ],
  [
    "a duplicate member by escape",
    "token_malformed",
    () => signTexts(header, `{"t\\u0069d":"tenant-b",${payload.slice(1)}`),
  ],
  [
    "an odd escape",
    "token_malformed",
    () => signTexts(header, payload.replace("tenant-a", "tenant\\u002da")),
  ],
  ["whitespace in the JSON", "token_malformed", () => signTexts(header, JSON.stringify(goodClaims, null, 1))],
  ["a byte order mark", "token_malformed", () => signTexts(header, `\ufeff${payload}`)],
  [
    "UTF-16",
    "token_malformed",
    () =>
      signSegments(
        validHeader,
        toBase64Url(new Uint8Array([...utf8Bytes(payload)].flatMap((byte) => [byte, 0]))),
      ),
  ],
  [
    "ill-formed UTF-8",
    "token_malformed",
    () => signSegments(validHeader, toBase64Url(new Uint8Array([...utf8Bytes(payload), 0xff]))),
  ],
  ["an array as header", "token_malformed", () => signTexts("[]", payload)],
  ["null as payload", "token_malformed", () => signTexts(header, "null")],
  ["no JSON as payload", "token_malformed", () => signTexts(header, "tid=tenant-a")],
  [
    "deep nesting",
    "token_claims_invalid",
    () => signClaims({ roles: JSON.parse("[".repeat(2_000) + "]".repeat(2_000)) }),
  ],
];

const headerAttacks: readonly Attack[] = [
  ["alg none", "token_algorithm_invalid", () => signHeader({ alg: "none", typ, kid })],
  ["alg nOnE", "token_algorithm_invalid", () => signHeader({ alg: "nOnE", typ, kid })],
  [
    "alg none, unsigned",
    "token_malformed",
    () => `${segment(JSON.stringify({ alg: "none", typ, kid }))}.${validPayload}.`,
  ],
  ["no alg", "token_header_invalid", () => signHeader({ typ, kid })],
  ["alg as an array", "token_header_invalid", () => signHeader({ alg: [alg], typ, kid })],
  ["alg in another case", "token_algorithm_invalid", () => signHeader({ alg: "eddsa", typ, kid })],
  [
    "another name of the same algorithm",
    "token_algorithm_invalid",
    () => signHeader({ alg: "Ed25519", typ, kid }),
  ],
  ["ES256 under an Ed25519 key", "token_algorithm_invalid", () => signHeader({ alg: "ES256", typ, kid })],
  ["ES521", "token_algorithm_invalid", () => signHeader({ alg: "ES521", typ, kid })],
  ["HS256 with the public key", "token_algorithm_invalid", () => hmacToken("HS256")],
  ["HS512 with the public key", "token_algorithm_invalid", () => hmacToken("HS512")],
  [
    "alg none under an unknown kid",
    "token_algorithm_invalid",
    () => signHeader({ alg: "none", typ, kid: "x" }),
  ],
  ["no kid", "token_header_invalid", () => signHeader({ alg, typ })],
  ["an unknown kid", "token_key_unknown", () => signHeader({ alg, typ, kid: foreignRing.signers[0].keyId })],
  ["an empty kid", "token_key_unknown", () => signHeader({ alg, typ, kid: "" })],
  ["a path as kid", "token_key_unknown", () => signHeader({ alg, typ, kid: "../../dev/null" })],
  ["SQL as kid", "token_key_unknown", () => signHeader({ alg, typ, kid: "' OR 1=1 --" })],
  ["a prototype's member as kid", "token_key_unknown", () => signHeader({ alg, typ, kid: "__proto__" })],
  ["a number as kid", "token_header_invalid", () => signHeader({ alg, typ, kid: 0 })],
  ...(["jwk", "jku", "x5u", "x5c", "x5t", "zip", "cty", "enc", "p2c"] as const).map(
    (name): Attack => [
      `the header ${name}`,
      "token_header_invalid",
      () => signHeader({ ...goodHeader, [name]: "x" }),
    ],
  ),
  [
    "an embedded key",
    "token_header_invalid",
    () => signHeader({ ...goodHeader, jwk: { kty: "OKP", crv: "Ed25519", x: rfc8037Jwk.x } }),
  ],
  ["crit", "token_header_invalid", () => signHeader({ ...goodHeader, crit: ["b64"] })],
  ["b64=false", "token_header_invalid", () => signHeader({ ...goodHeader, b64: false, crit: ["b64"] })],
  [
    "an own __proto__",
    "token_header_invalid",
    () => signTexts(`${header.slice(0, -1)},"__proto__":{}}`, payload),
  ],
  ["no typ", "token_header_invalid", () => signHeader({ alg, kid })],
  ...(["JWT", "AT+JWT", "application/at+jwt", "dpop+jwt", "id_token+jwt", "checkpoint", ""] as const).map(
    (other): Attack => [
      `typ ${other || "empty"}`,
      "token_header_invalid",
      () => signHeader({ alg, typ: other, kid }),
    ],
  ),
];

const signatures: readonly Attack[] = [
  [
    "signed by another key under our kid",
    "token_signature_invalid",
    () => signTexts(header, payload, foreignRing),
  ],
  [
    "a signature of zeros",
    "token_signature_invalid",
    () => `${validHeader}.${validPayload}.${toBase64Url(new Uint8Array(64))}`,
  ],
  [
    "a small-order R with S = 0",
    "token_signature_invalid",
    () => `${validHeader}.${validPayload}.${toBase64Url(new Uint8Array(64).fill(1, 0, 1))}`,
  ],
  ["S + L", "token_signature_invalid", () => `${validHeader}.${validPayload}.${withLargerS(validSignature)}`],
  [
    "half a signature",
    "token_signature_invalid",
    () => `${validHeader}.${validPayload}.${toBase64Url(new Uint8Array(32))}`,
  ],
  [
    "another payload",
    "token_signature_invalid",
    () => `${validHeader}.${segment(payload.replace("tenant-a", "tenant-b"))}.${validSignature}`,
  ],
  [
    "the signature of another token",
    "token_signature_invalid",
    async () => `${validHeader}.${validPayload}.${(await signClaims({ roles: [] })).split(".")[2]}`,
  ],
];

describe("the token these attacks start from", () => {
  it("is accepted, so that each refusal is the attack's", async () => {
    expect(await verdictOf(valid)).toBe("accepted");
    expect(await verdictOf(await signTexts(header, payload))).toBe("accepted");
    expect(await verdictOf(await signTexts(header, unalignedPayload))).toBe("accepted");
    expect(keyRing.keys.has(kid)).toBe(true);
  });
});

describe.each([
  ["form", form],
  ["header", headerAttacks],
  ["signature", signatures],
])("%s", (_group, attacks) => {
  it.each(attacks)("%s → %s", async (_name, code, forge) => {
    expect(await verdictOf(await forge())).toBe(code);
  });
});
