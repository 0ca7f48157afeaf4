/** Ctrl-C and its relatives as an AbortSignal: the first asks for an orderly end, the next one ends at once. */

// One key press can arrive twice: from the terminal and from the npm in between.
const SAME_SIGNAL_MS = 1_000;
const PARENT_CHECK_MS = 500;

export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAtMs = 0;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      const now = performance.now();
      if (!controller.signal.aborted) {
        firstAtMs = now;
        controller.abort();
      } else if (now - firstAtMs > SAME_SIGNAL_MS) {
        process.exit(130);
      }
    });
  }
  endWithBootstrap(controller);
  return controller.signal;
}

/** Our process group is our own, so whoever kills the one that npm runs in does not reach us. */
function endWithBootstrap(controller: AbortController): void {
  const parent = process.ppid;
  if (process.env.PORTCULLIS_BOOTSTRAP_PID !== String(parent)) return;
  setInterval(() => process.ppid !== parent && controller.abort(), PARENT_CHECK_MS).unref();
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
