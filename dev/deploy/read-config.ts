/** wrangler.toml as wrangler itself reads it, for one environment. */
import "../local/wrangler-quiet.ts";
import { experimental_readRawConfig, unstable_readConfig } from "wrangler";
import * as z from "zod";
import { PlainFailure } from "../local/plain-failure.ts";
import { WranglerConfig } from "./target.ts";

export function readConfig(path: string, environment: string | undefined): WranglerConfig {
  const { rawConfig } = experimental_readRawConfig({ config: path });
  // Given a name it does not know, wrangler goes on with the top level: production.
  if (environment !== undefined && rawConfig.env?.[environment] === undefined) {
    const known = Object.keys(rawConfig.env ?? {}).join(", ") || "none";
    throw new PlainFailure(`wrangler.toml has no environment "${environment}" (it has: ${known}).`);
  }
  const config = unstable_readConfig({
    config: path,
    ...(environment === undefined ? {} : { env: environment }),
  });
  // Stores are made from the top level, see wrangler-command.ts.
  if (config.account_id !== rawConfig.account_id) {
    throw new PlainFailure(
      "wrangler.toml: account_id of an environment is not supported here; set CLOUDFLARE_ACCOUNT_ID.",
    );
  }
  const parsed = WranglerConfig.safeParse(config);
  if (parsed.success) return parsed.data;
  throw new PlainFailure(`wrangler.toml cannot be deployed:\n${z.prettifyError(parsed.error)}`);
}
