// The health of backends: when they are left alone, for how long, and who tries them again.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend } from "../../../src/azure/backend.ts";
import { type BackendHealths, createBackendHealths } from "../../../src/azure/backend-healths.ts";
import { UNANSWERED, UNKNOWN, type Verdict, verdictOf, WELL } from "../../../src/azure/backend-verdict.ts";
import {
  BUSY_DEFAULT_MS,
  ILL_AFTER_FAILURES,
  ILL_FIRST_MS,
  ILL_LONGEST_MS,
  MAX_RETRY_AFTER_SECONDS,
  MAX_TROUBLED_BACKENDS,
  UPSTREAM_HEADERS_MAX_MS,
} from "../../../src/kernel/limits.ts";
import { backendId, backendOf } from "./azure-fixture.ts";

const NOW_MS = 1_790_000_000_000;
const MAX_PAUSE_MS = MAX_RETRY_AFTER_SECONDS * 1_000;
const backend = backendOf();
const other = backendOf({ id: backendId(2) });

const busy = (pauseMs: number): Verdict => ({ kind: "busy", pauseMs });
function judge(healths: BackendHealths, verdict: Verdict, nowMs: number, of: Backend = backend, times = 1) {
  for (let time = 0; time < times; time += 1) healths.judged(of, verdict, healths.sentTo(of, nowMs), nowMs);
}
function illAt(nowMs: number) {
  const healths = createBackendHealths();
  judge(healths, UNANSWERED, nowMs, backend, ILL_AFTER_FAILURES);
  return healths;
}

describe("an answer", () => {
  const verdict = (status: number, headers: Record<string, string> = {}) =>
    verdictOf({ status, headers: new Headers(headers) }, NOW_MS);

  it.each([200, 204, 307, 400, 404, 408, 409, 422, 431])("%i is of a backend that is well", (status) => {
    expect(verdict(status, { "retry-after": "9" })).toEqual({ kind: "well" });
  });

  it.each([401, 403, 500, 502, 503, 504])("%i is of one that is ill", (status) => {
    expect(verdict(status)).toEqual({ kind: "ill", pauseMs: 0 });
    expect(verdict(status, { "retry-after": "2" })).toEqual({ kind: "ill", pauseMs: 2_000 });
  });

  it.each<[headers: Record<string, string>, pauseMs: number]>([
    [{}, BUSY_DEFAULT_MS],
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "7", "retry-after-ms": "650" }, 650],
    [{ "retry-after": "7", "retry-after-ms": "soon" }, 7_000],
    [{ "retry-after": "86400" }, MAX_PAUSE_MS],
    [{ "retry-after-ms": "86400000" }, MAX_PAUSE_MS],
    [{ "retry-after": new Date(NOW_MS + 5_000).toUTCString() }, 5_000],
    [{ "retry-after": new Date(NOW_MS - 5_000).toUTCString() }, 0],
    [{ "retry-after": "-3" }, BUSY_DEFAULT_MS],
    [{ "retry-after": "in a while" }, BUSY_DEFAULT_MS],
  ])("429 with %j asks for a pause of %i ms", (headers, pauseMs) => {
    expect(verdict(429, headers)).toEqual({ kind: "busy", pauseMs });
  });
});

describe("a pause that a backend asks for", () => {
  it("keeps it from being called until it is over, and no failure is counted", () => {
    const healths = createBackendHealths();
    for (let time = 0; time < 2 * ILL_AFTER_FAILURES; time += 1) judge(healths, busy(5_000), NOW_MS);
    expect(healths.waitOf(backend, NOW_MS)).toEqual({ because: "busy", ms: 5_000 });
    expect(healths.waitOf(backend, NOW_MS + 4_999)).toEqual({ because: "busy", ms: 1 });
    expect(healths.waitOf(backend, NOW_MS + 5_000)).toBeNull();
    expect(healths.waitOf(other, NOW_MS)).toBeNull();
  });

  it("is not shortened by what was sent before it, nor by a shorter one", () => {
    const healths = createBackendHealths();
    judge(healths, busy(5_000), NOW_MS);
    judge(healths, WELL, NOW_MS + 1);
    judge(healths, busy(1), NOW_MS + 2);
    expect(healths.waitOf(backend, NOW_MS + 4_999)).not.toBeNull();
  });

  it("is nothing to an endpoint that took the backend's place", () => {
    const healths = createBackendHealths();
    judge(healths, busy(5_000), NOW_MS);
    expect(healths.waitOf({ ...backend, endpoint: "https://new.openai.azure.com" }, NOW_MS)).toBeNull();
  });

  it("does not become longer when the clock steps back", () => {
    const healths = createBackendHealths();
    judge(healths, busy(5_000), NOW_MS);
    expect(healths.waitOf(backend, NOW_MS - 3_600_000)).toBeNull();
  });
});

describe("failures", () => {
  it("make a backend ill when they come in a row, and only then", () => {
    const healths = createBackendHealths();
    judge(healths, UNANSWERED, NOW_MS, backend, ILL_AFTER_FAILURES - 1);
    judge(healths, WELL, NOW_MS);
    judge(healths, UNANSWERED, NOW_MS, backend, ILL_AFTER_FAILURES - 1);
    judge(healths, UNKNOWN, NOW_MS, backend, 3);
    expect(healths.waitOf(backend, NOW_MS)).toBeNull();
    judge(healths, UNANSWERED, NOW_MS);
    expect(healths.waitOf(backend, NOW_MS)).toEqual({ because: "ill", ms: ILL_FIRST_MS });
  });

  it("of what was sent before it was ill make nothing worse", () => {
    const healths = illAt(NOW_MS);
    for (let late = 0; late < 50; late += 1) healths.judged(backend, UNANSWERED, false, NOW_MS + 500);
    expect(healths.waitOf(backend, NOW_MS + ILL_FIRST_MS)).toBeNull();
  });

  it("of a probe double the wait, up to the longest; a probe that is well ends it", () => {
    const healths = illAt(NOW_MS);
    let nowMs = NOW_MS;
    for (let waitMs = ILL_FIRST_MS, round = 0; round < 10; round += 1) {
      expect(healths.waitOf(backend, nowMs + waitMs - 1)?.because).toBe("ill");
      expect(healths.waitOf(backend, nowMs + waitMs)).toBeNull();
      nowMs += waitMs;
      judge(healths, UNANSWERED, nowMs);
      waitMs = Math.min(2 * waitMs, ILL_LONGEST_MS);
    }
    nowMs += ILL_LONGEST_MS;
    judge(healths, WELL, nowMs);
    judge(healths, UNANSWERED, nowMs);
    expect(healths.waitOf(backend, nowMs)).toBeNull();
  });

  it("are tried again by one call at a time, and one that is never heard of keeps others away for a while only", () => {
    const healths = illAt(NOW_MS);
    const later = NOW_MS + ILL_FIRST_MS;
    expect(healths.sentTo(backend, later)).toBe(true);
    expect(healths.waitOf(backend, later)).toEqual({ because: "ill", ms: ILL_FIRST_MS });
    healths.judged(backend, UNKNOWN, true, later + 1);
    expect(healths.waitOf(backend, later + 1)).toBeNull();
    expect(healths.sentTo(backend, later + 1)).toBe(true);
    expect(healths.waitOf(backend, later + UPSTREAM_HEADERS_MAX_MS)).not.toBeNull();
    expect(healths.waitOf(backend, later + 1 + UPSTREAM_HEADERS_MAX_MS)).toBeNull();
  });
});

it("knows a bounded number of troubled backends, and keeps the newest", () => {
  const healths = createBackendHealths();
  const many = Array.from({ length: MAX_TROUBLED_BACKENDS + 1 }, (_, index) =>
    backendOf({ id: backendId(index) }),
  );
  for (const one of many) judge(healths, busy(5_000), NOW_MS, one);
  const waiting = many.map((one) => healths.waitOf(one, NOW_MS) !== null);
  expect(waiting.indexOf(true)).toBe(1);
  expect(waiting.lastIndexOf(false)).toBe(0);
});

describe("whatever happens", () => {
  const step = fc.record({
    passMs: fc.nat({ max: 2 * ILL_FIRST_MS }),
    verdict: fc.oneof(
      { weight: 4, arbitrary: fc.constant(UNANSWERED) },
      fc.constant(WELL),
      fc.constant(UNKNOWN),
      fc.nat({ max: MAX_PAUSE_MS }).map(busy),
      fc.nat({ max: MAX_PAUSE_MS }).map((pauseMs): Verdict => ({ kind: "ill", pauseMs })),
    ),
    /** After how many steps it is heard. */
    heardAfter: fc.nat({ max: 4 }),
  });

  it("there is one probe at a time, and every wait ends", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const healths = createBackendHealths();
        let nowMs = NOW_MS;
        let underWay: { verdict: Verdict; isProbe: boolean; heardAt: number }[] = [];
        for (const [index, { passMs, verdict, heardAfter }] of steps.entries()) {
          nowMs += passMs;
          if (healths.waitOf(backend, nowMs) === null) {
            const isProbe = healths.sentTo(backend, nowMs);
            const probes = underWay.filter((call) => call.isProbe);
            // A probe that is under way for longer than any answer takes is given up.
            if (isProbe && nowMs - NOW_MS < UPSTREAM_HEADERS_MAX_MS) expect(probes).toEqual([]);
            underWay.push({ verdict, isProbe, heardAt: index + heardAfter });
          }
          for (const { verdict, isProbe, heardAt } of underWay) {
            if (heardAt === index) healths.judged(backend, verdict, isProbe, nowMs);
          }
          underWay = underWay.filter(({ heardAt }) => heardAt > index);
          const wait = healths.waitOf(backend, nowMs);
          expect(wait?.ms ?? 0).toBeLessThanOrEqual(Math.max(MAX_PAUSE_MS, ILL_LONGEST_MS));
        }
        const longestMs = Math.max(MAX_PAUSE_MS, ILL_LONGEST_MS, UPSTREAM_HEADERS_MAX_MS);
        expect(healths.waitOf(backend, nowMs + longestMs)).toBeNull();
      }),
    );
  });
});
