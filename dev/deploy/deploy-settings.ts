/** The arguments of `npm run deploy -- …`. */
import { parseArgs } from "node:util";
import { PlainFailure } from "../local/plain-failure.ts";

export interface DeploySettings {
  /** An environment of wrangler.toml; undefined = its top level. */
  readonly environment: string | undefined;
  readonly isDryRun: boolean;
}

const USAGE = "Usage: npm run deploy [-- [--env <environment>] [--dry-run]]";

export function readDeploySettings(args: readonly string[]): DeploySettings {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { env: { type: "string" }, "dry-run": { type: "boolean", default: false } },
    });
    return { environment: values.env || undefined, isDryRun: values["dry-run"] };
  } catch (error) {
    throw new PlainFailure(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}
