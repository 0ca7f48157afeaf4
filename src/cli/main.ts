#!/usr/bin/env node
/** `portcullis`: the command line's composition root, and its only file that touches the process. Runs on Node. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { azureCheck } from "./azure-check.ts";
import { azureImport } from "./azure-import.ts";
import { type Command, exitCodes } from "./command.ts";
import { runCommandLine } from "./command-line.ts";
import { doctor } from "./doctor.ts";
import { explain } from "./explain.ts";
import { keysKill, keysList, keysRotate } from "./keys-commands.ts";
import { keysNew } from "./keys-new.ts";
import { policyDiffCommand } from "./policy-diff-command.ts";
import { policyLint } from "./policy-lint.ts";
import { policyPull } from "./policy-pull.ts";
import { policyPush } from "./policy-push.ts";
import { policyTest } from "./policy-test.ts";
import { receiptVerify } from "./receipt-verify.ts";

const commands: readonly Command[] = [
  azureCheck,
  azureImport,
  doctor,
  explain,
  keysKill,
  keysList,
  keysNew,
  keysRotate,
  policyDiffCommand,
  policyLint,
  policyPull,
  policyPush,
  policyTest,
  receiptVerify,
];

try {
  process.exitCode = await runCommandLine(commands, process.argv.slice(2), {
    out: (line) => console.log(line),
    err: (line) => console.error(line),
    environment: process.env,
    fetch,
    readFile: (path) => readFile(path, "utf8"),
    writeFile: (path, text) => writeFile(path, text),
    listFolder: async (path) => ((await stat(path)).isDirectory() ? await readdir(path) : null),
    readStandardInput: () => text(process.stdin),
    clock: () => Date.now(),
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
} catch (error) {
  console.error(error);
  process.exitCode = exitCodes.failed;
}
