// Addresses against ranges, held against arithmetic on whole numbers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipAddress, ipRange, isInRange, isWholeRange } from "../../../src/policy/ip-range.ts";

function holds(range: string, address: string): boolean {
  const [parsedRange, parsedAddress] = [ipRange(range), ipAddress(address)];
  if (!parsedRange || !parsedAddress) throw new Error(`${range} or ${address} does not parse.`);
  return isInRange(parsedAddress, parsedRange);
}

describe("an address in a range", () => {
  it.each([
    ["192.0.2.0/24", "192.0.2.0", true],
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.1/32", "192.0.2.1", true],
    ["192.0.2.1/32", "192.0.2.2", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["172.16.0.0/12", "172.31.255.255", true],
    ["172.16.0.0/12", "172.32.0.0", false],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::", false],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["2001:DB8::/32", "2001:0db8:0:0:0:0:0:1", true],
    ["::1/128", "::1", true],
    ["::1/128", "::2", false],
    // An IPv4 address in IPv6 spelling is that address, in ranges of both spellings.
    ["192.0.2.0/24", "::ffff:192.0.2.7", true],
    ["192.0.2.0/24", "::FFFF:c000:207", true],
    ["::ffff:192.0.2.0/120", "192.0.2.7", true],
    ["::ffff:192.0.2.0/120", "::ffff:192.0.3.7", false],
    // One family holds nothing of the other.
    ["::/0", "192.0.2.1", false],
    ["::/0", "::ffff:192.0.2.1", false],
    ["::/0", "2001:db8::1", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    // Not mapped: no more than its last digits look like it.
    ["192.0.2.0/24", "::192.0.2.7", false],
  ])("%s holds %s: %s", (range, address, expected) => {
    expect(holds(range, address)).toBe(expected);
  });

  it("is in an IPv4 range as whole numbers say", () => {
    const ipv4 = fc.nat({ max: 2 ** 32 - 1 });
    const text = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
    fc.assert(
      fc.property(
        ipv4,
        ipv4,
        fc.integer({ min: 0, max: 32 }),
        fc.nat({ max: 31 }),
        (base, other, prefix, bit) => {
          // Often near: another address, or the same with one bit turned.
          for (const address of [other, (base ^ (1 << bit)) >>> 0, base]) {
            const size = 2 ** (32 - prefix);
            const expected = Math.floor(base / size) === Math.floor(address / size);
            expect(holds(`${text(base)}/${prefix}`, text(address))).toBe(expected);
            expect(holds(`${text(base)}/${prefix}`, `::ffff:${text(address)}`)).toBe(expected);
          }
        },
      ),
    );
  });

  it("is in an IPv6 range as whole numbers say", () => {
    const groups = fc.array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 });
    const number = (parts: readonly number[]) =>
      parts.reduce((sum, part) => sum * 65_536n + BigInt(part), 0n);
    const text = (parts: readonly number[]) => parts.map((part) => part.toString(16)).join(":");
    const turned = (parts: readonly number[], bit: number) =>
      parts.map((part, index) => (index === Math.floor(bit / 16) ? part ^ (1 << (15 - (bit % 16))) : part));
    fc.assert(
      fc.property(groups, fc.integer({ min: 0, max: 128 }), fc.nat({ max: 127 }), (base, prefix, bit) => {
        fc.pre((base[5] ?? 0) !== 0xffff && (base[5] ?? 0) !== 0xfffe);
        for (const address of [turned(base, bit), base]) {
          const shift = BigInt(128 - prefix);
          const expected = number(base) >> shift === number(address) >> shift;
          expect(holds(`${text(base)}/${prefix}`, text(address))).toBe(expected);
        }
      }),
    );
  });
});

describe("what is no address or range", () => {
  it.each([
    "",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "192.0.2.1 ",
    "192.0.2.-1",
    "0x7f.0.0.1",
    "::1::",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "12345::",
    "g::",
    "::192.0.2.1:0",
    "fe80::1%eth0",
    "[::1]",
    "localhost",
  ])("%j is no address", (text) => {
    expect(ipAddress(text)).toBeNull();
  });

  it.each([
    "192.0.2.0",
    "192.0.2.0/",
    "192.0.2.0/33",
    "192.0.2.0/-1",
    "192.0.2.0/08",
    "::/129",
    "::/0/0",
    "/8",
  ])("%j is no range", (text) => {
    expect(ipRange(text)).toBeNull();
  });
});

it.each([
  ["192.0.2.0/24", true],
  ["192.0.2.1/24", false],
  ["192.0.2.128/25", true],
  ["192.0.2.1/32", true],
  ["0.0.0.0/0", true],
  ["128.0.0.0/0", false],
  ["2001:db8::/32", true],
  ["2001:db8::1/32", false],
  ["2001:db8:8000::/33", true],
  ["::ffff:192.0.2.0/120", true],
  ["::ffff:192.0.2.1/120", false],
])("%s is a whole range: %s", (text, expected) => {
  const range = ipRange(text);
  expect(range && isWholeRange(range)).toBe(expected);
});

it.each(["1.2.3.4::", "192.0.2.1::1", "2001:db8:192.0.2.1::"])(
  "%s has dots before its end: no address, no range",
  (text) => {
    expect(ipAddress(text)).toBeNull();
    expect(ipRange(`${text}/128`)).toBeNull();
  },
);
