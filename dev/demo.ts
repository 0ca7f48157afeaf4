/**
 * `npm run demo`: the quick start against the gateway that `npm start` runs. Tells what happens, and exits with 0 only
 * if everything went as told.
 */

import { readConnection } from "./local/connection.ts";
import { connectControlPlane } from "./local/control-plane.ts";
import { PlainFailure, runCommand } from "./local/plain-failure.ts";
import { askEnforce, registerAgent, tokenFor, writePolicy } from "./local/quick-start-control.ts";
import { chat, connectModels, refusedChat, streamedChat } from "./local/quick-start-models.ts";
import { recordsOf } from "./local/quick-start-records.ts";
import { runningGateway } from "./local/running-gateway.ts";
import { openStateFolder } from "./local/state-folder.ts";

await runCommand(async () => {
  const folder = openStateFolder();
  const connection = await runningGateway(folder);
  if (connection === undefined) {
    const seen = readConnection(folder);
    const where =
      seen === undefined ? "No gateway was started here yet" : `No gateway answers at ${seen.gatewayUrl}`;
    throw new PlainFailure(`${where}. Run \`npm start\` in another terminal first.`);
  }
  const { gatewayUrl, adminKey, tenantId } = connection;
  const controlPlane = connectControlPlane(gatewayUrl, adminKey);
  console.log(`The quick start, against ${gatewayUrl}\n`);

  const agent = await registerAgent(controlPlane, tenantId);
  console.log(`1. Registered an agent:       ${agent.id} (${agent.name}) of ${tenantId}`);
  const policy = await writePolicy(controlPlane, tenantId);
  console.log(`2. Wrote a policy:            ${policy.id}, revision ${policy.revision}`);
  const token = await tokenFor(controlPlane, agent.id);
  console.log(`3. Issued a token:            ${token.jti}, until ${token.expiresAt}`);
  const enforced = await askEnforce(controlPlane, token.token, tenantId);
  console.log(`4. Asked /v1/enforce:         ${enforced.decision} (${enforced.decisionId})`);

  const models = connectModels(gatewayUrl, token.token);
  const answer = await chat(models);
  console.log(`5. Chat with the openai SDK:  ${answer.text}`);
  console.log(`                              ${answer.totalTokens} tokens, decision ${answer.decisionId}`);
  const stream = await streamedChat(models);
  console.log(`6. The same as a stream:      ${stream.text} (${stream.chunks} chunks)`);
  const refusal = await refusedChat(models);
  console.log(
    `7. A prompt over the limit:   ${refusal.status} ${refusal.code} (request ${refusal.requestId})`,
  );
  console.log(`                              ${refusal.message}`);

  const records = await recordsOf(controlPlane, tenantId, agent.id);
  console.log(`8. The audit log of the agent (${records.length} records):`);
  for (const line of records) console.log(`   ${line}`);
  console.log("\nEverything went as told.");
  return 0;
});
