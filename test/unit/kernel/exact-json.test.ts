// No digit is lost on the way through, and nothing else changes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExactJson } from "../../../src/kernel/exact-json.ts";

const through = (text: string) => JSON.stringify(parseExactJson(text));

describe("integers", () => {
  it.each(["9223372036854775807", "-9223372036854775808", "18446744073709551615", "9007199254740993"])(
    "%s arrives as it was sent, at any depth",
    (digits) => {
      const text = `{"seed":${digits},"tools":[{"maximum":${digits}}]}`;
      expect(through(text)).toBe(text);
    },
  );

  it("are plain numbers while they are safe", () => {
    expect(parseExactJson('{"a":9007199254740991,"b":1234567890123456}')).toEqual({
      a: 9007199254740991,
      b: 1234567890123456,
    });
  });

  it("in strings stay strings", () => {
    expect(through('{"a":"92233720368547758079223372036854775807"}')).toBe(
      '{"a":"92233720368547758079223372036854775807"}',
    );
  });
});

it("is JSON.parse for every document without long digits", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(through(text)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});
