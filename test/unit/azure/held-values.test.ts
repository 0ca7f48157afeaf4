// Values that calls share: obtained by one call at a time, renewed early, and never by waiting for another call's promise.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHeldValues, type Obtained } from "../../../src/azure/held-values.ts";
import {
  CREDENTIAL_AGAIN_MS,
  CREDENTIAL_CLAIM_MARGIN_MS,
  CREDENTIAL_DROP_AGE_MS,
  CREDENTIAL_POLL_MS,
} from "../../../src/kernel/limits.ts";
import { fail, ok, type Result } from "../../../src/kernel/result.ts";
import { createManualTimers } from "../gateway/gateway-fixture.ts";

const MAX_MS = 5_000;
const RENEW_MS = 80_000;
const USABLE_MS = 100_000;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

type Attempt = PromiseWithResolvers<Result<Obtained<string>, string>>;

function holding() {
  const timers = createManualTimers();
  const attempts: Attempt[] = [];
  const failures: string[] = [];
  const behind: Promise<unknown>[] = [];
  let timersAreDead = false;
  const held = createHeldValues<string>({
    clock: timers.clock,
    startTimer: (ms, fire) => timers.startTimer(ms, timersAreDead ? () => {} : fire),
    background: (work) => behind.push(work),
    maxMs: MAX_MS,
    maxHeld: 3,
    onFailure: (key, reason) => failures.push(`${key}: ${reason}`),
  });
  return {
    held,
    timers,
    attempts,
    failures,
    behind,
    /** The request that begins here ends before anything it has begun. */
    async dying(begin: () => unknown) {
      timersAreDead = true;
      begin();
      await settled();
      timersAreDead = false;
    },
    get: (key = "key") =>
      held.get(key, (signal) => {
        const attempt: Attempt = Promise.withResolvers();
        attempts.push(attempt);
        signal.addEventListener("abort", () => attempt.reject(new Error("https://host.test aborted")));
        return attempt.promise;
      }),
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= CREDENTIAL_POLL_MS) {
        timers.pass(Math.min(left, CREDENTIAL_POLL_MS));
        await settled();
      }
    },
    async answer(index: number, value: string) {
      attempts[index]?.resolve(ok({ value, renewAfterMs: RENEW_MS, usableMs: USABLE_MS }));
      await settled();
    },
  };
}

describe("a value nobody has yet", () => {
  it("is obtained by one call; the others wait and get it", async () => {
    const { get, attempts, answer, pass } = holding();
    const calls = [get(), get(), get()];
    await settled();
    expect(attempts).toHaveLength(1);
    await answer(0, "one");
    await pass(CREDENTIAL_POLL_MS);
    expect(await Promise.all(calls)).toEqual([ok("one"), ok("one"), ok("one")]);
    expect(attempts).toHaveLength(1);
  });

  it("is obtained by another call when the one that was to do so is gone", async () => {
    const { get, attempts, answer, pass, dying } = holding();
    await dying(get);
    const second = get();
    await pass(MAX_MS + CREDENTIAL_CLAIM_MARGIN_MS - CREDENTIAL_POLL_MS);
    expect(attempts).toHaveLength(1);
    await pass(CREDENTIAL_POLL_MS);
    expect(attempts).toHaveLength(2);
    await answer(1, "two");
    expect(await second).toEqual(ok("two"));
  });

  it("is given up in time, for all that wait; then nobody tries again for a while", async () => {
    const { get, attempts, failures, pass, timers } = holding();
    const calls = [get(), get()];
    await pass(MAX_MS + CREDENTIAL_POLL_MS);
    expect(await Promise.all(calls)).toEqual([fail("no answer in time"), fail("no answer in time")]);
    expect(await get()).toEqual(fail("no answer in time"));
    expect(attempts).toHaveLength(1);
    expect(failures).toEqual(["key: no answer in time"]);
    timers.pass(CREDENTIAL_AGAIN_MS);
    void get();
    expect(attempts).toHaveLength(2);
  });

  it("that fails tells the reason it is given, and nothing that was thrown", async () => {
    const { get, attempts } = holding();
    const [first, second] = [get("a"), get("b")];
    attempts[0]?.resolve(fail("AADSTS700213"));
    attempts[1]?.reject(new Error("connect ECONNREFUSED host.test"));
    expect(await first).toEqual(fail("AADSTS700213"));
    expect(await second).toEqual(fail("not reachable"));
  });
});

describe("a value that is held", () => {
  it("is renewed early by one call, which goes on with the old one as the others do", async () => {
    const { get, attempts, answer, timers, behind } = holding();
    const first = get();
    await answer(0, "one");
    await first;
    timers.pass(RENEW_MS - 1);
    await get();
    expect(attempts).toHaveLength(1);
    timers.pass(1);
    expect(await Promise.all([get(), get()])).toEqual([ok("one"), ok("one")]);
    expect(attempts).toHaveLength(2);
    await answer(1, "two");
    expect(await get()).toEqual(ok("two"));
    // The platform is told of both, or would end them with the calls that began them.
    expect(behind).toHaveLength(2);
  });

  it("is used to its end where it cannot be renewed, and asked for again and again meanwhile", async () => {
    const { get, attempts, answer, timers } = holding();
    const first = get();
    await answer(0, "one");
    await first;
    timers.pass(RENEW_MS);
    await get();
    attempts[1]?.resolve(fail("status 500"));
    await settled();
    expect(await get()).toEqual(ok("one"));
    expect(attempts).toHaveLength(2);
    timers.pass(CREDENTIAL_AGAIN_MS);
    expect(await get()).toEqual(ok("one"));
    expect(attempts).toHaveLength(3);
    attempts[2]?.resolve(fail("status 500"));
    await settled();
    timers.pass(USABLE_MS - RENEW_MS - CREDENTIAL_AGAIN_MS);
    const last = get();
    attempts[3]?.resolve(fail("status 502"));
    expect(await last).toEqual(fail("status 502"));
  });

  it("is dropped when it is refused, unless it is too young for that to help", async () => {
    const { held, get, attempts, answer, timers } = holding();
    const first = get();
    await answer(0, "one");
    await first;
    held.refused("key", "one");
    expect(await get()).toEqual(ok("one"));
    timers.pass(CREDENTIAL_DROP_AGE_MS);
    held.refused("key", "another");
    expect(await get()).toEqual(ok("one"));
    held.refused("key", "one");
    void get();
    expect(attempts).toHaveLength(2);
  });

  it("is one of a few: the oldest is forgotten", async () => {
    const { get, attempts, answer } = holding();
    for (const [index, key] of ["a", "b", "c", "d"].entries()) {
      void get(key);
      await answer(index, key);
    }
    expect(await get("b")).toEqual(ok("b"));
    void get("a");
    expect(attempts).toHaveLength(5);
  });
});

describe("whatever happens when", () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("call" as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 7_000 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("jump" as const), ms: fc.integer({ min: 1, max: 120_000 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("answer" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const) }) },
  );

  it("one attempt is under way at a time, every call is answered, and no value is given that has run out", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const { held, timers, pass } = holding();
        let open = 0;
        let most = 0;
        let end: ((how: "answer" | "fail") => void) | undefined;
        let calls = 0;
        let answered = 0;
        const wrong: string[] = [];
        const call = () => {
          calls += 1;
          held
            .get("key", (signal) => {
              open += 1;
              most = Math.max(most, open);
              const askedAtMs = timers.clock();
              return new Promise<Result<Obtained<string>, string>>((resolve, reject) => {
                const over = (settle: () => void) => {
                  open -= 1;
                  end = undefined;
                  settle();
                };
                signal.addEventListener("abort", () => over(() => reject(new Error("aborted"))));
                end = (how) =>
                  over(() =>
                    resolve(
                      how === "fail"
                        ? fail("status 500")
                        : ok({
                            value: String(askedAtMs + USABLE_MS),
                            renewAfterMs: RENEW_MS,
                            usableMs: USABLE_MS,
                          }),
                    ),
                  );
              });
            })
            .then((result) => {
              answered += 1;
              if (result.ok && Number(result.value) <= timers.clock()) wrong.push(result.value);
            });
        };
        for (const step of events) {
          if (step.kind === "call") call();
          else if (step.kind === "pass") await pass(step.ms);
          else if (step.kind === "jump") timers.pass(step.ms);
          else end?.(step.kind);
          await settled();
        }
        // All that may still be waited for: an attempt of its own after another one's.
        await pass(2 * (MAX_MS + CREDENTIAL_CLAIM_MARGIN_MS));
        expect(most).toBeLessThanOrEqual(1);
        expect(answered).toBe(calls);
        expect(wrong).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
