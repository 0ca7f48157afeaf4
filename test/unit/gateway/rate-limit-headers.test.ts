// What callers are told of their limits: never sooner, never more than is left, never whose; in headers that parse.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limitsOf, setRateLimits } from "../../../src/gateway/rate-limit-headers.ts";
import { refusedByLedger } from "../../../src/gateway/refused-as.ts";
import type { LimitState } from "../../../src/quota/contracts.ts";
import { quotaRefusal } from "../../../src/quota/ledger-refusal.ts";
import { Meter, QuotaScope, Window } from "../../../src/quota/limit-claim.ts";
import { allowedWith } from "./gateway-fixture.ts";

const atMs = Date.UTC(2026, 1, 3, 23, 59, 30, 250);
const state = (more: Partial<LimitState>): LimitState => ({
  owner: "policy:secret-plan",
  scope: "agent",
  meter: "requests",
  window: "minute",
  limit: 10,
  left: 4,
  resetsAtMs: atMs + 10_001,
  ...more,
});

function told(limits: readonly LimitState[], azure: Record<string, string> = {}): Record<string, string> {
  const headers = new Headers(azure);
  setRateLimits(headers, { limits, atMs });
  return Object.fromEntries(headers);
}

/** RFC 9651, section 4.2, as far as these headers use it: a list of strings with parameters. Anything else throws. */
function parsedList(text: string): ReadonlyMap<string, Readonly<Record<string, string | number>>> {
  const items = new Map<string, Record<string, string | number>>();
  let rest = text;
  const take = (pattern: RegExp): string | null => {
    const [whole, first] = pattern.exec(rest) ?? [];
    if (whole === undefined) return null;
    rest = rest.slice(whole.length);
    return first ?? whole;
  };
  const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/;
  for (;;) {
    const name = take(quoted);
    if (name === null || items.has(name)) throw new Error(`No item, or twice: ${rest}`);
    const parameters: Record<string, string | number> = {};
    while (take(/^; */) !== null) {
      const key = take(/^[a-z*][a-z0-9_.*-]*/);
      if (key === null || key in parameters || take(/^=/) === null) throw new Error(`No parameter: ${rest}`);
      const integer = take(/^(-?\d{1,15})(?![\d.])/);
      const value = integer === null ? take(quoted) : Number(integer);
      if (value === null) throw new Error(`No value: ${rest}`);
      parameters[key] = value;
    }
    items.set(name, parameters);
    if (rest === "") return items;
    if (take(/^[ \t]*,[ \t]*/) === null || rest === "") throw new Error(`No list: ${rest}`);
  }
}

const amount = fc.oneof(fc.nat(100), fc.maxSafeNat());
const anyState: fc.Arbitrary<LimitState> = fc
  .record({
    owner: fc.constant("policy:secret-plan"),
    scope: fc.constantFrom(...QuotaScope.options),
    meter: fc.constantFrom(...Meter.options),
    window: fc.constantFrom(...Window.options),
    limit: amount,
    left: amount,
    resetsAtMs: fc.option(fc.integer({ min: -5_000, max: 32 * 86_400_000 }).map((ms) => atMs + ms)),
  })
  .map((made) => ({ ...made, left: Math.min(made.left, made.limit) }));

describe("for any limits", () => {
  it("both lists parse, name the same limits once each, and nobody who owns them", () => {
    fc.assert(
      fc.property(fc.array(anyState, { minLength: 1, maxLength: 12 }), (limits) => {
        const headers = told(limits);
        const policies = parsedList(headers["ratelimit-policy"] ?? "");
        const lefts = parsedList(headers.ratelimit ?? "");
        expect([...lefts.keys()]).toEqual([...policies.keys()]);
        expect(new Set(policies.keys())).toEqual(
          new Set(limits.map(({ scope, meter, window }) => `${scope}-${meter}-${window}`)),
        );
        for (const [name, { r }] of lefts)
          expect(Number(r)).toBeLessThanOrEqual(Number(policies.get(name)?.q));
        expect(JSON.stringify(headers)).not.toContain("secret-plan");
      }),
    );
  });

  it("a reset is never early, and less than a second late", () => {
    fc.assert(
      fc.property(anyState, (limit) => {
        const headers = told([limit]);
        const [[, { t }] = ["", { t: undefined }]] = parsedList(headers.ratelimit ?? "");
        if (limit.resetsAtMs === null) {
          expect(t).toBeUndefined();
          return;
        }
        const waitMs = Math.max(0, limit.resetsAtMs - atMs);
        expect(Number(t) * 1_000).toBeGreaterThanOrEqual(waitMs);
        expect(Number(t) * 1_000).toBeLessThan(waitMs + 1_000);
        if (limit.meter === "requests") expect(headers["x-ratelimit-reset-requests"]).toBe(String(t));
      }),
    );
  });

  it("x-ratelimit-* tells of a limit that applies, with no smaller share of that meter beside it", () => {
    fc.assert(
      fc.property(fc.array(anyState, { maxLength: 12 }), (limits) => {
        const headers = told(limits);
        for (const meter of ["requests", "tokens"] as const) {
          const counted = limits.filter((limit) => limit.meter === meter);
          const [limit, left] = ["limit", "remaining"].map((what) => headers[`x-ratelimit-${what}-${meter}`]);
          if (counted.length === 0) {
            expect([limit, left]).toEqual([undefined, undefined]);
            continue;
          }
          const share = (of: number, all: number) => (all === 0 ? 0 : of / all);
          const least = Math.min(...counted.map((one) => share(one.left, one.limit)));
          expect(share(Number(left), Number(limit))).toBe(least);
          expect(counted.some((one) => String(one.limit) === limit && String(one.left) === left)).toBe(true);
        }
      }),
    );
  });
});

describe("in full", () => {
  it("the tightest of each meter, and all of them by name", () => {
    const headers = told([
      state({}),
      state({ scope: "tenant", window: "day", limit: 1_000, left: 100, resetsAtMs: atMs + 29_750 }),
      state({ meter: "tokens", window: "day", limit: 500, left: 0, resetsAtMs: atMs + 29_750 }),
    ]);
    expect(headers).toEqual({
      "x-ratelimit-limit-requests": "1000",
      "x-ratelimit-remaining-requests": "100",
      "x-ratelimit-reset-requests": "30",
      "x-ratelimit-limit-tokens": "500",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "30",
      "ratelimit-policy":
        '"agent-requests-minute";q=10;w=60;qu="requests", "tenant-requests-day";q=1000;w=86400;qu="requests", "agent-tokens-day";q=500;w=86400;qu="tokens"',
      ratelimit:
        '"agent-requests-minute";r=4;t=11, "tenant-requests-day";r=100;t=30, "agent-tokens-day";r=0;t=30',
    });
  });

  it("of equal shares the shorter window; of one name the tighter of two owners", () => {
    const shorter = told([
      state({ window: "day", limit: 20, left: 10 }),
      state({ limit: 4, left: 2 }),
      state({ owner: "tenant:t", limit: 8, left: 6 }),
    ]);
    expect(shorter["x-ratelimit-limit-requests"]).toBe("4");
    expect(shorter.ratelimit).toBe('"agent-requests-day";r=10;t=11, "agent-requests-minute";r=2;t=11');
  });

  it("money only as a share, rounded down; a month by its own length", () => {
    const cost = state({ meter: "cost", window: "month", limit: 2_000_000_000, left: 1_999_999_999 });
    expect(told([cost])).toEqual({
      "ratelimit-policy": '"agent-cost-month";q=100;w=2419200;qu="percent"',
      ratelimit: '"agent-cost-month";r=99;t=11',
    });
  });

  it("calls under way have neither window nor reset", () => {
    const underWay = state({ meter: "concurrent", window: "open", resetsAtMs: null });
    expect(told([underWay])).toEqual({
      "ratelimit-policy": '"agent-concurrent-open";q=10;qu="concurrent-requests"',
      ratelimit: '"agent-concurrent-open";r=4',
    });
  });
});

describe("Azure's own", () => {
  const azure = {
    "x-ratelimit-limit-requests": "450",
    "x-ratelimit-remaining-requests": "449",
    "x-ratelimit-reset-requests": "7",
    "x-ratelimit-remaining-tokens": "449356",
  };

  it("give way per meter, none of the three is left beside the gateway's", () => {
    const headers = told([state({ resetsAtMs: null })], azure);
    expect(headers).toMatchObject({
      "x-ratelimit-limit-requests": "10",
      "x-ratelimit-remaining-requests": "4",
      "x-ratelimit-remaining-tokens": "449356",
    });
    expect(headers).not.toHaveProperty("x-ratelimit-reset-requests");
  });

  it("pass where the gateway has no limit", () => {
    expect(told([], azure)).toEqual(azure);
  });
});

describe("what a judgement says of limits", () => {
  const by = { number: { source: "agent/x", n: 1 }, revisions: null };

  it("a refusal: the limit that bound, and the wait by the ledger's clock to the millisecond", () => {
    const binding = state({ left: 0, resetsAtMs: atMs + 1_234 });
    const refused = refusedByLedger(quotaRefusal(binding, atMs - 500), { ...by, atMs }, {});
    expect(limitsOf(refused, atMs + 30_000)).toEqual({ limits: [binding], atMs });
    expect(refused.refusal).toMatchObject({
      code: "request_rate_exceeded",
      retryAfterSeconds: 1.234,
      limit: { scope: "agent", meter: "requests", window: "minute", limit: 10, left: 0 },
    });
    expect(JSON.stringify(refused.refusal.limit)).not.toContain("secret-plan");
  });

  it("a moment that has passed is no wait: the ledger's hint stands", () => {
    const binding = state({ left: 0, resetsAtMs: atMs - 1 });
    const { refusal } = refusedByLedger(quotaRefusal(binding, atMs), { ...by, atMs }, {});
    expect(refusal.retryAfterSeconds).toBe(1);
  });

  it("a request larger than its limit names no wait, calls under way a second", () => {
    const waits = [
      state({ resetsAtMs: null }),
      state({ meter: "concurrent", window: "open", resetsAtMs: null }),
    ];
    expect(
      waits.map(
        (one) => refusedByLedger(quotaRefusal(one, atMs), { ...by, atMs }, {}).refusal.retryAfterSeconds,
      ),
    ).toEqual([undefined, 1]);
  });

  it("money in a refusal is a share as well", () => {
    const binding = state({ meter: "cost", window: "day", limit: 3_000_000, left: 1_000_000 });
    const { refusal } = refusedByLedger(quotaRefusal(binding, atMs), { ...by, atMs }, {});
    expect(refusal.limit).toMatchObject({ unit: "percent", limit: 100, left: 33 });
  });

  it("an allowance: by the ledger's clock, else by the Worker's; a replay nothing, it read no counter", () => {
    const allowed = allowedWith({});
    const first = { ...allowed, reserved: { ...allowed.reserved, replayed: false } };
    expect(limitsOf(first, 7)).toEqual({ limits: allowed.reserved.limits, atMs: 7 });
    expect(limitsOf({ ...first, reserved: { ...first.reserved, atMs: 5 } }, 7)?.atMs).toBe(5);
    expect(limitsOf(allowed, 7)).toBeNull();
  });
});
