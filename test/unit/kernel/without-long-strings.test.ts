// What is left of a JSON text without its long strings is the same JSON with empty ones in their place.
import fc from "fast-check";
import { expect, it } from "vitest";
import { utf8Bytes, utf8Text } from "../../../src/kernel/encoding.ts";
import { withoutLongStrings } from "../../../src/kernel/without-long-strings.ts";

const MAX = 8;

function shortened(value: unknown): unknown {
  if (typeof value === "string") return JSON.stringify(value).length - 2 > MAX ? "" : value;
  if (Array.isArray(value)) return value.map(shortened);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shortened(member)]));
}

// Names stay short, and escapes stand where a quotation mark could be taken for an end.
const text = fc.stringMatching(/^[ab"\\]{0,24}$/);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    text,
    fc.integer(),
    fc.array(tie("value")),
    fc.dictionary(fc.constantFrom("a", "b"), tie("value")),
  ),
})).value;

it("is the same value but for them", () => {
  fc.assert(
    fc.property(json, (value) => {
      const bytes = utf8Bytes(JSON.stringify({ padding: "more than a few bytes", value }));
      const rest = JSON.parse(utf8Text(withoutLongStrings(bytes, MAX)) ?? "");
      expect(rest).toEqual({ padding: "", value: shortened(value) });
    }),
  );
});

it("leaves what is no JSON no JSON, and what is short as it is", () => {
  const broken = utf8Bytes('{"a": "never ends');
  expect(utf8Text(withoutLongStrings(broken, 3))).toBe('{"a": "never ends');
  const short = utf8Bytes('{"a":"bcde"}');
  expect(withoutLongStrings(short, 100)).toBe(short);
});
