/**
 * `npm run deploy`, with everything outside this process as a port: look up what exists, plan what is left, take the
 * steps in order, ask the gateway whether it is well.
 */
import { PlainFailure } from "../local/plain-failure.ts";
import { checkDeployed, type Reach } from "./check-deployed.ts";
import type { DeploySettings } from "./deploy-settings.ts";
import { describeDeployment } from "./dry-run.ts";
import { unshownKeyIn } from "./first-admin-key.ts";
import { lookUp, requireLogin } from "./look-up.ts";
import { planDeployment } from "./plan.ts";
import { readConfig } from "./read-config.ts";
import { takeStep } from "./take-step.ts";
import { targetOf } from "./target.ts";
import type { RunWrangler } from "./wrangler.ts";

export interface DeployPorts {
  readonly run: RunWrangler;
  readonly say: (line: string) => void;
  readonly reach: Reach;
  readonly configPath: string;
  /** Holds an admin key between its making and its showing. */
  readonly keyFolder: string;
  /** CLOUDFLARE_ACCOUNT_ID */
  readonly accountId: string | undefined;
  /** ADMIN_KEY, to ask the doctor with */
  readonly adminKey: string | undefined;
}

/** Answers the exit code. */
export async function deploy({ environment, isDryRun }: DeploySettings, ports: DeployPorts): Promise<number> {
  const { run, say, reach, configPath } = ports;
  const config = readConfig(configPath, environment);
  const target = targetOf(config, environment);
  if (isDryRun) {
    for (const line of describeDeployment(target)) say(line);
    return 0;
  }
  await requireLogin(run, ports.accountId ?? config.account_id);
  say("Looking up what exists …");
  const unshownKey = unshownKeyIn(ports.keyFolder, target.worker);
  const plan = planDeployment(target, await lookUp(run, target, unshownKey.exists()));
  for (const warning of plan.warnings) say(warning);
  if (plan.obstacles.length > 0) throw new PlainFailure(plan.obstacles.join("\n"));
  let { adminKey } = ports;
  const onAdminKey = (text: string) => {
    adminKey = text;
  };
  for (const step of plan.steps) {
    await takeStep(step, { run, target, configPath, unshownKey, say, onAdminKey });
  }
  const { lines, isWell } = await checkDeployed(target.issuer, reach, adminKey);
  for (const line of lines) say(line);
  return isWell ? 0 : 1;
}
