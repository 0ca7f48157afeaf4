// Forms within bounds: bytes are counted as they come, and what is no form never becomes one.
import { describe, expect, it } from "vitest";
import { readFormData } from "../../../src/kernel/read-form-data.ts";

const TYPE = "multipart/form-data; boundary=b";
const part = (head: string, body: string) =>
  `--b\r\ncontent-disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
const END = "--b--\r\n";

async function read(body: string, contentType = TYPE, maxBytes = 1_000, headers: object = {}) {
  const source = new Response(body, { headers: { "content-type": contentType, ...headers } });
  const form = await readFormData(source, maxBytes);
  return form.ok ? [...form.value].map(([name, value]) => `${name}=${value}`) : form.error.code;
}

describe("a form", () => {
  it("is read whole, fields in their order", async () => {
    const body = part('name="b"', "1") + part('name="a"', "2\r\n3") + END;
    expect(await read(body)).toEqual(["b=1", "a=2\r\n3"]);
    expect(await read(body, "multipart/form-data;boundary=b")).toEqual(["b=1", "a=2\r\n3"]);
  });

  it.each([
    "",
    "application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b; charset=utf-16",
    "multipart/form-data; boundary=b, application/json",
    "multipart/form-data; boundary=b; boundary=c",
    "multipart/mixed; boundary=b",
    "application/x-www-form-urlencoded",
  ])("is none with the content type %j", async (contentType) => {
    expect(await read(part('name="a"', "1") + END, contentType)).toBe("content_type_unsupported");
  });

  it.each([part('name="a"', "1"), "x", `--c\r\n${part('name="a"', "1")}`, '{"a":1}'])(
    "is none with the body %j",
    async (body) => {
      expect(await read(body)).toBe("body_invalid");
    },
  );

  it("is missing where nothing comes", async () => {
    expect(await read("")).toBe("body_missing");
  });

  it("is refused when it is too long, whatever length it declares", async () => {
    const body = part('name="a"', "x".repeat(1_000)) + END;
    expect(await read(body)).toBe("body_too_large");
    expect(await read(body, TYPE, 1_000, { "content-length": "5" })).toBe("body_too_large");
    expect(await read("", TYPE, 1_000, { "content-length": "1001" })).toBe("body_too_large");
  });
});
