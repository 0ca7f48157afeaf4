// Ids sort by the time they were made; text has one spelling in base64url; comparison tells nothing by its time.
import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equalInConstantTime, hmacSha256Hex, sha256Hex } from "../../../src/kernel/digest.ts";
import { fromBase64Url, toBase64Url, toHex, utf8Bytes, utf8Text } from "../../../src/kernel/encoding.ts";
import * as ids from "../../../src/kernel/ids.ts";
import { Timestamp, timestampOf } from "../../../src/kernel/timestamp.ts";

const mintAt = (nowMs: number, byte: number) =>
  ids.createIdMint(
    () => nowMs,
    (length) => new Uint8Array(length).fill(byte),
  );
const kinds = {
  agent: ids.AgentId,
  policy: ids.PolicyId,
  apiKey: ids.ApiKeyId,
  decision: ids.DecisionId,
  token: ids.TokenId,
  request: ids.RequestId,
  backend: ids.BackendId,
} as const;
const kindNames = Object.keys(kinds) as (keyof typeof kinds)[]; // Object.keys loses the key type.

describe("ids", () => {
  it("sort by the time they were made, whatever the random bytes", () => {
    // Up to the year 10889: twelve hex digits of milliseconds.
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(time, time, byte, byte, (one, other, a, b) => {
        fc.pre(one !== other);
        const [earlier, later] = [
          mintAt(Math.min(one, other), a).policy(),
          mintAt(Math.max(one, other), b).policy(),
        ];
        expect(earlier < later).toBe(true);
      }),
    );
  });

  it("match their own schema and no other", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.integer({ min: 0, max: 255 }),
        (time, byte) => {
          for (const made of kindNames) {
            const id = mintAt(time, byte)[made]();
            expect(kindNames.filter((kind) => kinds[kind].safeParse(id).success)).toEqual([made]);
          }
        },
      ),
    );
  });

  it("of a decision and of its reservation differ in their prefix alone", () => {
    const decisionId = mintAt(1_790_000_000_000, 0x5a).decision();
    const reservationId = ids.reservationOf(decisionId);
    expect(ids.ReservationId.parse(reservationId)).toBe(decisionId.replace("decision_", "reservation_"));
  });

  it("are UUIDs of version 7 and variant 10, with 74 random bits", () => {
    // The time of RFC 9562's example.
    const zeros = mintAt(0x017f22e279b0, 0x00).agent();
    const ones = mintAt(0x017f22e279b0, 0xff).agent();
    expect(zeros).toBe("agent_017f22e279b070008000000000000000");
    expect(ones).toBe("agent_017f22e279b07fffbfffffffffffffff");
  });

  it("are well-formed whatever the clock says, and leave the random source's bytes alone", () => {
    fc.assert(
      fc.property(fc.double(), fc.uint8Array({ minLength: 16, maxLength: 16 }), (nowMs, bytes) => {
        const before = [...bytes];
        const mint = ids.createIdMint(
          () => nowMs,
          () => bytes,
        );
        for (const kind of kindNames) expect(kinds[kind].safeParse(mint[kind]()).success).toBe(true);
        expect([...bytes]).toEqual(before);
      }),
    );
  });

  it("carry the time and the random bytes, each bit in its place", () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(time, fc.uint8Array({ minLength: 16, maxLength: 16 }), (nowMs, bytes) => {
        const mint = ids.createIdMint(
          () => nowMs,
          () => bytes,
        );
        const random = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
        const randomBits = (1n << 80n) - 1n - (0xfn << 76n) - (0x3n << 62n);
        const uuid = (BigInt(nowMs) << 80n) | (7n << 76n) | (2n << 62n) | (random & randomBits);
        expect(mint.token()).toBe(`token_${uuid.toString(16).padStart(32, "0")}`);
      }),
    );
  });

  it.each([
    "agent_",
    "agent_1",
    `agent_${"0".repeat(33)}`,
    `agent_${"A".repeat(32)}`,
    `agent_${"0".repeat(32)}\n`,
  ])("%j is none", (text) => {
    expect(ids.AgentId.safeParse(text).success).toBe(false);
  });

  it.each(["a", "tenant-a", "0", "a".repeat(64), "default-tenant"])("%s names a tenant", (text) => {
    expect(ids.TenantId.safeParse(text).success).toBe(true);
    expect(ids.Scope.safeParse(text).success).toBe(true);
  });

  it.each(["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a".repeat(65), "a\n"])("%j names none", (text) => {
    expect(ids.TenantId.safeParse(text).success).toBe(false);
    expect(ids.Scope.safeParse(text).success).toBe(false);
  });

  it("the platform is a scope and never a tenant", () => {
    expect(ids.TenantId.safeParse("platform").success).toBe(false);
    expect(ids.Scope.safeParse("platform").success).toBe(true);
  });
});

describe("base64url", () => {
  it("comes back as it went", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64url"));
        expect([...(fromBase64Url(text) ?? [])]).toEqual([...bytes]);
      }),
    );
  });

  it("has one spelling: whatever parses is what its bytes encode to", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{0,12}$/), (text) => {
        const bytes = fromBase64Url(text);
        if (bytes) expect(toBase64Url(bytes)).toBe(text);
        // Unused bits of the last character set: another spelling of the same bytes.
        else
          expect(text.length % 4 === 1 || Buffer.from(text, "base64url").toString("base64url") !== text).toBe(
            true,
          );
      }),
    );
  });

  it("is read as Buffer reads it, and only in Buffer's own spelling", () => {
    const canonical = fc
      .uint8Array({ maxLength: 300 })
      .map((bytes) => Buffer.from(bytes).toString("base64url"));
    const edited = fc
      .tuple(canonical, fc.nat(), fc.string({ unit: "binary", maxLength: 2 }))
      .map(
        ([text, at, put]) =>
          text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1),
      );
    const any = fc.oneof(canonical, edited, fc.string({ unit: "binary" }), fc.base64String());
    fc.assert(
      fc.property(any, (text) => {
        const bytes = Buffer.from(text, "base64url");
        const expected = bytes.toString("base64url") === text ? [...bytes] : undefined;
        const read = fromBase64Url(text);
        expect(read && [...read]).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["A", "AB", "AAB", "AA==", "AA=", "A+AA", "A/AA", "AA AA", "AA\n", "AAé", "AAAAA"])(
    "%j is none",
    (text) => {
      expect(fromBase64Url(text)).toBeUndefined();
    },
  );
});

describe("text and digests", () => {
  it("hex and UTF-8 are strict", () => {
    expect(toHex(new Uint8Array([0, 1, 15, 16, 255]))).toBe("00010f10ff");
    expect(utf8Text(utf8Bytes("水门 🙂 \ufeff"))).toBe("水门 🙂 \ufeff");
    expect(utf8Text(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))).toBe("\ufeffa");
    for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
      expect(utf8Text(new Uint8Array(bytes))).toBeUndefined();
    }
  });

  it("hex and UTF-8 are what Buffer makes of them, for any bytes and any text", () => {
    const bytesOrText = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.string({ unit: "binary" }).map((text) => new Uint8Array(Buffer.from(text))),
    );
    fc.assert(
      fc.property(bytesOrText, (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(utf8Text(bytes)).toBe(isUtf8(bytes) ? Buffer.from(bytes).toString("utf8") : undefined);
      }),
    );
    const codeUnits = fc.array(fc.integer({ min: 0, max: 0xffff }));
    const anyText = fc.oneof(
      fc.string({ unit: "binary" }),
      codeUnits.map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...utf8Bytes(text)]).toEqual([...Buffer.from(text, "utf8")]);
        expect(utf8Bytes(text).buffer).toBeInstanceOf(ArrayBuffer);
      }),
    );
  });

  it("agree with the test vectors of FIPS 180-2 and RFC 4231", async () => {
    expect(await sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(await hmacSha256Hex("Jefe", "what do ya want for nothing?")).toBe(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("comparison agrees with ===", () => {
    const text = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(equalInConstantTime(left, right)).toBe(left === right);
        expect(equalInConstantTime(left, `${left}`)).toBe(true);
      }),
    );
  });

  it("comparison looks at every character, wherever the first difference is", () => {
    const read: number[] = [];
    const left = new Proxy(new String("aaaa"), {
      get: (target, key) =>
        key === "charCodeAt"
          ? (index: number) => {
              read.push(index);
              return target.charCodeAt(index);
            }
          : Reflect.get(target, key),
    });
    expect(equalInConstantTime(left as unknown as string, "baaa")).toBe(false); // A string that tells who reads it.
    expect(read).toEqual([0, 1, 2, 3]);
  });
});

describe("timestamps", () => {
  it("are RFC 3339 in UTC with milliseconds", () => {
    expect(timestampOf(1_790_000_000_007)).toBe("2026-09-21T14:13:20.007Z");
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), (ms) => {
        expect(Timestamp.safeParse(timestampOf(ms)).success).toBe(true);
        expect(Date.parse(timestampOf(ms))).toBe(ms);
      }),
    );
  });

  it.each([
    "2026-01-31",
    "2026-01-31T08:30:00Z",
    "2026-01-31T08:30:00.000+01:00",
    "2026-01-31T08:30:00.000z",
    "2026-13-01T00:00:00.000Z",
    "2026-01-31T25:00:00.000Z",
    "2026-01-31T24:00:00.000Z",
    "2026-02-30T00:00:00.000Z",
    "2026-01-31T08:30:00.000Z\n",
  ])("%j is none", (text) => {
    expect(Timestamp.safeParse(text).success).toBe(false);
  });
});
