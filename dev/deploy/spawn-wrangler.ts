/** Runs the wrangler of this project, without a terminal: it asks nothing, and every output is ours to show or not. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { projectRoot } from "../local/state-folder.ts";
import type { RunWrangler } from "./wrangler.ts";

const wranglerScript = join(projectRoot, "node_modules/wrangler/bin/wrangler.js");

const settings = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  // Answers are written as log lines.
  WRANGLER_LOG: "log",
  NO_COLOR: "1",
  FORCE_COLOR: "0",
};

export const spawnWrangler: RunWrangler = async (args, stdin) => {
  const child = spawn(process.execPath, [wranglerScript, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...settings },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  // A command that fails early closes its stdin; its exit code tells.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin ?? "");
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
};
