/** `npm run deploy`: creates what is missing at Cloudflare and deploys. Safe to interrupt and to repeat. */
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { runCommand } from "../local/plain-failure.ts";
import { projectRoot, wranglerConfig } from "../local/state-folder.ts";
import { deploy } from "./deploy.ts";
import { readDeploySettings } from "./deploy-settings.ts";
import { spawnWrangler } from "./spawn-wrangler.ts";

await runCommand(() =>
  deploy(readDeploySettings(process.argv.slice(2)), {
    run: spawnWrangler,
    say: (line) => console.log(line),
    reach: { fetch, wait: (ms) => wait(ms) },
    configPath: wranglerConfig,
    keyFolder: join(projectRoot, ".local"),
    accountId: process.env.CLOUDFLARE_ACCOUNT_ID || undefined,
    adminKey: process.env.ADMIN_KEY || undefined,
  }),
);
