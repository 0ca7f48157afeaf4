/** Ctrl-C and its relatives as an AbortSignal: the first asks for an orderly end, the next one ends at once. */

// One key press can arrive twice: from the terminal and from the npm in between.
const SAME_SIGNAL_MS = 1_000;

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
  return controller.signal;
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
