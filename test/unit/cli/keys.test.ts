// `portcullis keys`: what is printed where, what is asked of a gateway, and what is never repeated.
import { describe, expect, it } from "vitest";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import { signingKeySet } from "../../../src/capability/signing-key-view.ts";
import { keysKill, keysList, keysRotate } from "../../../src/cli/keys-commands.ts";
import { keysNew } from "../../../src/cli/keys-new.ts";
import { recordOf, ringOfThree } from "../capability/key-fixture.ts";
import {
  jwksText,
  NOW_MS,
  newPrivateJwk,
  RFC8037_THUMBPRINT,
  rfc8037Jwk,
} from "../capability/token-fixture.ts";
import { typed } from "./command-fixture.ts";

const KEY = `pk_${"k".repeat(43)}`;
const environment = { PORTCULLIS: "https://gateway.contoso.com", ADMIN_KEY: KEY };
const seed = Buffer.from(rfc8037Jwk.d, "base64url");

describe("keys new", () => {
  const made = (words: readonly string[], text = "") =>
    typed([keysNew], ["keys", "new", ...words], {
      random: () => new Uint8Array(seed),
      readStandardInput: async () => text,
    });

  it("prints a set that a gateway takes, and tells its name without its private half", async () => {
    const { code, out, err } = await made([]);
    expect(code).toBe(0);
    // Of the seed of RFC 8037, its key.
    expect(out).toEqual([jwksText(rfc8037Jwk)]);
    expect(err.join()).toContain(RFC8037_THUMBPRINT);
    expect(err.join()).not.toContain(rfc8037Jwk.d);
  });

  it("adds to the set it is given, behind the keys that are there, members and all", async () => {
    const before = { ...(await newPrivateJwk()), exp: 2_000_000_000 };
    const { code, out, err } = await made(["--append"], jwksText(before));
    expect(code).toBe(0);
    expect(out).toEqual([jwksText(before, rfc8037Jwk)]);
    expect((await importKeyRing(out[0] ?? "")).signers.map(({ keyId }) => keyId)[1]).toBe(RFC8037_THUMBPRINT);
    expect(err.join()).not.toContain(before.d);
  });

  it("prints nothing and repeats nothing where the set is none, or would be none", async () => {
    const { d, ...publicHalf } = await newPrivateJwk();
    const many = await Promise.all(Array.from({ length: 20 }, newPrivateJwk));
    for (const text of [
      "",
      d,
      jwksText({ ...publicHalf, d: `${d}x` }),
      jwksText(...many),
      jwksText(rfc8037Jwk),
    ]) {
      const { code, out, err } = await made(["--append"], text);
      expect([code, out]).toEqual([2, []]);
      expect(err.join()).not.toContain(d);
      expect(err.join()).not.toContain(rfc8037Jwk.d);
    }
    expect((await made([rfc8037Jwk.d])).err.join()).not.toContain(rfc8037Jwk.d);
  });
});

describe("the signing keys of a gateway", () => {
  const [a, b] = ringOfThree.signers.map(({ keyId }) => keyId) as [string, string];
  const keys = signingKeySet(ringOfThree, [recordOf(a, "retired"), recordOf(b, "signing")], NOW_MS);
  const asked = async (words: readonly string[], answer = () => Response.json({ ...keys, revision: 7 })) => {
    const requests: unknown[] = [];
    const printed = await typed([keysList, keysRotate, keysKill], ["keys", ...words], {
      environment,
      async fetch(url, init) {
        requests.push([init?.method ?? "GET", String(url), init?.body ?? null]);
        return answer();
      },
    });
    return { ...printed, requests };
  };
  const at = "https://gateway.contoso.com/v1/keys/signing";

  it("are listed with their states, and the one that signs", async () => {
    const { code, out, requests } = await asked(["list"], () => Response.json(keys));
    expect(requests).toEqual([["GET", at, null]]);
    expect(code).toBe(0);
    expect(out[0]).toMatch(new RegExp(`^retired   ${a}  its tokens are accepted until 2026-`));
    expect(out[1]).toMatch(new RegExp(`^signing   ${b}  signs$`));
    expect(out.at(-1)).toBe(`${b} signs.`);
    const json = await asked(["list", "--json"], () => Response.json(keys));
    expect(JSON.parse(json.out.join("\n"))).toEqual(keys);
  });

  it("are promoted and killed by one request each", async () => {
    expect((await asked(["rotate"])).requests).toEqual([["POST", `${at}/rotate`, "{}"]]);
    expect((await asked(["rotate", b, "--force", "leaked"])).requests).toEqual([
      ["POST", `${at}/rotate`, JSON.stringify({ keyId: b, forceReason: "leaked" })],
    ]);
    const dashed = `--${a.slice(2)}`;
    expect((await asked(["kill", dashed, "--reason=leaked"])).requests).toEqual([
      ["POST", `${at}/${dashed}/kill`, JSON.stringify({ reason: "leaked" })],
    ]);
    const killed = await asked(["kill", a, "--reason", "leaked"]);
    expect(killed.requests).toEqual([["POST", `${at}/${a}/kill`, JSON.stringify({ reason: "leaked" })]]);
    expect(killed.code).toBe(0);
  });

  it.each([
    ["kill without a key", ["kill", "--reason", "leaked"]],
    ["kill without a reason", ["kill", a]],
    ["a key that is none", ["kill", "../keys", "--reason", "leaked"]],
    ["two keys", ["rotate", a, b]],
    ["an option that there is not", ["list", "--all"]],
  ])("are not asked about with %s", async (_what, words) => {
    const { code, requests } = await asked(words);
    expect([code, requests]).toEqual([2, []]);
  });

  it("say what the gateway would not do, in its words; and where nobody knows what was done", async () => {
    const problem = { code: "key_published_too_recently", detail: "Wait until then." };
    const refused = await asked(["rotate"], () => Response.json(problem, { status: 409 }));
    expect([refused.code, refused.err]).toEqual([
      1,
      ["https://gateway.contoso.com: Wait until then. (key_published_too_recently)"],
    ]);
    const odd = await asked(["list"], () => new Response("<html>", { status: 200 }));
    expect(odd.code).toBe(2);
    const lost = await asked(["rotate"], () => {
      throw new Error(KEY);
    });
    expect(lost.code).toBe(2);
    expect(lost.err.join()).toMatch(/may have been done/);
    expect(lost.err.join()).not.toContain(KEY);
  });
});
