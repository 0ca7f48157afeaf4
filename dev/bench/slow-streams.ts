/**
 * Many streams at once in one process, slow because the model is, or because the callers are: what each keeps in
 * memory, and that nothing of any is dropped. Taken in processes of their own: memory that an earlier load left behind
 * would be used again, and a stream would seem to need none.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Child } from "./child.ts";
import { type Row, row } from "./figures.ts";
import type { Plan } from "./plan.ts";
import { residentBytes } from "./process-cpu.ts";
import { type Load, type Measured, measure, type Target } from "./targets.ts";

const SAMPLE_MS = 100;
const TOGETHER_MS = 60_000;
const WARM_UP_CONNECTIONS = 8;

interface Started {
  readonly target: Target;
  close(): Promise<void>;
}
/** Each is started anew for each load. */
type Starts = Readonly<Record<"passThrough" | "gateway", () => Promise<Started>>>;

interface Slow {
  readonly measured: Measured;
  /** The most at any moment, less what was there before; null where the platform does not say. */
  readonly bytesPerStream: number | null;
}

export async function slowStreamRows(generator: Child, starts: Starts, plan: Plan): Promise<readonly Row[]> {
  const many: Load = {
    deployment: plan.slowDeployment,
    connections: plan.slowStreams,
    durationMs: TOGETHER_MS,
    arrival: { kind: "together", rampMs: plan.slowRampMs, stallMs: 0 },
  };
  const stalled: Load = {
    deployment: "bulk",
    connections: plan.stalledCallers,
    durationMs: TOGETHER_MS,
    arrival: { kind: "together", rampMs: 0, stallMs: plan.stallMs },
  };
  const taken = async (name: keyof Starts, load: Load): Promise<Slow> => {
    const { target, close } = await starts[name]();
    try {
      return await takeSlow(generator, target, load, plan);
    } finally {
      await close();
    }
  };
  const manyBare = await taken("passThrough", many);
  const manyGateway = await taken("gateway", many);
  const stalledBare = await taken("passThrough", stalled);
  const stalledGateway = await taken("gateway", stalled);

  const memoryRow = (id: string, name: string, { bytesPerStream }: Slow): readonly Row[] =>
    bytesPerStream === null ? [] : [row(id, name, "KiB", [bytesPerStream / 1_024])];
  const all = [manyBare, manyGateway, stalledBare, stalledGateway];
  const lost = all.reduce((sum, { measured }) => sum + measured.failed + measured.different, 0);
  const open = manyGateway.measured.mostOpen;
  const named = `${plan.slowStreams} slow streams in one process`;
  const stuck = `${plan.stalledCallers} callers who stop reading a stream of 16 MB`;
  return [
    row("slow_open", `${named}: under way at one moment, gateway`, "", [open], { atLeast: plan.slowStreams }),
    ...memoryRow("slow_memory_gateway", `${named}: memory per stream, gateway with its stores`, manyGateway),
    ...memoryRow("slow_memory_pass_through", `${named}: memory per stream, pass-through`, manyBare),
    ...memoryRow("stalled_memory_gateway", `${stuck}: memory per stream, gateway`, stalledGateway),
    ...memoryRow("stalled_memory_pass_through", `${stuck}: memory per stream, pass-through`, stalledBare),
    row("slow_lost", "slow streams that failed, or differ from the mock's bytes", "", [lost], { atMost: 0 }),
  ];
}

async function takeSlow(generator: Child, target: Target, load: Load, plan: Plan): Promise<Slow> {
  // A process that has hardly run grows without any stream.
  const arrival = { kind: "closed" } as const;
  const warmUp = { connections: WARM_UP_CONNECTIONS, durationMs: plan.slowWarmUpMs, arrival };
  await measure(generator, target, { deployment: "stream", ...warmUp });
  const { pid } = target;
  if (pid === null || process.platform !== "linux")
    return { measured: await measure(generator, target, load), bytesPerStream: null };

  const idleBytes = residentBytes(pid);
  const over = new AbortController();
  const sampling = highest(() => residentBytes(pid), over.signal);
  const measured = await measure(generator, target, load);
  over.abort();
  return { measured, bytesPerStream: ((await sampling) - idleBytes) / load.connections };
}

async function highest(sample: () => number, over: AbortSignal): Promise<number> {
  let most = sample();
  while (!over.aborted) {
    await wait(SAMPLE_MS);
    most = Math.max(most, sample());
  }
  return most;
}
