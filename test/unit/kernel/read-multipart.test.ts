// Forms within bounds: bytes are counted as they come, and what two readers could read differently is no form.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8Bytes } from "../../../src/kernel/encoding.ts";
import { joinedBytes } from "../../../src/kernel/joined-bytes.ts";
import { MAX_FORM_PARTS } from "../../../src/kernel/limits.ts";
import { type MultipartPart, multipartPieces, parseMultipart } from "../../../src/kernel/multipart.ts";
import { readMultipart } from "../../../src/kernel/read-multipart.ts";

const TYPE = "multipart/form-data; boundary=b";
const part = (head: string, body: string) => `--b\r\n${head}\r\n\r\n${body}\r\n`;
const field = (parameters: string, body = "1") => part(`content-disposition: form-data; ${parameters}`, body);
const named = (name: string, body = "1") => field(`name="${name}"`, body);
const END = "--b--\r\n";

async function read(body: BodyInit, contentType = TYPE, maxBytes = 10_000, headers: object = {}) {
  const source = new Response(body, { headers: { "content-type": contentType, ...headers } });
  const form = await readMultipart(source, maxBytes);
  return form.ok ? form.value.map(({ name, value }) => [name, told(value)]) : form.error.code;
}
const told = (value: MultipartPart["value"]) =>
  typeof value === "string" ? value : [value.naming, value.contentType, [...value.bytes]];

describe("a form", () => {
  it("is read whole, fields in their order", async () => {
    const body = named("b") + named("a", "2\r\n3--b") + END;
    const parts = [
      ["b", "1"],
      ["a", "2\r\n3--b"],
    ];
    for (const type of [TYPE, "Multipart/Form-Data;boundary=b", 'multipart/form-data; boundary="b"'])
      expect(await read(body, type)).toEqual(parts);
    expect(await read(body.trimEnd())).toEqual(parts);
    expect(await read(END)).toEqual([]);
  });

  it.each([
    'filename="a.png"',
    'filename=""',
    "filename=a.png",
    "filename=a.png; filename*=utf-8''a.png",
    'filename="ça %22 chat.png"',
    String.raw`filename="a\"b.png"`,
    `filename="a.png"; filename*=utf-8''%C3%A7.png`,
  ])("has files, with their name as it was written: %s", async (naming) => {
    const file = part(
      `Content-Disposition: form-data; name="f"; ${naming}\r\ncontent-type: image/PNG`,
      "\u0000",
    );
    expect(await read(file + END)).toEqual([["f", [naming, "image/PNG", [0]]]]);
  });

  it.each([
    "",
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b; charset=utf-16",
    "multipart/form-data; boundary=b, application/json",
    "multipart/form-data; boundary=b; boundary=c",
    'multipart/form-data; boundary="b ',
    'multipart/form-data; boundary="b "',
    `multipart/form-data; boundary=${"b".repeat(71)}`,
    "multipart/mixed; boundary=b",
    "application/x-www-form-urlencoded",
  ])("is none with the content type %j", async (contentType) => {
    expect(await read(named("a") + END, contentType)).toBe("content_type_unsupported");
  });

  it.each<[what: string, body: string]>([
    ["without an end", named("a")],
    ["with a broken end", `${named("a")}--b-`],
    ["with something before it", `\r\n${named("a")}${END}`],
    ["with something after it", `${named("a")}${END}x`],
    ["with a second form after it", named("a") + END + named("b") + END],
    ["of another boundary", "--c\r\n\r\n--c--"],
    ["of JSON", '{"a":1}'],
    ["with bare line feeds", (named("a") + END).replaceAll("\r\n", "\n")],
    ["with a longer boundary", named("a").replace("--b", "--bb") + END],
    ["with blanks after a boundary", named("a").replace("--b", "--b ") + END],
    ["whose part has no head", "--b\r\n1\r\n--b--"],
    ["whose part has no name", field('filename="x"') + END],
    ["whose part is none of a form", part('content-disposition: attachment; name="a"', "1") + END],
    ["whose part has two names", field('name="a"; name="b"') + END],
    [
      "whose part names itself twice",
      part('content-disposition: form-data; name="a"\r\ncontent-disposition: form-data; name="b"', "1") + END,
    ],
    ["whose part is named by RFC 5987", field("name*=utf-8''a") + END],
    ["whose file has no plain name", field("name=\"a\"; filename*=utf-8''a") + END],
    ["whose file name ends a line for some", field('name="a"; filename="a\u000bcontent-type: b"') + END],
    ["whose file name ends a line for others", field('name="a"; filename="a\\\u2028b"') + END],
    ["whose bare file name is none", field("name=a; filename=a b") + END],
    ["that changes how its texts are read", named("_charset_", "utf-7") + END],
    ["whose head is folded", part('content-disposition: form-data;\r\n name="a"', "1") + END],
    ["whose head is no header", part('content-disposition: form-data; name="a"\r\nx', "1") + END],
    [
      "in base64",
      part('content-disposition: form-data; name="a"\r\ncontent-transfer-encoding: base64', "MQ==") + END,
    ],
    [
      "with a type that is no header's value",
      part('content-disposition: form-data; name="a"; filename="a"\r\ncontent-type: é', "1") + END,
    ],
    ["with a head that never ends", `--b\r\n${"x".repeat(9_000)}`],
  ])("%s is none", async (_what, body) => {
    expect(await read(body)).toBe("body_invalid");
  });

  it("of texts that are not UTF-8 is none; files may be anything", async () => {
    const latin = Uint8Array.from([0xe7]);
    const file = 'name="a"; filename="a"';
    const around = (parameters: string) => [
      utf8Bytes(`--b\r\ncontent-disposition: form-data; ${parameters}\r\n\r\n`),
      latin,
      utf8Bytes(`\r\n${END}`),
    ];
    expect(await read(joinedOf(around('name="a"')))).toBe("body_invalid");
    expect(await read(joinedOf(around(file)))).toEqual([["a", ['filename="a"', null, [0xe7]]]]);
  });

  it("is missing where nothing comes, and has few parts", async () => {
    expect(await read("")).toBe("body_missing");
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => named(`a${index}`)).join("") + END;
    expect(await read(many(MAX_FORM_PARTS))).toHaveLength(MAX_FORM_PARTS);
    expect(await read(many(MAX_FORM_PARTS + 1))).toBe("body_invalid");
  });

  it("is refused when it is too long, whatever length it declares", async () => {
    const body = named("a", "x".repeat(1_000)) + END;
    expect(await read(body, TYPE, 1_000)).toBe("body_too_large");
    expect(await read(body, TYPE, 1_000, { "content-length": "5" })).toBe("body_too_large");
    expect(await read("", TYPE, 1_000, { "content-length": "1001" })).toBe("body_too_large");
  });
});

const joinedOf = (pieces: readonly Uint8Array[]) => joinedBytes(pieces) as Uint8Array<ArrayBuffer>; // Made here.

describe("what is written", () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Uint8Array.from(array));
  // Pieces that look like what ends a part.
  const nearly = fc
    .array(fc.constantFrom("\r\n--", "--b", "\r\n--portcullis", "\r", "\n", "-", "x"), { maxLength: 8 })
    .map((pieces) => pieces.join(""));
  const anyPart = fc.record({
    name: fc.constantFrom("a", "image[]", "x[y]"),
    value: fc.oneof(
      nearly,
      fc.string({ unit: "grapheme" }),
      fc.record({
        naming: fc.constantFrom('filename="a.png"', 'filename=""', 'filename="ç"'),
        contentType: fc.constantFrom("image/png", null),
        bytes: fc.oneof(bytes, nearly.map(utf8Bytes)),
      }),
    ),
  });

  it("is read as what it was, whatever stands in it", () => {
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 5 }), (parts) => {
        const written = joinedBytes(multipartPieces(parts, "portcullis-r"));
        expect(parseMultipart(written, "portcullis-r", 10)).toEqual(parts);
      }),
    );
  });

  it("the platform's own reader reads alike", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyPart, { maxLength: 4 }), async (parts) => {
        const body = joinedOf(multipartPieces(parts, "portcullis-r"));
        const headers = { "content-type": "multipart/form-data; boundary=portcullis-r" };
        const form = await new Response(body, { headers }).formData();
        const read = await Promise.all([...form].map(async ([name, value]) => [name, await bytesOf(value)]));
        expect(read).toEqual(parts.map(({ name, value }) => [name, bytesOfPart(value)]));
      }),
      { numRuns: 40 },
    );
  });
});

const bytesOf = async (value: string | File) =>
  typeof value === "string" ? value : [...new Uint8Array(await value.arrayBuffer())];
const bytesOfPart = (value: MultipartPart["value"]) => (typeof value === "string" ? value : [...value.bytes]);
