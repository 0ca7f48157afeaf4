/** The command line as it is started: which commands the entry knows. */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const entry = join(resolve(import.meta.dirname, "../../.."), "src/cli/main.ts");
const portcullis = (...words: readonly string[]) =>
  spawnSync(process.execPath, [entry, ...words], { encoding: "utf8", env: {} });

it("knows the doctor, receipts and Azure", () => {
  const { status, stdout } = portcullis("help");
  expect(status).toBe(0);
  expect(stdout).toContain("portcullis doctor ");
  expect(stdout).toContain("portcullis receipt verify ");
  expect(stdout).toContain("portcullis azure import ");
  expect(stdout).toContain("portcullis azure check ");
});

it("passes on what was typed, and a command's exit code", () => {
  const { status, stdout, stderr } = portcullis("doctor", "--url", "http://gateway.contoso.com");
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("must be https");
});
