import fc from "fast-check";
import { expect, it } from "vitest";
import { bucketEndMs, bucketOf, counts } from "../../../src/quota/windows.ts";

const at = (text: string) => Date.parse(text);

it.each([
  ["minute", "2027-03-01T12:00:00.999Z", "2027-03-01T12:01:01.000Z"],
  ["day", "2027-03-01T23:59:59.999Z", "2027-03-02T00:00:00.000Z"],
  ["day", "2028-02-29T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
  ["month", "2027-02-28T23:59:59.999Z", "2027-03-01T00:00:00.000Z"],
  ["month", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
  ["month", "2027-12-31T23:59:59.999Z", "2028-01-01T00:00:00.000Z"],
  ["month", "2100-02-28T12:00:00.000Z", "2100-03-01T00:00:00.000Z"],
] as const)("a %s that holds %s ends at %s", (window, inside, end) => {
  const bucket = bucketOf(window, at(inside));
  expect(bucketEndMs(window, bucket)).toBe(at(end));
  expect(counts(window, bucket, at(end) - 1)).toBe(true);
  expect(counts(window, bucket, at(end))).toBe(false);
});

it("has one bucket for what is under way, that never ends", () => {
  expect([bucketOf("open", at("2027-01-01T00:00:00Z")), bucketEndMs("open", 0)]).toEqual([0, null]);
});

it("puts every moment into a bucket that counts then, after all earlier moments' and until it is over", () => {
  const moment = fc.integer({ min: 0, max: at("2200-01-01T00:00:00Z") });
  fc.assert(
    fc.property(
      moment,
      fc.nat(40 * 86_400_000),
      fc.constantFrom("minute", "day", "month"),
      (nowMs, gapMs, window) => {
        const bucket = bucketOf(window, nowMs);
        expect(counts(window, bucket, nowMs)).toBe(true);
        expect(bucketOf(window, nowMs + gapMs)).toBeGreaterThanOrEqual(bucket);
        // A call counts in every window that still holds its own moment.
        const sameWindow = window === "minute" ? gapMs <= 60_000 : bucketOf(window, nowMs + gapMs) === bucket;
        if (sameWindow) expect(counts(window, bucket, nowMs + gapMs)).toBe(true);
      },
    ),
  );
});
