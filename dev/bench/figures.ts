/** From rounds to figures: ratios and differences are taken within a round, then their median over the rounds. */
import type { MeasureName, Round } from "./rounds.ts";
import { type Figure, figureOf } from "./statistics.ts";
import type { Measured, TargetName } from "./targets.ts";
import { EVENTS, LONG_EVENTS, streamBytes, THINKING_MS } from "./traffic.ts";

export interface Row extends Figure {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly targets: readonly Bound[];
}
export interface Bound {
  readonly atLeast?: number;
  readonly atMost?: number;
}

export const isMet = ({ median }: Row, { atLeast = -Infinity, atMost = Infinity }: Bound): boolean =>
  median >= atLeast && median <= atMost;

type OfRound = (round: Round) => number;

const of =
  (measure: MeasureName, target: TargetName, value: (measured: Measured) => number): OfRound =>
  (round) =>
    value(at(round, measure, target));
const ratio =
  (measure: MeasureName, target: TargetName = "gateway", to: TargetName = "passThrough"): OfRound =>
  (round) =>
    at(round, measure, target).perSecond / at(round, measure, to).perSecond;
const added =
  (
    measure: MeasureName,
    over: TargetName,
    value: (measured: Measured) => number,
    target: TargetName = "gateway",
  ): OfRound =>
  (round) =>
    value(at(round, measure, target)) - value(at(round, measure, over));

/** CPU that a target needs beyond the pass-through for one answer of this load. */
const beyond = (round: Round, measure: MeasureName, target: TargetName): number =>
  cpu(at(round, measure, target)) - (target === "passThrough" ? 0 : cpu(at(round, measure, "passThrough")));
/** For each further unit that streams of one load have beyond those of `streams`: what a call costs anyhow falls out. */
const each =
  (measure: MeasureName, target: TargetName, units: number): OfRound =>
  (round) =>
    (beyond(round, measure, target) - beyond(round, "streams", target)) / units;
const furtherEvents = LONG_EVENTS - EVENTS;
const furtherMegabytes = (streamBytes("large") - streamBytes("stream")) / 1_000_000;

function at(round: Round, measure: MeasureName, target: TargetName): Measured {
  const measured = round[measure][target];
  if (measured === undefined) throw new Error(`${measure} is not measured on ${target}.`);
  return measured;
}

const perSecond = (measured: Measured) => measured.perSecond;
const cpu = (measured: Measured) => measured.cpuMicroseconds;
const first50 = ({ firstByteMs }: Measured) => firstByteMs.p50;
const first99 = ({ firstByteMs }: Measured) => firstByteMs.p99;
const last50 = ({ lastByteMs }: Measured) => lastByteMs.p50;
const last99 = ({ lastByteMs }: Measured) => lastByteMs.p99;

type Line = readonly [id: string, name: string, unit: string, value: OfRound, ...targets: Bound[]];

const lines: readonly Line[] = [
  // The first was set for a ledger that writes on every call, the second for one that charges ahead.
  [
    "requests_ratio",
    "requests/s, gateway ÷ pass-through (one busy agent)",
    "",
    ratio("saturation"),
    { atLeast: 0.12 },
    { atLeast: 0.4 },
  ],
  ["requests_gateway", "requests/s, gateway", "1/s", of("saturation", "gateway", perSecond)],
  ["requests_pass_through", "requests/s, pass-through", "1/s", of("saturation", "passThrough", perSecond)],
  ["requests_mock", "requests/s, mock alone", "1/s", of("saturation", "mock", perSecond)],
  ["cpu_gateway", "CPU per request, gateway with its stores", "µs", of("saturation", "gateway", cpu)],
  ["cpu_pass_through", "CPU per request, pass-through", "µs", of("saturation", "passThrough", cpu)],
  ["cpu_mock", "CPU per request, mock", "µs", of("saturation", "mock", cpu)],
  [
    "cpu_generator",
    "CPU per request, load generator",
    "µs",
    of("saturation", "mock", ({ generatorMicroseconds }) => generatorMicroseconds),
  ],
  [
    "added_p50",
    "300/s: added p50 over pass-through",
    "ms",
    added("latency", "passThrough", last50),
    { atMost: 2 },
  ],
  ["added_p99", "300/s: added p99 over pass-through", "ms", added("latency", "passThrough", last99)],
  ["added_direct_p50", "300/s: added p50 over mock", "ms", added("latency", "mock", last50)],
  ["added_direct_p99", "300/s: added p99 over mock", "ms", added("latency", "mock", last99)],
  [
    "added_bare_p50",
    "300/s: pass-through's own p50 over mock",
    "ms",
    added("latency", "mock", last50, "passThrough"),
  ],
  ["streams_ratio", "streams/s, gateway ÷ pass-through", "", ratio("streams"), { atLeast: 0.45 }],
  [
    "streams_metered_ratio",
    "streams/s, passed and metered alone ÷ pass-through",
    "",
    ratio("streams", "metered"),
    { atLeast: 0.7 },
  ],
  [
    "streams_each_event_ratio",
    "streams/s, passed event by event and metered alone ÷ pass-through",
    "",
    ratio("streams", "eachEvent"),
  ],
  [
    "streams_relay_ratio",
    "streams/s, relay in JavaScript without checks ÷ pass-through",
    "",
    ratio("streams", "jsRelay"),
  ],
  [
    "each_event_to_relay",
    "streams/s, passed event by event and metered alone ÷ relay in JavaScript without checks",
    "",
    ratio("streams", "eachEvent", "jsRelay"),
  ],
  [
    "streams_native_ratio",
    "streams/s, channel and copy without checks ÷ pass-through",
    "",
    ratio("streams", "nativeRelay"),
  ],
  [
    "metered_to_native",
    "streams/s, passed and metered alone ÷ channel and copy without checks",
    "",
    ratio("streams", "metered", "nativeRelay"),
  ],
  ["streams_gateway", "streams/s, gateway", "1/s", of("streams", "gateway", perSecond)],
  ["streams_pass_through", "streams/s, pass-through", "1/s", of("streams", "passThrough", perSecond)],
  ["long_ratio", `streams of ${LONG_EVENTS} events/s, gateway ÷ pass-through`, "", ratio("long")],
  [
    "long_metered_ratio",
    `streams of ${LONG_EVENTS} events/s, passed and metered alone ÷ pass-through`,
    "",
    ratio("long", "metered"),
  ],
  [
    "long_each_event_ratio",
    `streams of ${LONG_EVENTS} events/s, passed event by event and metered alone ÷ pass-through`,
    "",
    ratio("long", "eachEvent"),
  ],
  [
    "event_gateway",
    "CPU per further event, gateway over pass-through",
    "µs",
    each("long", "gateway", furtherEvents),
  ],
  [
    "event_metered",
    "CPU per further event, passed and metered alone over pass-through",
    "µs",
    each("long", "metered", furtherEvents),
  ],
  [
    "event_each",
    "CPU per further event, passed event by event and metered alone over pass-through",
    "µs",
    each("long", "eachEvent", furtherEvents),
  ],
  [
    "event_pass_through",
    "CPU per further event, pass-through",
    "µs",
    each("long", "passThrough", furtherEvents),
  ],
  [
    "megabyte_gateway",
    "CPU per further MB in events of 100 KB, gateway over pass-through",
    "µs",
    each("large", "gateway", furtherMegabytes),
  ],
  [
    "megabyte_metered",
    "CPU per further MB in events of 100 KB, passed and metered alone over pass-through",
    "µs",
    each("large", "metered", furtherMegabytes),
  ],
  [
    "megabyte_pass_through",
    "CPU per further MB in events of 100 KB, pass-through",
    "µs",
    each("large", "passThrough", furtherMegabytes),
  ],
  [
    "first_byte_p50",
    "first streamed byte, 32 under way: added p50 over mock",
    "ms",
    added("paced", "mock", first50),
    { atMost: 2.5 },
    { atMost: 4 },
  ],
  [
    "first_byte_metered_p50",
    "first streamed byte, 32 under way, passed and metered alone: added p50 over mock",
    "ms",
    added("paced", "mock", first50, "metered"),
    { atMost: 2.5 },
  ],
  [
    "first_byte_p99",
    "first streamed byte, 32 under way: added p99 over mock",
    "ms",
    added("paced", "mock", first99),
  ],
  [
    "first_byte_bare_p50",
    "first streamed byte, 32 under way: pass-through's own p50 over mock",
    "ms",
    added("paced", "mock", first50, "passThrough"),
  ],
  [
    "thinking_p50",
    `first streamed byte, 32 under way, of a model that thinks for ${THINKING_MS} ms: added p50 over mock`,
    "ms",
    added("thinking", "mock", first50),
    { atMost: 2.5 },
  ],
  [
    "thinking_bare_p50",
    `first streamed byte, 32 under way, of a model that thinks for ${THINKING_MS} ms: pass-through's own p50 over mock`,
    "ms",
    added("thinking", "mock", first50, "passThrough"),
  ],
  [
    "burst_p50",
    "first streamed byte, 32 sent at one moment: added p50 over mock",
    "ms",
    added("burst", "mock", first50),
    { atMost: 4 },
  ],
  [
    "burst_p99",
    "first streamed byte, 32 sent at one moment: added p99 over mock",
    "ms",
    added("burst", "mock", first99),
  ],
  [
    "burst_bare_p50",
    "first streamed byte, 32 sent at one moment: pass-through's own p50 over mock",
    "ms",
    added("burst", "mock", first50, "passThrough"),
  ],
  ["disk_requests_ratio", "on disk: requests/s, gateway ÷ pass-through", "", ratio("saturation", "onDisk")],
  ["disk_requests", "on disk: requests/s, gateway", "1/s", of("saturation", "onDisk", perSecond)],
  ["disk_cpu", "on disk: CPU per request, gateway with its stores", "µs", of("saturation", "onDisk", cpu)],
  [
    "disk_added_p50",
    "on disk, 300/s: added p50 over pass-through",
    "ms",
    added("latency", "passThrough", last50, "onDisk"),
  ],
  [
    "disk_added_p99",
    "on disk, 300/s: added p99 over pass-through",
    "ms",
    added("latency", "passThrough", last99, "onDisk"),
  ],
  ["failed", "answers that failed, all targets", "", sumOf("failed"), { atMost: 0 }],
  ["different", "answers that differ from the mock's bytes", "", sumOf("different"), { atMost: 0 }],
];

function sumOf(kind: "failed" | "different"): OfRound {
  return (round) =>
    Object.values(round).reduce(
      (sum, compared) => Object.values(compared).reduce((all, measured) => all + measured[kind], sum),
      0,
    );
}

export const rowsOf = (rounds: readonly Round[]): readonly Row[] =>
  lines.map(([id, name, unit, value, ...targets]) => row(id, name, unit, rounds.map(value), ...targets));

export const row = (
  id: string,
  name: string,
  unit: string,
  values: readonly number[],
  ...targets: readonly Bound[]
): Row => ({ id, name, unit, targets, ...figureOf(values) });
