/**
 * A decimal number as a whole number of a smaller unit: 0.29 USD as 290,000,000 nano-USD. Read off the digits as they
 * were written, since multiplying their binary approximation is off by one now and then.
 */

/** @param digits how many decimal places the smaller unit has; what lies beyond them is rounded. */
export function scaledDecimal(value: number, digits: number, rounding: "down" | "up"): number {
  // Below 1e-6 numbers print with an exponent.
  const [whole = "0", fraction = ""] = (value < 1e-6 ? value.toFixed(100) : String(value)).split(".");
  const kept = Number(`${whole}${fraction.slice(0, digits).padEnd(digits, "0")}`);
  const scaled = rounding === "up" && /[1-9]/.test(fraction.slice(digits)) ? kept + 1 : kept;
  return Math.min(scaled, Number.MAX_SAFE_INTEGER);
}

const NANO_PER_USD = 1_000_000_000;

/** The number nearest to the decimal: up to four million USD no other amount has the same, so it prints exactly. */
export const usdOfNano = (nanoUsd: number): number => nanoUsd / NANO_PER_USD;
