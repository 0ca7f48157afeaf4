/**
 * Where the gateway's stores lie. A local durable write stops the whole of workerd until the disk has it, which deployed
 * it never does; so the comparison keeps the files in memory, and the disk is measured beside it with its own speed.
 */
import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Row, row } from "./figures.ts";

const SHARED_MEMORY = "/dev/shm";
const SYNCS = 50;
const PAGE_BYTES = 4_096;

/** Null where there is none: then everything lies on disk. */
export const memoryFolder: string | null = existsSync(SHARED_MEMORY) ? SHARED_MEMORY : null;

/** Gone when this process is, however it ends: what lies in memory would stay there. */
export function makeFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, "portcullis-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function diskSyncRow(folder: string): Row {
  const path = join(folder, "sync");
  const file = openSync(path, "w");
  const times = Array.from({ length: SYNCS }, () => {
    writeSync(file, Buffer.alloc(PAGE_BYTES));
    const startMs = performance.now();
    fsyncSync(file);
    return performance.now() - startMs;
  });
  closeSync(file);
  rmSync(path);
  return row("disk_sync", "one write reaching this disk (fsync of 4 KiB)", "ms", times);
}
