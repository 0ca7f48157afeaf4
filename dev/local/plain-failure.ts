/** A failure that the reader can mend: shown as its sentence alone, without a stack, and the command exits with 1. */
export class PlainFailure extends Error {
  override readonly name = "PlainFailure";
}

/** Runs a command's main function; its result is the exit code. */
export async function runCommand(main: () => Promise<number>): Promise<void> {
  // Whoever read our output may be gone before we have stopped in order.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(error instanceof PlainFailure ? error.message : error);
    process.exitCode = 1;
  }
}
