import fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod";
import { parseDocument } from "../../../src/kernel/parse-document.ts";

const Document = z.strictObject({
  name: z.string().min(1),
  kind: z.enum(["a", "b"]).optional(),
  id: z.string().regex(/^x/, "must start with x").optional(),
  list: z.array(z.strictObject({ n: z.int() })).optional(),
  either: z.union([z.boolean(), z.strictObject({ y: z.string() })]).optional(),
});

it.each([
  [{}, "name", "`name` is required."],
  [{ name: 5 }, "name", "`name` must be of type string."],
  [{ name: "n", kind: "c" }, "kind", "`kind` must be one of: a, b."],
  [{ name: "n", id: "y" }, "id", "`id` must start with x."],
  [{ name: "n", list: [{ n: 1 }, { n: 1, m: 2 }] }, "list[1].m", "`list[1].m` is not known here."],
  [{ name: "n", either: 5 }, "either", "`either` has none of the accepted forms."],
  [{ name: "n", extra: 1 }, "extra", "`extra` is not known here."],
])("explains %j", (value, field, message) => {
  expect(parseDocument(Document, value, "body_invalid")).toEqual({
    ok: false,
    error: { code: "body_invalid", field, message },
  });
});

it("names no field when the whole document is wrong", () => {
  const result = parseDocument(Document, [], "body_invalid");
  expect(result).toEqual({
    ok: false,
    error: { code: "body_invalid", message: "The body must be of type object." },
  });
});

it("never throws and never repeats a value, whatever the document is", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const result = parseDocument(Document, { name: { secret: "s3cr3t" }, value }, "body_invalid");
      expect(result.ok).toBe(false);
      expect(JSON.stringify(result)).not.toContain("s3cr3t");
      parseDocument(Document, value, "body_invalid");
    }),
  );
});
