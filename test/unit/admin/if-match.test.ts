// RFC 9110, sections 8.8.3 and 13.1.1: tags of objects, the list that a caller sends, and strong comparison.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entityTagOf } from "../../../src/admin/entity-tag.ts";
import { checkIfMatch, parseIfMatch } from "../../../src/admin/if-match.ts";

const opaque = fc
  .array(fc.constantFrom(..."!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~\u0080\u00ff"), { maxLength: 12 })
  .map((characters) => characters.join(""));
const tag = fc.tuple(fc.constantFrom("", "W/"), opaque).map(([weak, text]) => `${weak}"${text}"`);
const separator = fc.constantFrom(",", ", ", " ,\t", ",,", " , , ");

describe("the header", () => {
  it("is read as the list that it is, commas in tags and empty elements included", () => {
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1, maxLength: 5 }), separator, (tags, between) => {
        expect(parseIfMatch(tags.join(between))).toEqual({ ok: true, value: tags });
      }),
    );
  });

  it.each([
    [null, null],
    ["*", "*"],
    [" * ", "*"],
    [',"a",', ['"a"']],
  ])("%j is read as %j", (header, value) => {
    expect(parseIfMatch(header)).toEqual({ ok: true, value });
  });

  it.each(["", " ", ",", "a", '"a', 'a"', '"a" "b"', '*, "a"', 'w/"a"', 'W/ "a"', '"a b"', '"a"b'])(
    "%j is refused",
    (header) => {
      expect(parseIfMatch(header)).toMatchObject({
        ok: false,
        error: { code: "precondition_invalid", field: "if-match" },
      });
    },
  );

  it("is read in linear time", () => {
    const startedMs = performance.now();
    for (const unit of [" ", ",", '"', '"a",', "W/"]) parseIfMatch(unit.repeat(200_000));
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});

describe("the precondition", () => {
  const object = { name: "a", constraints: { x: 1, y: [1, 2] } };

  it("holds for the object's own tag, whatever the order of its members", async () => {
    const etag = await entityTagOf({ constraints: { y: [1, 2], x: 1 }, name: "a" });
    expect(await checkIfMatch(['"b"', etag], object)).toBeNull();
    expect(await checkIfMatch([`W/${etag}`], object)).toMatchObject({ code: "precondition_failed", etag });
  });

  it("fails for any other object", async () => {
    const others = [{ ...object, name: "b" }, { name: "a", constraints: { x: 1, y: [2, 1] } }, { name: "a" }];
    for (const other of others) {
      const etag = await entityTagOf(other);
      expect(await checkIfMatch([await entityTagOf(object)], other)).toMatchObject({ etag });
    }
  });

  it("of `*` holds for whatever there is, and nothing holds for what there is not", async () => {
    expect(await checkIfMatch("*", object)).toBeNull();
    for (const ifMatch of ["*", [await entityTagOf(object)]] as const) {
      const refusal = await checkIfMatch(ifMatch, null);
      expect(refusal).toMatchObject({ code: "precondition_failed" });
      expect(refusal).not.toHaveProperty("etag");
    }
    expect(await checkIfMatch(null, null)).toBeNull();
  });
});
