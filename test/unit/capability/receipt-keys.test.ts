import { describe, expect, it } from "vitest";
import { importReceiptKeys } from "../../../src/capability/receipt-keys.ts";
import { jwksText, keyRing, newPrivateJwk, RFC8037_THUMBPRINT, rfc8037Jwk } from "./token-fixture.ts";

const [first, second] = [await newPrivateJwk(), await newPrivateJwk()];
const publicHalf = ({ kty, crv, x }: typeof first) => ({ kty, crv, x });
const noTokenKeys: typeof keyRing.keys = new Map();
const imported = (...keys: readonly object[]) => importReceiptKeys(jwksText(...keys), keyRing.keys);

describe("importReceiptKeys", () => {
  it("signs with the first key, which nobody can export, and publishes all, marked as keys for receipts", async () => {
    const { signing, published } = await imported(first, second);
    expect(signing.privateKey.extractable).toBe(false);
    expect(published.map(({ x }) => x)).toEqual([first.x, second.x]);
    expect(published[0]).toEqual({
      ...publicHalf(first),
      kid: signing.keyId,
      alg: "EdDSA",
      use: "sig",
      portcullis_use: "receipt",
    });
  });

  it("goes on publishing a retired key without its private half", async () => {
    const [before, after] = [await imported(second), await imported(first, publicHalf(second))];
    expect(after.published[1]).toEqual(before.published[0]);
  });

  it("tells until when the first is meant to sign, and publishes no end", async () => {
    const { signing, published } = await imported(
      { ...first, exp: 1_800_000_000 },
      { ...publicHalf(second), exp: 1 },
    );
    expect(signing.endsAt).toBe("2027-01-15T08:00:00.000Z");
    expect(published.flatMap((key) => Object.keys(key))).not.toContain("exp");
    expect((await imported(first)).signing.endsAt).toBeNull();
  });

  it("names keys by their RFC 7638 thumbprint", async () => {
    const { signing } = await importReceiptKeys(jwksText(rfc8037Jwk), noTokenKeys);
    expect(signing.keyId).toBe(RFC8037_THUMBPRINT);
  });

  it.each<[name: string, text: string]>([
    ["nothing", ""],
    ["no JSON", `{"keys":[${first.d}`],
    ["an empty set", jwksText()],
    ["a first key without its private half", jwksText(publicHalf(first), second)],
    ["the same key twice", jwksText(first, second, publicHalf(second))],
    ["the public half of another key", jwksText({ ...first, x: second.x })],
    ["a flawed key behind a good one", jwksText(first, { ...second, d: first.d })],
    ["a key that signs tokens", jwksText(rfc8037Jwk)],
    ["a retired key that signs tokens", jwksText(first, publicHalf(rfc8037Jwk))],
    ["21 keys", jwksText(first, ...Array.from({ length: 20 }, () => publicHalf(second)))],
  ])("refuses %s without a word of the secret", async (_name, text) => {
    const error = await importReceiptKeys(text, keyRing.keys).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    if (!(error instanceof Error)) return;
    expect(error.message).toMatch(/receipt keys/);
    for (const { d } of [first, second, rfc8037Jwk]) {
      expect(`${error.message} ${error.stack}`).not.toContain(d.slice(0, 8));
    }
  });
});
