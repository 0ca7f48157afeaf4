import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_PACK_BYTES, MAX_PACK_RECORDS, packRecords, RecordPack } from "../../../src/audit/record-pack.ts";
import { decisionRecord } from "./record-fixture.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
const messageOf = (records: unknown[]): RecordPack => ({ v: 1, records });

/** A record whose message, alone in its pack, has exactly this many bytes. */
function recordOfMessage(bytes: number, n = 1) {
  const empty = decisionRecord({ n, resource: "" });
  return decisionRecord({ n, resource: "x".repeat(bytes - bytesOf(messageOf([empty]))) });
}

describe("packRecords", () => {
  it("makes nothing of nothing", () => {
    expect(packRecords([])).toEqual([]);
  });

  it("fills packs to their number of records", () => {
    const records = Array.from({ length: MAX_PACK_RECORDS + 1 }, (_, index) =>
      decisionRecord({ n: index + 1 }),
    );
    expect(packRecords(records).map((pack) => pack.length)).toEqual([MAX_PACK_RECORDS, 1]);
  });

  it("fills packs to the last byte", () => {
    const half = recordOfMessage(MAX_PACK_BYTES / 2);
    const left = MAX_PACK_BYTES - bytesOf(messageOf([half, recordOfMessage(1_000)])) + 1_000;
    expect(packRecords([half, recordOfMessage(left)])).toHaveLength(1);
    expect(bytesOf(messageOf([half, recordOfMessage(left)]))).toBe(MAX_PACK_BYTES);
    expect(packRecords([half, recordOfMessage(left + 1)])).toHaveLength(2);
  });

  it("counts bytes, not characters", () => {
    const records = [1, 2].map((n) => decisionRecord({ n, resource: "\u20ac".repeat(MAX_PACK_BYTES / 5) }));
    expect(packRecords(records)).toHaveLength(2);
  });

  it("leaves a record that is too large for any message alone", () => {
    const records = [decisionRecord(), recordOfMessage(MAX_PACK_BYTES + 1, 2), decisionRecord({ n: 3 })];
    expect(packRecords(records)).toEqual(records.map((record) => [record]));
  });

  it("loses, repeats and reorders nothing, and keeps every bound", () => {
    const record = fc
      .record({
        resource: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom('"', "\u{1f600}", "\ud800", "x")),
        times: fc.oneof(fc.constant(1), fc.nat({ max: 40_000 })),
      })
      .map(({ resource, times }) => decisionRecord({ resource: resource.slice(0, 8).repeat(times) }));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 120 }), (records) => {
        const packs = packRecords(records);
        expect(packs.flat()).toEqual(records);
        for (const pack of packs) {
          expect(RecordPack.safeParse(messageOf(pack)).success).toBe(true);
          if (pack.length > 1) expect(bytesOf(messageOf(pack))).toBeLessThanOrEqual(MAX_PACK_BYTES);
        }
      }),
      { numRuns: 30 },
    );
  });
});
