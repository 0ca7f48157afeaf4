// Promoting and killing signing keys: what is written, and what is refused.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planKill, planRotation } from "../../../src/admin/key-rotation.ts";
import { type KeyRecord, KeyState, signerOf, stateIn } from "../../../src/capability/key-states.ts";
import { signingKeySet } from "../../../src/capability/signing-key-view.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import { JWKS_CACHE_SECONDS } from "../../../src/kernel/token-limits.ts";
import { recordOf, ringOfThree } from "../capability/key-fixture.ts";
import { NOW_MS } from "../capability/token-fixture.ts";

const ring = ringOfThree;
const [a, b, c] = ring.signers.map(({ keyId }) => keyId) as [string, string, string];
const noted = (...states: readonly KeyState[]): readonly KeyRecord[] =>
  states.map((state, index) => recordOf([a, b, c][index] ?? "", state));
const now = timestampOf(NOW_MS);

const rotated = (records: readonly KeyRecord[], promotion: Parameters<typeof planRotation>[2] = {}) => {
  const change = planRotation(ring, records, promotion, NOW_MS);
  return change.ok ? change.value.changed.map(({ keyId, state }) => [keyId, state]) : change.error.code;
};

describe("a promotion", () => {
  it.each<[what: string, records: readonly KeyRecord[], promotion: object, outcome: unknown]>([
    [
      "takes the published key there is, and retires the one that signs unpromoted",
      noted("published", "published", "killed"),
      {},
      [
        [a, "retired"],
        [b, "signing"],
      ],
    ],
    [
      "retires the promoted one",
      noted("retired", "signing", "published"),
      {},
      [
        [b, "retired"],
        [c, "signing"],
      ],
    ],
    [
      "may name its key",
      noted("published", "published", "published"),
      { keyId: c },
      [
        [a, "retired"],
        [c, "signing"],
      ],
    ],
    [
      "may confirm the one that signs unpromoted",
      noted("published", "published", "published"),
      { keyId: a },
      [[a, "signing"]],
    ],
    [
      "retires a promoted one that has left the secret, too",
      [recordOf("x".repeat(43), "signing"), ...noted("published", "published", "published")],
      { keyId: b },
      [
        ["x".repeat(43), "retired"],
        [a, "retired"],
        [b, "signing"],
      ],
    ],
    [
      "must name its key where there is a choice",
      noted("signing", "published", "published"),
      {},
      "key_state_conflict",
    ],
    ["needs a key that is published", noted("signing", "retired", "killed"), {}, "key_state_conflict"],
    ["takes none that signs", noted("signing", "published", "published"), { keyId: a }, "key_state_conflict"],
    [
      "takes none that is retired",
      noted("signing", "retired", "published"),
      { keyId: b },
      "key_state_conflict",
    ],
    [
      "takes none that was killed",
      noted("signing", "killed", "published"),
      { keyId: b },
      "key_state_conflict",
    ],
    [
      "takes none that is not in the secret",
      noted("signing", "published", "published"),
      { keyId: "y".repeat(43) },
      "not_found",
    ],
    [
      "takes none that was killed by force either",
      noted("signing", "killed", "published"),
      { keyId: b, forceReason: "now" },
      "key_state_conflict",
    ],
  ])("%s", (_what, records, promotion, outcome) => {
    expect(rotated(records, promotion)).toEqual(outcome);
  });

  it("waits until caches have the key, to the millisecond, unless it is forced with a reason", () => {
    const publishedAt = (agoMs: number) => [
      recordOf(a, "published"),
      recordOf(b, "published", { publishedAt: timestampOf(NOW_MS - agoMs) }),
      recordOf(c, "killed"),
    ];
    const cacheMs = JWKS_CACHE_SECONDS * 1_000;
    expect(rotated(publishedAt(cacheMs))).toEqual([
      [a, "retired"],
      [b, "signing"],
    ]);
    const early = planRotation(ring, publishedAt(cacheMs - 1), {}, NOW_MS);
    expect(early).toMatchObject({
      ok: false,
      error: {
        code: "key_published_too_recently",
        field: "keyId",
        message: expect.stringContaining(timestampOf(NOW_MS + 1)),
        retryAfterSeconds: 1,
      },
    });
    const forced = planRotation(ring, publishedAt(0), { forceReason: "the old one leaked" }, NOW_MS);
    expect(forced.ok && forced.value.changed).toMatchObject([
      { keyId: a, state: "retired", retiredAt: now },
      { keyId: b, state: "signing", signingAt: now, reason: "the old one leaked" },
    ]);
  });
});

describe("a kill", () => {
  const killed = (records: readonly KeyRecord[], keyId: string) =>
    planKill(ring, records, keyId, "leaked", NOW_MS);

  it("takes any key that is in the secret or was, and no other", () => {
    expect(killed([], a)?.changed).toMatchObject([
      { keyId: a, state: "killed", publishedAt: now, killedAt: now, reason: "leaked" },
    ]);
    const gone = recordOf("x".repeat(43), "retired");
    expect(killed([gone], gone.keyId)?.changed).toEqual([
      { ...gone, state: "killed", killedAt: now, reason: "leaked" },
    ]);
    expect(killed([], "y".repeat(43))).toBeNull();
  });

  it("of the one that signs lets the next published one sign, and none where none is left", () => {
    const after = killed(noted("signing", "published", "retired"), a)?.after ?? [];
    expect(signerOf(ring, after, NOW_MS)?.keyId).toBe(b);
    const last = killed(after, b)?.after ?? [];
    expect(signingKeySet(ring, last, NOW_MS).signingKeyId).toBeNull();
  });

  it("keeps its first moment and reason when it is repeated", () => {
    const before = recordOf(a, "killed", { killedAt: timestampOf(NOW_MS - 1), reason: "first" });
    expect(killed([before], a)?.changed).toEqual([before]);
  });
});

it("states only go forward, and at most one key signs, whatever is asked in whatever order", () => {
  const order = KeyState.options;
  const step = fc.record({ kill: fc.boolean(), keyId: fc.constantFrom(a, b, c), named: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let records = noted("published", "published", "published");
      for (const { kill, keyId, named } of steps) {
        const rotation = kill ? null : planRotation(ring, records, named ? { keyId } : {}, NOW_MS);
        const change = kill
          ? planKill(ring, records, keyId, "why", NOW_MS)
          : rotation?.ok
            ? rotation.value
            : null;
        if (change === null) continue;
        for (const id of [a, b, c])
          expect(order.indexOf(stateIn(change.after, id))).toBeGreaterThanOrEqual(
            order.indexOf(stateIn(records, id)),
          );
        // Written one after the other: not for a statement do two sign.
        for (let done = 1; done <= change.changed.length; done += 1) {
          const written = new Map(
            [...records, ...change.changed.slice(0, done)].map((one) => [one.keyId, one]),
          );
          expect([...written.values()].filter(({ state }) => state === "signing").length).toBeLessThanOrEqual(
            1,
          );
        }
        records = change.after;
      }
    }),
  );
});
