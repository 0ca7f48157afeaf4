// A body is read within bounds: by count, not by claim, and no further than needed to refuse it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from "../../../src/kernel/limits.ts";
import type { BodySource } from "../../../src/kernel/read-bounded-bytes.ts";
import { readJsonBody } from "../../../src/kernel/read-json-body.ts";

const MAX = 1_000;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A body that comes in the given chunks and counts how many were asked for. */
function bodyOf(chunks: readonly Uint8Array[], headers: Record<string, string> = {}, breaksOff = false) {
  const seen = { pulls: 0, cancelled: false };
  const rest = [...chunks];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        seen.pulls += 1;
        const chunk = rest.shift();
        if (chunk) controller.enqueue(chunk);
        else if (breaksOff) controller.error(new Error("connection reset"));
        else controller.close();
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const source: BodySource = {
    headers: new Headers({ "content-type": "application/json", ...headers }),
    body,
  };
  return { source, seen };
}

async function read(text: string | Uint8Array, headers: Record<string, string> = {}, maxBytes = MAX) {
  const bytes = typeof text === "string" ? bytesOf(text) : text;
  return readJsonBody(bodyOf([bytes], headers).source, maxBytes);
}
const codeOf = async (...input: Parameters<typeof read>) => {
  const result = await read(...input);
  return result.ok ? "read" : result.error.code;
};

describe("the bound on values", () => {
  const large = 4 * MAX_JSON_VALUES;
  it.each([
    ["objects", (count: number) => `[${"{},".repeat(count)}{}]`, 2],
    ["numbers", (count: number) => `[${"1,".repeat(count)}1]`, 1],
    ["arrays", (count: number) => `[${"[],".repeat(count)}[]]`, 2],
  ])("counts %s before they are parsed", async (_name, make, each) => {
    expect(await codeOf(make(Math.floor(MAX_JSON_VALUES / each) - 10), {}, large)).toBe("read");
    expect(await codeOf(make(Math.ceil(MAX_JSON_VALUES / each) + 10), {}, large)).toBe("body_invalid");
  });

  it("does not count what stands in strings, escapes included", async () => {
    const text = JSON.stringify(`${"{[,".repeat(MAX_JSON_VALUES)}"\\`);
    expect(await codeOf(text, {}, large)).toBe("read");
  });
});

describe("the bound", () => {
  it("is exact", async () => {
    const text = `"${"a".repeat(MAX - 2)}"`;
    expect(await codeOf(text)).toBe("read");
    expect(await codeOf(`${text} `)).toBe("body_too_large");
  });

  it("stops the reading at the first byte too many, however much is still to come", async () => {
    const { source, seen } = bodyOf(Array.from({ length: 50 }, () => new Uint8Array(100)));
    const result = await readJsonBody(source, MAX);
    expect(result).toMatchObject({ ok: false, error: { code: "body_too_large" } });
    expect(seen).toEqual({ pulls: 11, cancelled: true });
  });

  it("reads nothing when the declared length alone is too large", async () => {
    const { source, seen } = bodyOf([bytesOf("{}")], { "content-length": String(MAX + 1) });
    expect(await readJsonBody(source, MAX)).toMatchObject({ error: { code: "body_too_large" } });
    expect(seen.pulls).toBe(0);
  });

  it.each(["0", "2", "-1", "none", "1e1"])("trusts no declared length: %s", async (length) => {
    expect(await codeOf(`"${"a".repeat(MAX)}"`, { "content-length": length })).toBe("body_too_large");
    expect(await codeOf("{}", { "content-length": length })).toBe("read");
  });

  it("asks for no more once the declared length has come", async () => {
    const { source, seen } = bodyOf([bytesOf('{"a":'), bytesOf("1}")], { "content-length": "7" });
    expect(await readJsonBody(source, MAX)).toEqual({ ok: true, value: { a: 1 } });
    expect(seen.pulls).toBe(2);
  });

  it("does not wait for a sender who never answers the cancellation", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(MAX + 1)),
      cancel: () => new Promise(() => {}),
    });
    const headers = new Headers({ "content-type": "application/json" });
    expect(await readJsonBody({ headers, body }, MAX)).toMatchObject({ error: { code: "body_too_large" } });
  });
});

describe("the content type", () => {
  it.each([
    "application/json",
    "Application/JSON",
    " application/json ",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
  ])("%j is taken", async (type) => {
    expect(await codeOf("{}", { "content-type": type })).toBe("read");
  });

  it.each([
    "",
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json-patch+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=iso-8859-1",
    "application/json, text/plain",
    "text/plain; application/json",
  ])("%j is refused before a byte is read", async (type) => {
    const { source, seen } = bodyOf([bytesOf("{}")], { "content-type": type });
    expect(await readJsonBody(source, MAX)).toMatchObject({ error: { code: "content_type_unsupported" } });
    expect(seen.pulls).toBe(0);
  });

  it("absent is refused", async () => {
    expect(await readJsonBody({ headers: new Headers(), body: null }, MAX)).toMatchObject({
      error: { code: "content_type_unsupported" },
    });
  });
});

describe("the text", () => {
  it("may be cut anywhere, inside a character as well", async () => {
    const value = { text: "Übung 水门 🙂" };
    const bytes = bytesOf(JSON.stringify(value));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 8 }), async (cuts) => {
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge));
        expect(await readJsonBody(bodyOf(chunks).source, MAX)).toEqual({ ok: true, value });
      }),
    );
  });

  it.each([
    ["cut UTF-8", new Uint8Array([0x22, 0xe6, 0xb0, 0x22])],
    ["an overlong slash", new Uint8Array([0x22, 0xc0, 0xaf, 0x22])],
    ["a lone surrogate", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["Latin-1", new Uint8Array([0x22, 0xfc, 0x22])],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
  ])("%s is refused", async (_name, bytes) => {
    expect(await codeOf(bytes)).toBe("body_invalid");
  });

  it.each(["{", "{'a':1}", "undefined", "NaN", "{} {}", '{"a":1,}', "// x\n{}", "\ufeff{}"])(
    "%j is no JSON",
    async (text) => {
      expect(await codeOf(text)).toBe("body_invalid");
    },
  );

  it("is never quoted in the refusal", async () => {
    const result = await read('{"prompt": my secret }');
    expect(JSON.stringify(result)).not.toContain("secret");
  });

  it("missing is refused, with a body of no bytes or none at all", async () => {
    expect(await codeOf("")).toBe("body_missing");
    const headers = new Headers({ "content-type": "application/json" });
    expect(await readJsonBody({ headers, body: null }, MAX)).toMatchObject({
      error: { code: "body_missing" },
    });
  });

  it("that breaks off is refused", async () => {
    const { source } = bodyOf([bytesOf('{"a":')], {}, true);
    expect(await readJsonBody(source, MAX)).toMatchObject({ error: { code: "body_invalid" } });
  });
});

describe("of several faults", () => {
  const many = `[${"1,".repeat(MAX_JSON_VALUES)}1]`;
  const deep = "[".repeat(MAX_JSON_DEPTH) + "]".repeat(MAX_JSON_DEPTH);
  const latin1 = 0xfc;
  const messageOf = async (body: string | Uint8Array) => {
    const result = await read(body, {}, 4 * MAX_JSON_VALUES);
    return result.ok ? "read" : result.error.message;
  };

  it.each<[name: string, body: string | Uint8Array, message: RegExp]>([
    ["values before encoding", new Uint8Array([latin1, ...bytesOf(many)]), /more than/],
    ["encoding before syntax", new Uint8Array([latin1, ...bytesOf("{")]), /not UTF-8/],
    ["values before syntax", `${many}}`, /more than/],
    ["syntax before members", '{"a":1,"a":2', /not JSON/],
    ["members before depth", `[[${deep}],{"a":1,"a":2}]`, /names `a` twice/],
    ["depth", `[${deep}]`, /nests deeper/],
  ])("tells the first: %s", async (_name, body, message) => {
    expect(await messageOf(body)).toMatch(message);
  });
});

describe("the depth", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

  it("is bounded exactly, in arrays and objects", async () => {
    for (const make of [nested, nestedObjects]) {
      expect(await codeOf(make(MAX_JSON_DEPTH))).toBe("read");
      expect(await codeOf(make(MAX_JSON_DEPTH + 1))).toBe("body_invalid");
    }
  });

  it("is bounded far beyond what recursion could walk", async () => {
    expect(await codeOf(nested(500_000), {}, 1_000_000)).toBe("body_invalid");
  });

  it("counts levels, not values", async () => {
    expect(await codeOf(`[${"[],".repeat(200)}[]]`)).toBe("read");
  });
});
