/**
 * `node dev/bootstrap.mjs <command> [arguments]`: runs a command of this project on the Node it was made for. Works on
 * any Node from 20 on with nothing installed: what is missing or out of date is installed first. package.json starts it
 * with `exec`: a shell in between would keep signals that npm passes on.
 */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const isWindows = process.platform === "win32";
const PARENT_CHECK_MS = 500;
// One key press arrives from the terminal and once more from the npm around us.
const SAME_SIGNAL_MS = 1_000;

/** npm writes the second file last, whenever it has installed what the first one says. */
function isInstalled() {
  const installed = join(root, "node_modules", ".package-lock.json");
  return (
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs
  );
}

/**
 * Resolves with the exit code. The child gets a process group of its own, so that the terminal's Ctrl-C reaches it
 * exactly once: from here.
 */
function run(command, args, options) {
  const child = spawn(command, args, { ...options, cwd: root, stdio: "inherit", detached: !isWindows });
  const last = new Map();
  const passOn = (signal) => {
    const now = performance.now();
    if (now - (last.get(signal) ?? -SAME_SIGNAL_MS) < SAME_SIGNAL_MS) return;
    last.set(signal, now);
    child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, passOn);
  // An npm that was killed passes nothing on; its children must not outlive it.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    passOn("SIGTERM");
  }, PARENT_CHECK_MS);
  return new Promise((resolve) => {
    const done = (code) => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, passOn);
      resolve(code);
    };
    child.once("error", (error) => {
      console.error(`${command} could not be started: ${error.message}`);
      done(127);
    });
    child.once("exit", (code, signal) => done(code ?? 128 + (constants.signals[signal ?? "SIGTERM"] ?? 0)));
  });
}

async function install() {
  console.error("Installing what is missing (npm ci); this happens once and after every update.");
  const npm = process.env.npm_execpath;
  const quiet = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  return npm?.endsWith("npm-cli.js")
    ? run(process.execPath, [npm, ...quiet], {})
    : run("npm", quiet, { shell: isWindows });
}

const [command, ...args] = process.argv.slice(2);
if (command === undefined) {
  console.error("Usage: node dev/bootstrap.mjs <command> [arguments]");
  process.exitCode = 1;
} else {
  const installed = isInstalled() ? 0 : await install();
  const path = [join(root, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
  const env = { ...process.env, PATH: path, PORTCULLIS_BOOTSTRAP_PID: String(process.pid) };
  process.exitCode = installed === 0 ? await run(command, args, { env, shell: isWindows }) : installed;
}
