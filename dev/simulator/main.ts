/**
 * `npm run simulator`: an Azure OpenAI resource on the loopback until it is interrupted. SIMULATOR_PORT
 * fixes the port.
 */
import { startSimulator } from "./start-simulator.ts";

const port = Number(process.env.SIMULATOR_PORT ?? "0");
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error("SIMULATOR_PORT must be a port number.");
  process.exit(1);
}

const simulator = await startSimulator({ port });
console.log(`Azure OpenAI simulator: ${simulator.url} (api-key: ${simulator.apiKey})`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void simulator.close());
}
