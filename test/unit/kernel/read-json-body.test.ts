import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_JSON_DEPTH } from "../../../src/kernel/limits.ts";
import { readJsonBody } from "../../../src/kernel/read-json-body.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function request(chunks: readonly Uint8Array[], headers: Record<string, string> = {}) {
  const left = [...chunks];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
  return { headers: new Headers({ "content-type": "application/json", ...headers }), body };
}

const refusedAs = (code: string) => ({ ok: false, error: { code } });

it("reads any JSON value however its bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 1, max: 7 }), async (value, size) => {
      const bytes = encode(JSON.stringify(value));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
      const read = await readJsonBody(request(chunks), 100_000);
      expect(read).toEqual({ ok: true, value: JSON.parse(JSON.stringify(value)) });
    }),
    { numRuns: 50 },
  );
});

describe("the bound on bytes", () => {
  it("admits exactly that many", async () => {
    expect(await readJsonBody(request([encode('"abc"')]), 5)).toEqual({ ok: true, value: "abc" });
    expect(await readJsonBody(request([encode('"abc"')]), 4)).toMatchObject(refusedAs("body_too_large"));
  });

  it("believes a declared length only when it is too large", async () => {
    const huge = request([encode("1")], { "content-length": "1000000" });
    expect(await readJsonBody(huge, 10)).toMatchObject(refusedAs("body_too_large"));
    const lying = request([encode('"abcdefghij"')], { "content-length": "1" });
    expect(await readJsonBody(lying, 10)).toMatchObject(refusedAs("body_too_large"));
  });

  it("does not wait for a sender that never ends", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => new Promise(() => {}),
    });
    const headers = new Headers({ "content-type": "application/json" });
    expect(await readJsonBody({ headers, body }, 1_000)).toMatchObject(refusedAs("body_too_large"));
  });
});

describe("nesting", () => {
  const nested = (depth: number) => [encode(`${'{"a":['.repeat(depth / 2)}1${"]}".repeat(depth / 2)}`)];

  it("may reach the limit and not go beyond it", async () => {
    expect(await readJsonBody(request(nested(MAX_JSON_DEPTH)), 10_000)).toMatchObject({ ok: true });
    expect(await readJsonBody(request(nested(MAX_JSON_DEPTH + 2)), 10_000)).toMatchObject(
      refusedAs("body_invalid"),
    );
  });

  it("does not overflow the stack however deep it is", async () => {
    const depth = 1_000_000;
    const bomb = [encode("[".repeat(depth) + "]".repeat(depth))];
    expect(await readJsonBody(request(bomb), 3_000_000)).toMatchObject(refusedAs("body_invalid"));
  });
});

it.each([
  ["application/json", true],
  ["application/json; charset=utf-8", true],
  ['Application/JSON;charset="UTF-8"', true],
  ["application/json; charset=latin1", false],
  ["application/jsonp", false],
  ["text/plain", false],
  ["", false],
])("takes the content type %j: %s", async (type, taken) => {
  const read = await readJsonBody(request([encode("1")], { "content-type": type }), 10);
  expect(read).toMatchObject(taken ? { ok: true } : refusedAs("content_type_unsupported"));
});

it.each([
  ["no bytes", request([]), "body_missing"],
  ["no body", { headers: new Headers({ "content-type": "application/json" }), body: null }, "body_missing"],
  ["bytes that are not UTF-8", request([new Uint8Array([0x22, 0xff, 0x22])]), "body_invalid"],
  ["a byte order mark", request([new Uint8Array([0xef, 0xbb, 0xbf, 0x31])]), "body_invalid"],
  ["text that is not JSON", request([encode("{secret")]), "body_invalid"],
])("refuses %s", async (_, source, code) => {
  const read = await readJsonBody(source, 100);
  expect(read).toMatchObject(refusedAs(code));
  expect(JSON.stringify(read)).not.toContain("secret");
});

it("refuses a body that breaks off", async () => {
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("gone")) });
  const headers = new Headers({ "content-type": "application/json" });
  expect(await readJsonBody({ headers, body }, 100)).toMatchObject(refusedAs("body_invalid"));
});
