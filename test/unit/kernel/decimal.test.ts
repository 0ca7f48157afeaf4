// Money is read off its digits: what a person wrote is what a ledger counts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { scaledDecimal, usdOfNano } from "../../../src/kernel/decimal.ts";

describe("a decimal number in a smaller unit", () => {
  it.each([
    [0.1, 100_000_000],
    [0.29, 290_000_000],
    [1.1, 1_100_000_000],
    [0.000001, 1_000],
    [0.0000015, 1_500],
    [5, 5_000_000_000],
    [4_200_000.00000001, 4_200_000_000_000_010],
    [9_000_000, 9_000_000_000_000_000],
  ])("%d is %d of it", (value, scaled) => {
    expect(scaledDecimal(value, 9, "down")).toBe(scaled);
    expect(scaledDecimal(value, 9, "up")).toBe(scaled);
  });

  it("rounds what is smaller still", () => {
    expect(scaledDecimal(0.0000000019, 9, "down")).toBe(1);
    expect(scaledDecimal(0.0000000011, 9, "up")).toBe(2);
    expect(scaledDecimal(1e-30, 9, "down")).toBe(0);
    expect(scaledDecimal(1e-30, 9, "up")).toBe(1);
  });

  it("never leaves exact integers", () => {
    expect(scaledDecimal(1e20, 9, "down")).toBe(Number.MAX_SAFE_INTEGER);
    expect(scaledDecimal(1e300, 6, "up")).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("is exact for every amount of up to six decimals", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 9_000_000 }),
        fc.integer({ min: 0, max: 999_999 }),
        (usd, micro) => {
          const value = Number(`${usd}.${String(micro).padStart(6, "0")}`);
          const expected = usd * 1_000_000_000 + micro * 1_000;
          expect(scaledDecimal(value, 9, "down")).toBe(expected);
          expect(scaledDecimal(value, 9, "up")).toBe(expected);
        },
      ),
    );
  });
});

it("nano-USD print as the exact decimal, up to four million USD", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 4_000_000 * 1e9 }), (nano) => {
      const digits = String(nano).padStart(10, "0");
      const exact = `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
      expect(String(usdOfNano(nano))).toBe(exact);
    }),
  );
});
