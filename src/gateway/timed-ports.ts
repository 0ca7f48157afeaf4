/** The gateway's ports with a stopwatch around their I/O, so that the stages themselves know nothing of time-keeping. */
import type { GatewayPorts } from "./gateway-ports.ts";
import type { ServerTiming } from "./server-timing.ts";

/** `reserve` is the one RPC before the answer: the reservation, or the confirmation of a refusal. */
export function timedPorts<P extends GatewayPorts>(ports: P, { measure }: ServerTiming): P {
  const { verifier, snapshots, ledgers, azure } = ports;
  return {
    ...ports,
    verifier: {
      verify: (token, nowMs) => measure("authenticate", () => verifier.verify(token, nowMs)),
    },
    snapshots: {
      ...snapshots,
      load: (...wanted) => measure("snapshot", () => snapshots.load(...wanted)),
    },
    ledgers: {
      ...ledgers,
      reserve: (request) => measure("reserve", () => ledgers.reserve(request)),
      confirm: (request) => measure("reserve", () => ledgers.confirm(request)),
    },
    azure: { send: (request) => measure("upstream", () => azure.send(request)) },
  } satisfies GatewayPorts;
}
