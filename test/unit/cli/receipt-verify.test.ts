import { describe, expect, it } from "vitest";
import { receiptFaults } from "../../../src/capability/verify-receipt.ts";
import type { CommandIo } from "../../../src/cli/command.ts";
import { receiptVerify } from "../../../src/cli/receipt-verify.ts";
import {
  foreignReceiptKeys,
  goodClaims,
  jwks,
  signClaims,
  validReceipt,
} from "../capability/receipt-fixture.ts";
import { validToken } from "../capability/token-fixture.ts";
import { typed } from "./command-fixture.ts";

const readFile: CommandIo["readFile"] = async (path) => {
  if (path === "keys.json") return JSON.stringify(jwks);
  if (path === "other.json") return JSON.stringify({ keys: foreignReceiptKeys.published });
  if (path === "no.json") return "no JSON";
  if (path === "no-set.json") return '{"keys":"none"}';
  throw new Error("No such file.");
};
const verify = (words: readonly string[], given: Partial<CommandIo> = {}) =>
  typed([receiptVerify], ["receipt", "verify", ...words], { readFile, ...given });

/** Answers the key set, and remembers what was asked for. */
function server(answer = () => Response.json(jwks)) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    asked.push(String(input));
    return answer();
  };
  return { asked, fetch };
}

describe("portcullis receipt verify", () => {
  it("tells the facts of a valid receipt in lines", async () => {
    const { code, out, err } = await verify([validReceipt, "--jwks", "keys.json"]);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out[0]).toBe("Valid.");
    const told = out.join("\n");
    const { place, backend } = goodClaims;
    const facts = [goodClaims.iss, goodClaims.decision, goodClaims.tenant, "home eu", "2026-05-01T10:00:00Z"];
    const places = [`country ${place.country}`, "in the EU", `colo ${place.colo}`];
    for (const fact of [...facts, ...places, backend?.region, backend?.sku, "platform 1"])
      expect(told).toContain(fact);
  });

  it("hands no control character to the terminal", async () => {
    const backend = { id: "one", region: "\u001b[2Jwesteurope", sku: "Standard" };
    const { code, out } = await verify([await signClaims({ backend }), "--jwks", "keys.json"]);
    expect(code).toBe(0);
    expect(out.join("")).toContain(" [2Jwesteurope");
    expect(out.join("")).not.toMatch(/\p{Cc}/u);
  });

  it("says unknown where the platform told nothing, and nobody where nothing was sent", async () => {
    const place = { country: null, continent: null, isEu: null, colo: null, tlsVersion: null };
    const { out } = await verify([await signClaims({ place, backend: null }), "--jwks", "keys.json"]);
    expect(out.join("\n")).toContain(
      "country unknown, continent unknown, EU unknown, colo unknown, TLS unknown",
    );
    expect(out.join("\n")).toMatch(/sent to: +nobody/);
  });

  it("tells them as JSON", async () => {
    const { code, out } = await verify([validReceipt, "--jwks", "keys.json", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out.join())).toMatchObject({ valid: true, receipt: goodClaims });
  });

  it("reads the receipt from standard input", async () => {
    const readStandardInput = async () => `${validReceipt}\n`;
    expect((await verify(["-", "--jwks", "keys.json"], { readStandardInput })).code).toBe(0);
  });

  it("asks a gateway for its keys", async () => {
    const { asked, fetch } = server();
    for (const url of ["https://gateway.test", "https://gateway.test/copy.json", "http://127.0.0.1:8787/"])
      expect((await verify([validReceipt, "--jwks", url], { fetch })).code).toBe(0);
    expect(asked).toEqual([
      "https://gateway.test/.well-known/jwks.json",
      "https://gateway.test/copy.json",
      "http://127.0.0.1:8787/.well-known/jwks.json",
    ]);
  });

  it("says what is wrong with what is not valid, and ends with 1", async () => {
    const token = await verify([await validToken(), "--jwks", "keys.json"]);
    expect(token).toEqual({
      code: 1,
      out: [],
      err: [`Not valid (type_invalid): ${receiptFaults.type_invalid}`],
    });
    const foreign = await verify([validReceipt, "--jwks", "other.json", "--json"]);
    expect(foreign.code).toBe(1);
    expect(JSON.parse(foreign.out.join())).toEqual({
      valid: false,
      fault: "key_unknown",
      message: receiptFaults.key_unknown,
    });
  });

  it.each<[name: string, words: readonly string[]]>([
    ["no receipt", ["--jwks", "keys.json"]],
    ["two receipts", [validReceipt, validReceipt, "--jwks", "keys.json"]],
    ["no key set", [validReceipt]],
    ["an option it does not know", [validReceipt, "--jwks", "keys.json", "--force"]],
    ["an option without its value", [validReceipt, "--jwks"]],
    ["a file that is not there", [validReceipt, "--jwks", "none.json"]],
    ["a file that is no JSON", [validReceipt, "--jwks", "no.json"]],
    ["a file that is no key set", [validReceipt, "--jwks", "no-set.json"]],
    ["keys that came over http", [validReceipt, "--jwks", "http://gateway.test"]],
    ["no URL", [validReceipt, "--jwks", "https://"]],
  ])("judges nothing with %s, and ends with 2", async (_name, words) => {
    const { asked, fetch } = server();
    const { code, out, err } = await verify(words, { fetch });
    expect({ code, out, asked }).toEqual({ code: 2, out: [], asked: [] });
    expect(err.join("\n")).toContain("Usage: portcullis receipt verify");
  });

  it("judges nothing where the gateway does not answer with keys", async () => {
    const refused = async () => Promise.reject(new Error("refused"));
    const failed = server(() => new Response("ill", { status: 503 }));
    for (const fetch of [refused, failed.fetch])
      expect(await verify([validReceipt, "--jwks", "https://gateway.test"], { fetch })).toMatchObject({
        code: 2,
      });
  });
});
