/**
 * Tests of the test: each of these breaks one thing as somebody might, and the simulation must notice. A plant lies in
 * the waiting (a distortion of the world) or in a pure class, whose method it replaces for as long as it is planted.
 */
import { AgentBook } from "../../../../src/quota/agent-book.ts";
import { AgentGate } from "../../../../src/quota/agent-gate.ts";
import { CounterBook } from "../../../../src/quota/counter-book.ts";
import { OpenReservations } from "../../../../src/quota/open-reservations.ts";
import { Permits } from "../../../../src/quota/permits.ts";
import type { Hold } from "../../../../src/quota/slice-contracts.ts";
import { SliceHolder, type SliceReport } from "../../../../src/quota/slice-holder.ts";
import { TenantHolds } from "../../../../src/quota/tenant-holds.ts";
import type { Scenario } from "./scenario.ts";
import type { Distortions } from "./world.ts";

export interface PlantedBug {
  readonly name: string;
  readonly distortions?: Distortions;
  /** @returns takes it out again. */
  readonly plant?: () => () => void;
  /** Where such a bug shows soonest. */
  readonly scenario?: Partial<Scenario>;
  /** What it must be caught for. */
  readonly caughtAs: RegExp;
}

function replaced<C extends object, K extends keyof C>(
  target: C,
  name: K,
  by: (original: C[K]) => C[K],
): () => void {
  const original = target[name];
  target[name] = by(original);
  return () => {
    target[name] = original;
  };
}

interface Known {
  readonly held: number;
  readonly untilMs: number;
}

/**
 * @param tell what the tenant is told of a hold that was lowered.
 * @param isKept the holder goes on with what it had.
 */
function plantInReports(tell: (hold: Hold, known: Known) => number, isKept: boolean): () => void {
  const granted = new WeakMap<SliceHolder, Map<string, Known>>();
  /** The holder believes that it said the right thing. */
  const meant = new WeakMap<SliceReport, SliceReport>();
  const keyOf = ({ counter, bucket }: Pick<Hold, "counter" | "bucket">) => `${counter}#${bucket}`;
  const { apply } = SliceHolder.prototype;
  const outs = [
    replaced(
      SliceHolder.prototype,
      "apply",
      () =>
        function (this: SliceHolder, report, reply, askedAtMs, leaseMs) {
          const known = granted.get(this) ?? new Map<string, Known>();
          granted.set(this, known);
          for (const slice of reply.slices) {
            known.set(keyOf(slice), { held: slice.held, untilMs: askedAtMs + slice.durationMs });
          }
          apply.call(this, meant.get(report) ?? report, reply, askedAtMs, leaseMs);
        },
    ),
    replaced(
      SliceHolder.prototype,
      "report",
      (report) =>
        function (this: SliceHolder, nowMs) {
          const said = report.call(this, nowMs);
          if (said === null) return null;
          const holds = said.holds.map((hold) => {
            const known = granted.get(this)?.get(keyOf(hold));
            if (known === undefined || known.held <= hold.held) return hold;
            if (isKept && nowMs < known.untilMs) {
              const slice = { ...hold, held: known.held, durationMs: known.untilMs - nowMs };
              const reply = { accepted: true, seq: 0, slices: [slice], limits: [] };
              apply.call(this, { holds: [], complete: false, asks: [] }, reply, nowMs, 0);
            }
            if (!isKept) granted.get(this)?.delete(keyOf(hold));
            return { ...hold, held: tell(hold, known) };
          });
          const told = { ...said, holds };
          meant.set(told, said);
          return told;
        },
    ),
  ];
  return () => {
    for (const out of outs) out();
  };
}

const busy: Partial<Scenario> = {
  room: 100,
  phases: [
    { kind: "busy", seconds: 4 },
    { kind: "busy", seconds: 4 },
  ],
};

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "a released reservation is charged all the same",
    plant: () =>
      replaced(
        AgentBook.prototype,
        "settle",
        (settle) =>
          function (this: AgentBook, request, nowMs) {
            const { outcome } = request;
            const forgotten = outcome.kind === "released" ? { kind: "as_reserved" as const } : outcome;
            return settle.call(this, { ...request, outcome: forgotten }, nowMs);
          },
      ),
    caughtAs: /G2.*counts/,
  },
  {
    name: "the end of a tenant-wide call is forgotten, and its permit never expires",
    plant: () => {
      const takeOut = [
        replaced(Permits.prototype, "release", () => () => undefined),
        replaced(Permits.prototype, "expire", () => () => []),
        replaced(Permits.prototype, "nextExpiryMs", () => () => null),
      ];
      return () => {
        for (const out of takeOut) out();
      };
    },
    caughtAs: /counts calls as under way/,
  },
  {
    name: "a lease counts from its reply",
    distortions: { leaseFromReply: true },
    scenario: { agents: 2, room: 100, leaseMs: 2_000, slow: 0.15, writesPerMinute: 60 },
    caughtAs: /G3|G1/,
  },
  {
    name: "what goes back of a slice goes back twice",
    plant: () => plantInReports(({ held }, known) => Math.max(0, 2 * held - known.held), false),
    caughtAs: /G1/,
  },
  {
    name: "a hold is lowered after it was told",
    plant: () => plantInReports(({ held }) => held, true),
    scenario: { agents: 2, room: 3, phases: [{ kind: "quiet", seconds: 120 }] },
    caughtAs: /G1/,
  },
  {
    name: "a void row does not stop a late batch",
    distortions: { voidRowsIgnored: true },
    scenario: { agents: 2, loss: 0.15, writesPerMinute: 30, phases: [{ kind: "quiet", seconds: 120 }] },
    caughtAs: /G3/,
  },
  {
    name: "a grant is answered and not stored",
    distortions: { grantsUnstored: true },
    scenario: { agents: 2, crashesPerMinute: 60, room: 1, phases: [{ kind: "quiet", seconds: 60 }] },
    caughtAs: /G1/,
  },
  {
    name: "a chunk is larger than what is stored of it",
    plant: () =>
      replaced(
        CounterBook.prototype,
        "takeRows",
        (takeRows) =>
          function (this: CounterBook, aheadOf) {
            return takeRows.call(this, aheadOf).map((row) => ({ ...row, ahead: 0 }));
          },
      ),
    scenario: { ...busy, crashesPerMinute: 30, agents: 1 },
    caughtAs: /G1|G2/,
  },
  {
    name: "a reservation can be settled twice",
    plant: () => replaced(OpenReservations.prototype, "close", () => () => undefined),
    caughtAs: /G2/,
  },
  {
    name: "a settlement goes to the bucket of its own time",
    plant: () => {
      const latest = new WeakMap<CounterBook, Map<string, number>>();
      const outs = [
        replaced(
          CounterBook.prototype,
          "reserve",
          (reserve) =>
            function (this: CounterBook, charge, left, floats) {
              const buckets = latest.get(this) ?? new Map<string, number>();
              latest.set(this, buckets.set(charge.counter, charge.bucket));
              reserve.call(this, charge, left, floats);
            },
        ),
        replaced(
          CounterBook.prototype,
          "settle",
          (settle) =>
            function (this: CounterBook, charge, actual, floats) {
              const bucket = latest.get(this)?.get(charge.counter) ?? charge.bucket;
              const isPlanted = this.usedIn(charge.counter, bucket) >= charge.amount;
              settle.call(this, isPlanted ? { ...charge, bucket } : charge, actual, floats);
            },
        ),
      ];
      return () => {
        for (const out of outs) out();
      };
    },
    scenario: { start: "midnight", room: 50, phases: [{ kind: "quiet", seconds: 150 }] },
    caughtAs: /G1|G2/,
  },
  {
    name: "a stale snapshot is accepted",
    plant: () => replaced(AgentGate.prototype, "standingOrStale", () => () => null),
    caughtAs: /G3/,
  },
  {
    name: "a slice is spent after its lease",
    distortions: { leaseAddedMs: 60_000 },
    plant: () =>
      replaced(
        SliceHolder.prototype,
        "apply",
        (apply) =>
          function (this: SliceHolder, report, reply, askedAtMs, leaseMs) {
            const slices = reply.slices.map((slice) => ({
              ...slice,
              durationMs: slice.durationMs + 60_000,
            }));
            apply.call(this, report, { ...reply, slices }, askedAtMs, leaseMs);
          },
      ),
    scenario: { room: 50, writesPerMinute: 0 },
    caughtAs: /G1/,
  },
  {
    name: "the order of a holder's messages is ignored",
    plant: () => {
      let seq = Date.UTC(2100, 0);
      return replaced(
        TenantHolds.prototype,
        "exchange",
        (exchange) =>
          function (this: TenantHolds, request, durationMs, nowMs) {
            seq += 1;
            return exchange.call(this, { ...request, seq }, durationMs, nowMs);
          },
      );
    },
    scenario: { duplicates: 0.5, slow: 0.2, room: 10 },
    caughtAs: /G1|leak/,
  },
];
