#!/usr/bin/env node
/** `portcullis`: the command line's composition root, and its only file that touches the process. Runs on Node. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { azureCheck } from "./azure-check.ts";
import { azureImport } from "./azure-import.ts";
import { type Command, exitCodes } from "./command.ts";
import { runCommandLine } from "./command-line.ts";
import { doctor } from "./doctor.ts";
import { receiptVerify } from "./receipt-verify.ts";

const commands: readonly Command[] = [azureCheck, azureImport, doctor, receiptVerify];

try {
  process.exitCode = await runCommandLine(commands, process.argv.slice(2), {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    environment: process.env,
    fetch,
    readFile: (path) => readFile(path, "utf8"),
    readStandardInput: () => text(process.stdin),
    clock: () => Date.now(),
  });
} catch (error) {
  console.error(error);
  process.exitCode = exitCodes.failed;
}
