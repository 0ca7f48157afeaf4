/** CPU times and memory of processes from /proc: the process's own account, not the wall clock. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** USER_HZ of every Linux that Node runs on. */
const MS_PER_TICK = 10;
const POLL_MS = 100;
const LONGEST_WAIT_MS = 20_000;

export const hasCpuTimes = process.platform === "linux";

/** The fields of /proc/<pid>/stat after the command's name, which may itself hold spaces. */
function statOf(pid: number): { readonly name: string; readonly fields: readonly string[] } {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const end = text.lastIndexOf(")");
  return { name: text.slice(text.indexOf("(") + 1, end), fields: text.slice(end + 2).split(" ") };
}

/** User and system time of all threads so far. */
export function cpuMs(pid: number): number {
  const { fields } = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** What of the process lies in memory. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1_024;
}

export function childrenNamed(name: string): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = statOf(pid);
        return stat.name === name && Number(stat.fields[1]) === process.pid;
      } catch {
        // It ended between the listing and the reading.
        return false;
      }
    });
}

/** Waits until the process has done next to nothing for `quietMs`: work that outlasts the answers counts as well. */
export async function untilQuiet(pid: number, quietMs: number): Promise<void> {
  const startMs = performance.now();
  let before = cpuMs(pid);
  let quietSinceMs = startMs;
  while (performance.now() - quietSinceMs < quietMs && performance.now() - startMs < LONGEST_WAIT_MS) {
    await wait(POLL_MS);
    const now = cpuMs(pid);
    if (now - before > MS_PER_TICK) quietSinceMs = performance.now();
    before = now;
  }
}
