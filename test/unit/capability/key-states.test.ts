// Which key signs, and whose tokens are still good, by the states that the platform's database has of the keys.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCurrentSigner } from "../../../src/capability/current-signer.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import {
  isWithdrawn,
  type KeyRecord,
  KeyState,
  signerOf,
  verifiesUntil,
  withdrawnKeyOf,
} from "../../../src/capability/key-states.ts";
import { createPublishedKeys } from "../../../src/capability/published-keys.ts";
import { signingKeySet } from "../../../src/capability/signing-key-view.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import {
  JWKS_READ_EVERY_MS,
  KEY_RETIRED_GRACE_SECONDS,
  TOKEN_MAX_SECONDS,
} from "../../../src/kernel/token-limits.ts";
import { recordOf, ringOfThree } from "./key-fixture.ts";
import { jwksText, NOW_MS, NOW_SECONDS, newPrivateJwk } from "./token-fixture.ts";

const ring = ringOfThree;
const [a, b, c] = ring.signers.map(({ keyId }) => keyId) as [string, string, string];

describe("the key that signs", () => {
  it.each<[what: string, records: readonly KeyRecord[], signs: string | undefined]>([
    ["without states, the first of the secret", [], a],
    [
      "the first published one, while none was promoted",
      [recordOf(a, "published"), recordOf(b, "published")],
      a,
    ],
    ["the promoted one, wherever it stands", [recordOf(c, "signing")], c],
    ["never one that is retired", [recordOf(a, "retired")], b],
    ["never one that was killed", [recordOf(a, "killed"), recordOf(b, "retired")], c],
    [
      "the next published one, when the promoted one has left the secret",
      [recordOf("x".repeat(43), "signing"), recordOf(a, "retired")],
      b,
    ],
    [
      "none, where all are withdrawn",
      [recordOf(a, "killed"), recordOf(b, "retired"), recordOf(c, "killed")],
      undefined,
    ],
  ])("is %s", (_what, records, signs) => {
    expect(signerOf(ring, records, NOW_MS)?.keyId).toBe(signs);
    expect(signingKeySet(ring, records, NOW_MS).signingKeyId).toBe(signs ?? null);
  });

  it("is no promoted one whose end has come, and no published one either", async () => {
    const ended = await importKeyRing(
      jwksText(
        { ...(await newPrivateJwk()), exp: NOW_SECONDS },
        { ...(await newPrivateJwk()), exp: NOW_SECONDS + 1 },
      ),
    );
    const [first, second] = ended.signers;
    const records = [recordOf(first.keyId, "signing")];
    expect(signerOf(ended, records, NOW_MS - 1)).toBe(first);
    expect(signerOf(ended, records, NOW_MS)).toBe(second);
    expect(signerOf(ended, records, NOW_MS + 1_000)).toBeUndefined();
  });

  it("is read anew each time, and nothing signs where it cannot be read or none is left", async () => {
    let answer: ReturnType<Parameters<typeof createCurrentSigner>[1]["all"]> = Promise.resolve(ok([]));
    const signer = createCurrentSigner(ring, { all: () => answer });
    const told = async () => {
      const result = await signer(NOW_MS);
      return result.ok ? result.value.keyId : result.error.code;
    };
    expect(await told()).toBe(a);
    answer = Promise.resolve(ok([recordOf(a, "killed")]));
    expect(await told()).toBe(b);
    answer = Promise.resolve(ok([a, b, c].map((keyId) => recordOf(keyId, "killed"))));
    expect(await told()).toBe("signing_keys_ended");
    answer = Promise.resolve(fail(refuse("store_unavailable")));
    expect(await told()).toBe("store_unavailable");
  });

  it("is never withdrawn, whatever the states", () => {
    const anyStates = fc.array(fc.tuple(fc.constantFrom(a, b, c), fc.constantFrom(...KeyState.options)), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(anyStates, (states) => {
        const records = [...new Map(states)].map(([keyId, state]) => recordOf(keyId, state));
        const withdrawn = records.flatMap((record) => withdrawnKeyOf(record) ?? []);
        const signer = signerOf(ring, records, NOW_MS);
        const isOpen = (keyId: string) => !withdrawn.some((key) => key.keyId === keyId);
        return signer === undefined ? ![a, b, c].some(isOpen) : isOpen(signer.keyId);
      }),
    );
  });
});

describe("a token of a withdrawn key", () => {
  const retiredAt = timestampOf(NOW_MS);
  const withdrawnBy = (state: KeyState) =>
    [recordOf(a, state, { retiredAt })].flatMap((record) => withdrawnKeyOf(record) ?? []);
  const issuedAt = (issuedAtSeconds: number, keyId = a) => ({ signedBy: [{ keyId, issuedAtSeconds }] });
  const graceEnd = NOW_SECONDS + KEY_RETIRED_GRACE_SECONDS;

  it.each<[state: KeyState, issued: number, refused: boolean]>([
    ["published", graceEnd + 9_999, false],
    ["signing", graceEnd + 9_999, false],
    ["retired", NOW_SECONDS - 1, false],
    ["retired", graceEnd, false],
    ["retired", graceEnd + 1, true],
    ["retired", Number.NaN, true],
    ["killed", NOW_SECONDS - 1, true],
    ["killed", 0, true],
  ])("%s, issued at %s: withdrawn is %s", (state, issued, refused) => {
    expect(isWithdrawn(issuedAt(issued), withdrawnBy(state))).toBe(refused);
    expect(isWithdrawn(issuedAt(issued, b), withdrawnBy(state))).toBe(false);
    const comesFromIt = [...issuedAt(NOW_SECONDS, b).signedBy, ...issuedAt(issued).signedBy];
    expect(isWithdrawn({ signedBy: comesFromIt }, withdrawnBy(state))).toBe(refused);
  });

  it.each<[state: KeyState, endsAtMs: number | null, until: number | null]>([
    ["published", null, null],
    ["signing", NOW_MS, NOW_MS + TOKEN_MAX_SECONDS * 1_000],
    ["retired", null, NOW_MS + (KEY_RETIRED_GRACE_SECONDS + TOKEN_MAX_SECONDS) * 1_000],
    ["retired", NOW_MS - 5_000, NOW_MS - 5_000 + TOKEN_MAX_SECONDS * 1_000],
    ["killed", null, NOW_MS + 7],
  ])("%s with the end %s: its tokens are accepted until %s", (state, endsAtMs, until) => {
    const endsAt = endsAtMs === null ? null : timestampOf(endsAtMs);
    const record = recordOf(a, state, { retiredAt, killedAt: timestampOf(NOW_MS + 7) });
    expect(verifiesUntil({ endsAt }, record)).toBe(until === null ? null : timestampOf(until));
  });
});

describe("the published keys", () => {
  function publishing() {
    const world = {
      nowMs: NOW_MS,
      reads: 0,
      records: ok([]) as Awaited<ReturnType<Parameters<typeof createCurrentSigner>[1]["all"]>>,
      heard: [] as readonly KeyRecord[],
    };
    const publish = createPublishedKeys({
      keyRing: ring,
      receiptKeys: { published: [] },
      records: async () => {
        world.reads += 1;
        return world.records;
      },
      withdrawnKeys: () => world.heard.flatMap((record) => withdrawnKeyOf(record) ?? []),
      clock: () => world.nowMs,
    });
    const kids = async () => {
      const result = await publish();
      return result.ok ? result.value.keys.map(({ kid }) => kid) : result.error.code;
    };
    return { world, kids };
  }

  it("are all but the killed ones, which are gone within a second, and at once where this isolate has heard", async () => {
    const { world, kids } = publishing();
    world.records = ok([recordOf(b, "retired"), recordOf(c, "published")]);
    expect(await kids()).toEqual([a, b, c]);
    world.records = ok([recordOf(b, "killed")]);
    world.nowMs += JWKS_READ_EVERY_MS - 1;
    expect(await kids()).toEqual([a, b, c]);
    world.heard = [recordOf(a, "killed")];
    expect(await kids()).toEqual([b, c]);
    world.nowMs += 1;
    expect(await kids()).toEqual([c]);
    expect(world.reads).toBe(2);
  });

  it("are those read last where nothing can be read, and none where nothing ever was", async () => {
    const { world, kids } = publishing();
    world.records = fail(refuse("store_unavailable"));
    expect(await kids()).toBe("store_unavailable");
    world.records = ok([recordOf(b, "killed")]);
    expect(await kids()).toEqual([a, c]);
    world.records = fail(refuse("store_unavailable"));
    world.nowMs += 10 * JWKS_READ_EVERY_MS;
    expect(await kids()).toEqual([a, c]);
  });
});
