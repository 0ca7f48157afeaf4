// The size of an image in line is read from its header; what cannot be read is no size, never a small one.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageSize } from "../../../src/azure/image-size.ts";

const url = (bytes: readonly number[], type = "image/png"): string =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
const text = (value: string): number[] => [...Buffer.from(value, "latin1")];
const big16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const big32 = (value: number): number[] => [...big16(value >>> 16), ...big16(value)];
const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => (value >> (8 * index)) & 0xff);
const rest = Array.from({ length: 40 }, () => 0);

const png = (width: number, height: number): number[] => [
  ...text("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
  ...big32(width),
  ...big32(height),
  ...rest,
];
const gif = (width: number, height: number): number[] => [
  ...text("GIF89a"),
  ...little(width, 2),
  ...little(height, 2),
  ...rest,
];
const jpeg = (width: number, height: number, notes = 0, frame = 0xc0): number[] => [
  ...[0xff, 0xd8],
  ...Array.from({ length: notes }, () => [
    0xff,
    0xe1,
    ...big16(1_000),
    ...Array.from({ length: 998 }, () => 7),
  ]).flat(),
  ...[0xff, 0xff, 0xc4, 0, 4, 0, 0],
  ...[0xff, frame, 0, 17, 8, ...big16(height), ...big16(width), 3],
  ...rest,
];
const webp = (chunk: string, body: readonly number[]): number[] => [
  ...text("RIFF\0\0\0\0WEBP"),
  ...text(chunk),
  ...[0, 0, 0, 0],
  ...body,
  ...rest,
];
const lossy = (width: number, height: number) =>
  webp("VP8 ", [0, 0, 0, 0x9d, 0x01, 0x2a, ...little(width, 2), ...little(height, 2)]);
const lossless = (width: number, height: number) =>
  webp("VP8L", [0x2f, ...little((width - 1) | ((height - 1) << 14), 4)]);
const extended = (width: number, height: number) =>
  webp("VP8X", [0, 0, 0, 0, ...little(width - 1, 3), ...little(height - 1, 3)]);

describe("a size", () => {
  it.each<[string, (width: number, height: number) => number[]]>([
    ["PNG", png],
    ["GIF", gif],
    ["JPEG", jpeg],
    ["a JPEG behind 60 kB of notes", (width, height) => jpeg(width, height, 60)],
    ["a progressive JPEG", (width, height) => jpeg(width, height, 1, 0xc2)],
    ["lossy WebP", lossy],
    ["lossless WebP", lossless],
    ["extended WebP", extended],
  ])("is read from %s", (_name, make) => {
    const side = fc.integer({ min: 1, max: 16_383 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        expect(imageSize(url(make(width, height)))).toEqual({ width, height });
      }),
      { numRuns: 20 },
    );
  });

  it("goes by the bytes, whatever type the URL states", () => {
    expect(imageSize(url(gif(3, 4), "image/jpeg"))).toEqual({ width: 3, height: 4 });
    expect(imageSize(url(png(3, 4), "IMAGE/PNG"))).toEqual({ width: 3, height: 4 });
  });

  it.each<[string, string]>([
    ["a remote image", "https://x.test/a.png"],
    ["a URL without base64", "data:image/png,abc"],
    ["no base64", "data:image/png;base64,%%%%"],
    ["nothing", "data:image/png;base64,"],
    ["a header cut short", url(png(3, 4).slice(0, 20))],
    ["an image without area", url(png(0, 4))],
    ["a JPEG without a frame", url([0xff, 0xd8, 0xff, 0xda, 0, 4, 0, 0, ...rest])],
    ["a JPEG whose segment leads nowhere", url([0xff, 0xd8, 0xff, 0xe1, 0, 0, ...rest])],
    ["a JPEG whose frame is too far in", url(jpeg(3, 4, 300))],
    ["a WebP of no known kind", url(webp("ICCP", rest))],
    ["a drawing", `data:image/svg+xml;base64,${btoa("<svg width='1' height='1'/>".padEnd(80))}`],
  ])("is not read from %s", (_name, given) => {
    expect(imageSize(given)).toBeNull();
  });

  it("or its absence is all that any bytes lead to", () => {
    const starts = [png(9, 9), gif(9, 9), jpeg(9, 9), lossy(9, 9), lossless(9, 9), extended(9, 9)];
    const broken = fc
      .tuple(fc.constantFrom(...starts), fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 60 }))
      .map(([start, kept, more]) => [...start.slice(0, kept), ...more]);
    fc.assert(
      fc.property(broken, (bytes) => {
        const size = imageSize(url(bytes));
        expect(size === null || (size.width > 0 && size.height > 0)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
