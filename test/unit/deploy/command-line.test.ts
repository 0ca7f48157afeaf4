// `npm run deploy -- …` as it is typed; only what runs no wrangler command.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { readDeploySettings } from "../../../dev/deploy/deploy-settings.ts";

const projectRoot = resolve(import.meta.dirname, "../../..");

const deploy = (...args: readonly string[]) =>
  spawnSync(process.execPath, ["dev/deploy/main.ts", ...args], { cwd: projectRoot, encoding: "utf8" });

it("prints the commands of the project's own wrangler.toml and leaves it alone", () => {
  const before = readFileSync(join(projectRoot, "wrangler.toml"), "utf8");
  const { status, stdout } = deploy("--env", "staging", "--dry-run");
  expect(stdout).toContain("npx wrangler deploy --env=staging");
  expect(status).toBe(0);
  expect(readFileSync(join(projectRoot, "wrangler.toml"), "utf8")).toBe(before);
}, 30_000);

it("says how it is used", () => {
  expect(() => readDeploySettings(["--dryrun"])).toThrow(/--dryrun.*\nUsage: npm run deploy/);
  expect(() => readDeploySettings(["staging"])).toThrow(/Usage: npm run deploy/);
});

it("reads its arguments", () => {
  expect(readDeploySettings([])).toEqual({ environment: undefined, isDryRun: false });
  expect(readDeploySettings(["--env=staging", "--dry-run"])).toEqual({
    environment: "staging",
    isDryRun: true,
  });
});
