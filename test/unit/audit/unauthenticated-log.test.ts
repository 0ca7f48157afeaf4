// Unauthenticated requests: one record per minute, nothing lost while the queue is away for a while.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AuditRecord } from "../../../src/audit/audit-record.ts";
import { createUnauthenticatedCounts } from "../../../src/audit/unauthenticated-counts.ts";
import { createUnauthenticatedLog } from "../../../src/audit/unauthenticated-log.ts";
import { MINUTE_MS } from "../../../src/kernel/clock.ts";
import { MAX_UNSENT_COUNT_RECORDS } from "../../../src/kernel/limits.ts";
import type { RefusalCode } from "../../../src/kernel/refusal.ts";

const startMs = Date.parse("2026-10-12T08:30:00.000Z");

function logWith() {
  let nowMs = startMs;
  let last = 0;
  let takes = true;
  const sent: AuditRecord[] = [];
  const work: Promise<unknown>[] = [];
  const log = createUnauthenticatedLog({
    clock: () => nowMs,
    workerNumber: () => ({ source: "worker/a", n: ++last }),
    requestId: () => "request_1",
    records: { send: async (_home, record) => takes && sent.push(AuditRecord.parse(record)) > 0 },
    background: (promise) => work.push(promise),
  });
  const flushed = async () => {
    log.flush();
    await Promise.all(work.splice(0));
  };
  return {
    log,
    sent,
    work,
    flushed,
    passMinute: () => (nowMs += MINUTE_MS),
    queueTakes: (does: boolean) => (takes = does),
  };
}

describe("the log of unauthenticated requests", () => {
  it("sends one record of a minute once it is over, with the count of each code", async () => {
    const { log, sent, work, flushed, passMinute } = logWith();
    for (let n = 0; n < 5; n += 1) log.count("token_missing");
    log.count("token_expired");
    await flushed();
    expect(sent).toEqual([]);
    passMinute();
    log.flush();
    expect(work).toHaveLength(1);
    await flushed();
    await flushed();
    expect(sent).toEqual([
      {
        v: 1,
        kind: "unauthenticated",
        source: "worker/a",
        n: 1,
        skipped: null,
        at: "2026-10-12T08:31:00.000Z",
        home: "global",
        tenantId: "platform",
        requestId: "request_1",
        minute: "2026-10-12T08:30:00.000Z",
        counts: { token_missing: 5, token_expired: 1 },
      },
    ]);
  });

  it("sends nothing of a minute without any", async () => {
    const { sent, work, log, passMinute } = logWith();
    passMinute();
    log.flush();
    expect(work).toEqual([]);
    expect(sent).toEqual([]);
  });

  it("keeps what the queue did not take, under the same number, for an hour at most", async () => {
    const { log, sent, flushed, passMinute, queueTakes } = logWith();
    queueTakes(false);
    for (let minute = 0; minute < MAX_UNSENT_COUNT_RECORDS + 1; minute += 1) {
      log.count("token_missing");
      passMinute();
      await flushed();
    }
    queueTakes(true);
    await flushed();
    expect(sent.map(({ n }) => n)).toEqual(
      Array.from({ length: MAX_UNSENT_COUNT_RECORDS }, (_, index) => index + 2),
    );
  });

  it("sends a record once, though two requests flush at the same time", async () => {
    const { log, sent, work, passMinute } = logWith();
    log.count("token_missing");
    passMinute();
    log.flush();
    log.flush();
    await Promise.all(work);
    expect(sent).toHaveLength(1);
  });
});

describe("counts", () => {
  it("of all ended minutes add up to what was counted, whatever the clock does", () => {
    const codes: readonly RefusalCode[] = ["token_missing", "token_expired", "api_key_invalid"];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...codes), fc.integer({ min: -90_000, max: 90_000 }))),
        (steps) => {
          let nowMs = startMs;
          const counts = createUnauthenticatedCounts(() => nowMs);
          const taken = [];
          for (const [code, ms] of steps) {
            counts.add(code);
            nowMs += ms;
            taken.push(...counts.takeEnded());
          }
          nowMs = startMs + 1e9;
          taken.push(...counts.takeEnded());
          for (const code of codes) {
            const sum = taken.reduce((total, minute) => total + (minute.counts[code] ?? 0), 0);
            expect(sum).toBe(steps.filter(([added]) => added === code).length);
          }
          const minutes = taken.map(({ minute }) => minute);
          expect(new Set(minutes).size).toBe(minutes.length);
        },
      ),
    );
  });
});
