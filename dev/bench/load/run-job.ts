/** Runs one job: when requests are sent is decided here, how they travel in connection.ts. */
import { setTimeout as wait } from "node:timers/promises";
import { percentile } from "../statistics.ts";
import { type Answer, Connection } from "./connection.ts";
import type { Job, JobResult } from "./job.ts";

/** Requests that are still open this long after the job's end count as failed. */
const LAST_ANSWERS_MS = 10_000;

interface Tally {
  readonly firstByteMs: number[];
  readonly lastByteMs: number[];
  failed: number;
  different: number;
}

/** Sends one request on a connection that is free; `dueMs` is when it should have been sent. */
type Exchange = (connection: Connection, dueMs: number) => Promise<void>;

export async function runJob(job: Job): Promise<JobResult> {
  const requests = requestsOf(job);
  let sent = 0;
  const { arrival, port } = job;
  const expected = Buffer.from(job.expected);
  const stallMs = arrival.kind === "together" ? arrival.stallMs : 0;
  const tally: Tally = { firstByteMs: [], lastByteMs: [], failed: 0, different: 0 };
  const connections = Array.from(
    { length: job.connections },
    () => new Connection({ port, expected, stallMs }),
  );
  let open = 0;
  let mostOpen = 0;
  const exchange: Exchange = async (connection, dueMs) => {
    mostOpen = Math.max(mostOpen, ++open);
    const request = requests[sent++ % requests.length] ?? Buffer.of();
    const answer = await new Promise<Answer>((resolve) => connection.send(request, resolve));
    open--;
    count(tally, answer, dueMs);
  };

  const startMs = performance.now();
  const endMs = startMs + job.durationMs;
  const patience = new AbortController();
  const sending = send(job, connections, exchange, endMs);
  await Promise.race([
    sending,
    wait(job.durationMs + LAST_ANSWERS_MS, undefined, { signal: patience.signal }).catch(() => {}),
  ]);
  patience.abort();
  const elapsedMs = performance.now() - startMs;
  const unanswered = open;
  for (const connection of connections) connection.close();
  return { ...resultOf(tally, unanswered, elapsedMs), mostOpen };
}

function send({ arrival }: Job, connections: readonly Connection[], exchange: Exchange, endMs: number) {
  switch (arrival.kind) {
    case "closed":
      return Promise.all(connections.map((connection) => again(connection, exchange, endMs)));
    case "rate":
      return atRate(1_000 / arrival.perSecond, connections, exchange, endMs);
    case "burst":
      return inBursts(arrival.gapMs, connections, exchange, endMs);
    case "together":
      return together(arrival.rampMs, connections, exchange);
  }
}

async function again(connection: Connection, exchange: Exchange, endMs: number): Promise<void> {
  while (performance.now() < endMs) await exchange(connection, performance.now());
}

async function inBursts(
  gapMs: number,
  connections: readonly Connection[],
  exchange: Exchange,
  endMs: number,
): Promise<void> {
  while (performance.now() < endMs) {
    const dueMs = performance.now();
    await Promise.all(connections.map((connection) => exchange(connection, dueMs)));
    await wait(gapMs);
  }
}

async function together(
  rampMs: number,
  connections: readonly Connection[],
  exchange: Exchange,
): Promise<void> {
  const startMs = performance.now();
  await Promise.all(
    connections.map(async (connection, index) => {
      const dueMs = startMs + (rampMs * index) / connections.length;
      await wait(dueMs - startMs);
      await exchange(connection, dueMs);
    }),
  );
}

/** A request that finds no free connection waits, and its wait counts: answers cannot slow the questions down. */
async function atRate(
  intervalMs: number,
  connections: readonly Connection[],
  exchange: Exchange,
  endMs: number,
): Promise<void> {
  const free = [...connections];
  const waiting: number[] = [];
  const running = new Set<Promise<void>>();
  const next = () => {
    const dueMs = waiting[0];
    const connection = dueMs === undefined ? undefined : free.pop();
    if (dueMs === undefined || connection === undefined) return;
    waiting.shift();
    const done = exchange(connection, dueMs).then(() => {
      running.delete(done);
      free.push(connection);
      next();
    });
    running.add(done);
  };
  for (let scheduledMs = performance.now(); scheduledMs < endMs; scheduledMs += intervalMs) {
    const leftMs = scheduledMs - performance.now();
    if (leftMs > 0) await wait(leftMs);
    // The timer's own lateness is this process's, not the target's.
    waiting.push(performance.now());
    next();
  }
  while (running.size > 0) await Promise.all(running);
}

function count(tally: Tally, { status, isExpected, firstByteAtMs }: Answer, dueMs: number): void {
  if (status !== 200) {
    tally.failed++;
    return;
  }
  if (!isExpected) tally.different++;
  tally.firstByteMs.push(firstByteAtMs - dueMs);
  tally.lastByteMs.push(performance.now() - dueMs);
}

function requestsOf(job: Job): readonly Buffer[] {
  if (job.apiKeys.length === 0) return [requestBytes(job)];
  return job.apiKeys.map((key) => requestBytes({ ...job, headers: { ...job.headers, "api-key": key } }));
}

function requestBytes({ port, path, headers, body }: Job): Buffer {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

function resultOf(tally: Tally, unanswered: number, elapsedMs: number): Omit<JobResult, "mostOpen"> {
  const answers = tally.lastByteMs.length;
  const latency = (samples: readonly number[]) => ({
    p50: percentile(samples, 0.5),
    p99: percentile(samples, 0.99),
  });
  return {
    answers,
    perSecond: (answers * 1_000) / elapsedMs,
    failed: tally.failed + unanswered,
    different: tally.different,
    firstByteMs: latency(tally.firstByteMs),
    lastByteMs: latency(tally.lastByteMs),
  };
}
