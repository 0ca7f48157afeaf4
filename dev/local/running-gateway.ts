/** Two gateways on one state folder would write the same SQLite files, so the second one is refused. */
import * as z from "zod";
import { type Connection, readConnection } from "./connection.ts";
import { readDevVars } from "./dev-vars.ts";
import { PlainFailure } from "./plain-failure.ts";
import type { StateFolder } from "./state-folder.ts";

const Jwks = z.object({ keys: z.array(z.looseObject({ x: z.string() })) });

/** The gateway of this folder if it runs: what answers there must hold this folder's signing key. */
export async function runningGateway(folder: StateFolder): Promise<Connection | undefined> {
  const connection = readConnection(folder);
  const ours = readDevVars(folder.devVars).SIGNING_KEYS;
  if (connection === undefined || !ours) return undefined;
  try {
    const probe = new URL("/.well-known/jwks.json", connection.gatewayUrl);
    const answer = await fetch(probe, { signal: AbortSignal.timeout(5_000) });
    const published = Jwks.parse(await answer.json());
    const held = new Set(Jwks.parse(JSON.parse(ours)).keys.map(({ x }) => x));
    return published.keys.some(({ x }) => held.has(x)) ? connection : undefined;
  } catch {
    return undefined;
  }
}

export async function refuseWhileRunning(folder: StateFolder): Promise<void> {
  const running = await runningGateway(folder);
  if (running === undefined) return;
  throw new PlainFailure(`A gateway with this data runs already at ${running.gatewayUrl}; stop it first.`);
}
