// One walk tells how large, how deep, and whether two parsers could read one body differently.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonShape } from "../../../src/kernel/json-shape.ts";

const UNBOUNDED = Number.POSITIVE_INFINITY;
const duplicateIn = (json: string) => jsonShape(json, UNBOUNDED).duplicate;

describe("a member named twice", () => {
  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['[{"x":{"b":[],"c":"{","b":{}}}]', "b"],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2,"c":3,"c":3}]}', "c"],
    ['{ "" : 1 , "" : 2 }', ""],
    ['{"a\\"":1,"a\\"":2}', 'a"'],
    ['{"a\\\\":1,"a\\\\":2}', "a\\"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['{"a":1,"a":2,"b":1,"b":2}', "a"],
  ])("%s is found", (json, name) => {
    expect(duplicateIn(json)).toBe(name);
  });
});

describe("is not seen where there is none", () => {
  it.each([
    '{"a":"a","b":"a"}',
    '["a","a",{"a":["a","a"]}]',
    '{"a":{"a":{"a":1}}}',
    '"a"',
    "[]",
    '{"a":",\\"a\\":"}',
    '{"a":"\\\\","b":"\\\\\\"a"}',
  ])("in %s", (json) => {
    expect(duplicateIn(json)).toBeUndefined();
  });

  it("in anything JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(duplicateIn(json)).toBeUndefined();
      }),
    );
  });
});

it("is found wherever it is planted", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
  fc.assert(
    fc.property(object, fc.jsonValue(), (members, around) => {
      const [name = ""] = Object.keys(members);
      const twice = `${JSON.stringify(members).slice(0, -1)},${JSON.stringify(name)}:0}`;
      expect(duplicateIn(`[${JSON.stringify(around)},${twice}]`)).toBe(name);
    }),
  );
});

describe("depth and values", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  /** Every container, and every entry but the first of each. */
  const valuesOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 +
        Math.max(0, Object.values(value).length - 1) +
        Object.values(value).reduce((sum: number, entry) => sum + valuesOf(entry), 0)
      : 0;

  it("are those of the value, whatever its strings hold", () => {
    const odd = fc.constantFrom('"', "\\", "{", "[", ",", "]", "}", "水", "\n");
    const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.string({ unit: odd }),
        fc.integer(),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.string({ unit: odd }), tie("value"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(anything, fc.nat({ max: 2 }), (value, indent) => {
        expect(jsonShape(JSON.stringify(value, null, indent), UNBOUNDED)).toEqual({
          values: 1 + valuesOf(value),
          depth: depthOf(value),
          duplicate: undefined,
        });
      }),
    );
  });

  it("are no longer counted beyond the bound", () => {
    expect(jsonShape("[".repeat(1_000_000), 10).values).toBe(11);
  });

  it("are told of any text at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[],:"\\u1a ') }), (text) => {
        expect(jsonShape(text, UNBOUNDED).values).toBeGreaterThan(0);
      }),
    );
  });
});
