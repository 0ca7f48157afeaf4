// One name, one value: a body that two parsers could read differently is refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duplicateMember } from "../../../src/kernel/duplicate-member.ts";

describe("a member named twice", () => {
  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['[{"x":{"b":[],"c":"{","b":{}}}]', "b"],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2,"c":3,"c":3}]}', "c"],
    ['{ "" : 1 , "" : 2 }', ""],
    ['{"a\\"":1,"a\\"":2}', 'a"'],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("%s is found", (json, name) => {
    expect(duplicateMember(json)).toBe(name);
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
  ])("in %s", (json) => {
    expect(duplicateMember(json)).toBeUndefined();
  });

  it("in anything JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(duplicateMember(json)).toBeUndefined();
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
      expect(duplicateMember(`[${JSON.stringify(around)},${twice}]`)).toBe(name);
    }),
  );
});
