/**
 * `npm start`: everything on this machine with demo data, until Ctrl-C. PORT and SIMULATOR_PORT choose the ports,
 * PORTCULLIS_PLACE where calls come from; with AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY the backends are real,
 * with AZURE_CREDENTIAL=entra the simulated ones are opened without a key.
 */
import { announcement } from "./local/announce.ts";
import { writeConnection } from "./local/connection.ts";
import { connectControlPlane } from "./local/control-plane.ts";
import { writeDemoData } from "./local/demo-data.ts";
import { trustGateway } from "./local/demo-identity.ts";
import { SIMULATOR_KEY } from "./local/dev-vars.ts";
import { drainRecords } from "./local/drain-records.ts";
import { claimFrontDoor } from "./local/front-door.ts";
import { startGatewayProcess } from "./local/gateway.ts";
import { writePlace } from "./local/places.ts";
import { PlainFailure, runCommand } from "./local/plain-failure.ts";
import { portFailure } from "./local/port-failure.ts";
import { prepare } from "./local/prepare.ts";
import { refuseWhileRunning } from "./local/running-gateway.ts";
import { readStartSettings, simulatorSite } from "./local/start-settings.ts";
import { openStateFolder, wranglerConfig } from "./local/state-folder.ts";
import { aborted, stopSignal } from "./local/stop-signal.ts";
import { startSimulator } from "./simulator/start-simulator.ts";

const DRAIN_MS = 10_000;

/** What must end before the process does, in order of starting. */
type Endings = (() => Promise<void>)[];

await runCommand(async () => {
  const stop = stopSignal();
  const endings: Endings = [];
  try {
    await runUntil(stop, endings);
  } catch (error) {
    if (error !== stop.reason) throw error;
  } finally {
    for (const end of endings.reverse()) await end();
  }
  return 0;
});

async function runUntil(stop: AbortSignal, endings: Endings): Promise<void> {
  const { port, simulatorPort, place, credential, azure } = readStartSettings(process.env);
  const folder = openStateFolder();
  await refuseWhileRunning(folder);

  const door = await claimFrontDoor(port);
  endings.push(door.close);
  const simulator = azure === null ? await openSimulator(simulatorPort) : null;
  if (simulator !== null) endings.push(() => simulator.close());

  console.log("Preparing secrets and local databases …");
  const { adminKey } = await prepare(folder);
  stop.throwIfAborted();

  console.log("Starting the gateway …");
  await writePlace(folder.place, place);
  const child = startGatewayProcess();
  endings.push(child.stop);
  const gateway = await child.ready(
    {
      config: wranglerConfig,
      devVars: folder.devVars,
      stores: folder.stores,
      azureKey: azure?.key ?? SIMULATOR_KEY,
      place: folder.place,
    },
    stop,
  );
  const controlPlane = connectControlPlane(gateway.url.href, adminKey);
  endings.push(async () => {
    door.stopIntake();
    console.log("Stopping: waiting until every record is stored …");
    const isDrained = await drainRecords(controlPlane, DRAIN_MS).catch(() => false);
    console.log(isDrained ? "Stopped." : "Stopped; the last records may not have been stored.");
  });
  stop.throwIfAborted();

  const identity =
    simulator !== null && credential === "entra" ? await trustGateway(simulator, gateway.url) : undefined;
  const site = azure?.site ?? simulatorSite(simulator?.url ?? "", identity);
  const demo = await writeDemoData(controlPlane, site);
  const connection = { gatewayUrl: door.url, simulatorUrl: simulator?.url ?? null, adminKey, ...demo };
  await writeConnection(folder, connection);
  door.openTo(gateway.url);
  console.log(announcement(connection, site.endpoint, place));

  const died = gateway.ended.then(() => {
    throw new PlainFailure("The gateway ended by itself.");
  });
  await Promise.race([aborted(stop), died]);
}

async function openSimulator(port: number) {
  try {
    return await startSimulator({ port, apiKey: SIMULATOR_KEY });
  } catch (error) {
    throw portFailure(error, port, "SIMULATOR_PORT");
  }
}
