/**
 * The port callers use, held by us and joined byte by byte to the gateway behind it. It claims the port before
 * anything else is started, and on the way out it lets answers finish while nothing new comes in.
 */
import { connect, createServer, type Socket } from "node:net";
import { portFailure } from "./port-failure.ts";

export interface FrontDoor {
  readonly url: string;
  /** Callers that came earlier have waited. */
  openTo(gatewayUrl: URL): void;
  /** No new connection, and nothing more from those that exist. */
  stopIntake(): void;
  close(): Promise<void>;
}

export async function claimFrontDoor(port: number): Promise<FrontDoor> {
  const gateway = Promise.withResolvers<URL>();
  const callers = new Map<Socket, Socket | null>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (caller) => {
    callers.set(caller, null);
    caller.on("close", () => {
      callers.get(caller)?.destroy();
      callers.delete(caller);
    });
    caller.on("error", () => caller.destroy());
    void gateway.promise.then((url) => {
      if (!caller.destroyed) callers.set(caller, join(caller, url));
    });
  });
  await listen(server, port);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The front door has no TCP address.");

  const stopIntake = () => {
    server.close();
    for (const [caller, inner] of callers) {
      if (inner !== null) caller.unpipe(inner);
      caller.pause();
    }
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    openTo: gateway.resolve,
    stopIntake,
    close() {
      stopIntake();
      for (const caller of callers.keys()) caller.destroy();
      return new Promise((resolve) => {
        if (!server.listening && callers.size === 0) resolve();
        else server.once("close", () => resolve());
      });
    },
  };
}

function join(caller: Socket, { hostname, port }: URL): Socket {
  const inner = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  inner.on("error", () => caller.destroy());
  // What the gateway said before it closed may still be on its way to a slow caller.
  inner.on("close", () => caller.destroySoon());
  caller.setNoDelay();
  inner.setNoDelay();
  caller.pipe(inner);
  inner.pipe(caller);
  return inner;
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(portFailure(error, port, "PORT")));
    server.listen(port, "127.0.0.1", resolve);
  });
}
