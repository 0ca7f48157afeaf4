/** One load on one target, and what came of it: the contract between the benchmark and its load generator. */
import * as z from "zod";

/**
 * `closed`: each connection sends again as soon as it has its answer (capacity). `rate`: a fixed rate, whatever the
 * answers do (latency). `burst`: all connections send at once, then all wait for all. `together`: each connection sends
 * once, one after the other within `rampMs`, and from the first byte of its answer on reads nothing for `stallMs`.
 */
export const Arrival = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("closed") }),
  z.strictObject({ kind: z.literal("rate"), perSecond: z.number().positive().max(10_000) }),
  z.strictObject({ kind: z.literal("burst"), gapMs: z.number().min(0) }),
  z.strictObject({
    kind: z.literal("together"),
    rampMs: z.number().min(0),
    stallMs: z.number().min(0),
  }),
]);
export type Arrival = z.infer<typeof Arrival>;

export const Job = z.strictObject({
  port: z.int(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  /** The API keys of several callers, who take turns. Empty = `headers` say all. */
  apiKeys: z.array(z.string()),
  body: z.string(),
  expected: z.string(),
  connections: z.int().min(1).max(2_000),
  /** Of `together`: in which all answers should have come. */
  durationMs: z.number().positive().max(600_000),
  arrival: Arrival,
});
export type Job = z.infer<typeof Job>;

export const Latency = z.strictObject({ p50: z.number(), p99: z.number() });

export const JobResult = z.strictObject({
  answers: z.int(),
  perSecond: z.number(),
  /** Not 200, broken off, or never answered. */
  failed: z.int(),
  /** 200, and not the bytes that the upstream sent. */
  different: z.int(),
  /** Answers under way at one moment. */
  mostOpen: z.int(),
  firstByteMs: Latency,
  lastByteMs: Latency,
});
export type JobResult = z.infer<typeof JobResult>;
