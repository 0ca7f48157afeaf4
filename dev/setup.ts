/** `npm run setup`: secrets, local databases and the first admin key; after it plain `npx wrangler dev` works. */
import { runCommand } from "./local/plain-failure.ts";
import { prepare } from "./local/prepare.ts";
import { refuseWhileRunning } from "./local/running-gateway.ts";
import { openStateFolder } from "./local/state-folder.ts";

await runCommand(async () => {
  const folder = openStateFolder();
  await refuseWhileRunning(folder);
  const { adminKey, addedVars, appliedMigrations } = await prepare(folder);
  console.log(
    addedVars.length > 0
      ? `Secrets written to .dev.vars: ${addedVars.join(", ")}`
      : "Secrets: .dev.vars is complete",
  );
  console.log(`Migrations applied: ${appliedMigrations}`);
  console.log(`Admin key (X-Api-Key): ${adminKey}`);
  console.log("Ready. `npm start` runs the whole demo; `npx wrangler dev` runs the gateway alone.");
  return 0;
});
