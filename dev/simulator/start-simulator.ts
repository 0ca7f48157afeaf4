/**
 * Starts an Azure OpenAI resource on the loopback: the same routes, headers, bodies and refusals, a
 * deterministic model, and faults on demand. Beside it, the parts of Azure that a gateway without a
 * stored secret needs: Entra's token endpoint, Key Vault, and what ARM says of the resource.
 */
import { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { versionsBeforeStreamOptions } from "./api-version.ts";
import { controlRoutes } from "./control-routes.ts";
import { type FaultInput, QueuedFaults } from "./fault.ts";
import { createFaultQueue } from "./fault-queue.ts";
import { createIdentity, type SimulatedIdentity } from "./identity.ts";
import { IdentityFault, type IdentityFaultInput } from "./identity-fault.ts";
import { identityRoutes } from "./identity-routes.ts";
import { modelRoutes } from "./model-routes.ts";
import { createRequestLog, type RecordedRequest } from "./request-log.ts";
import type { ResponseStreamStyle } from "./response-reply.ts";
import { defaultDeployments, type SimulatedDeployment } from "./simulated-deployment.ts";
import type { SimulatorContext, SimulatorEnv } from "./simulator-context.ts";
import { createStoredAnswers } from "./stored-answers.ts";

export interface SimulatorOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly apiKey?: string;
  readonly deployments?: readonly SimulatedDeployment[];
  /** The resource's region by its display name. */
  readonly region?: string;
  readonly versionsWithoutStreamOptions?: readonly string[];
  readonly responseStream?: Partial<ResponseStreamStyle>;
}

export interface Simulator {
  /** Without a trailing slash. */
  readonly url: string;
  readonly apiKey: string;
  readonly requests: readonly RecordedRequest[];
  /** Who is trusted, what is in the vault, and what was asked there. */
  readonly identity: SimulatedIdentity;
  /** A fault for the next request to the token endpoint or the vault. */
  nextIdentity(fault: IdentityFaultInput): void;
  /** Faults for the next model request (to that deployment); several act together on one request. */
  next(fault: FaultInput | readonly FaultInput[], scope?: { readonly deployment?: string }): void;
  /** The next request that arrives after this call, once its body has been read. */
  waitForRequest(): Promise<RecordedRequest>;
  /** Forgets requests and waiting faults. */
  clear(): void;
  close(): Promise<void>;
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const log = createRequestLog();
  const faults = createFaultQueue();
  const context: SimulatorContext = {
    apiKey: options.apiKey ?? "simulator-key",
    identity: createIdentity(),
    deployments: new Map((options.deployments ?? defaultDeployments).map((one) => [one.name, one])),
    region: options.region ?? "Sweden Central",
    versionsWithoutStreamOptions: new Set(
      options.versionsWithoutStreamOptions ?? versionsBeforeStreamOptions,
    ),
    stored: createStoredAnswers(),
    responseStream: { eventLines: false, doneLine: false, ...options.responseStream },
    faults,
    log,
  };
  const app = new Hono<SimulatorEnv>();
  app.route("/_simulator", controlRoutes(context));
  let url = "";
  const region = context.region.replaceAll(" ", "").toLowerCase();
  const account = {
    location: region,
    endpoint: () => url,
    deployments: [...context.deployments.values()],
  };
  app.route("/", identityRoutes(context.identity, account));
  app.route("/", modelRoutes(context));

  // Global Request and Response stay as they are: the simulator often shares its process with a test.
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false });
  if (!(server instanceof Server)) throw new Error("The adaptor was expected to make an HTTP/1.1 server.");
  // Clients keep connections longer than Node's 5 s; closing first would look like a random fault.
  server.keepAliveTimeout = 75_000;
  const port = await listen(server, options.port ?? 0);

  url = `http://127.0.0.1:${port}`;

  return {
    url,
    apiKey: context.apiKey,
    requests: log.requests,
    identity: context.identity,
    nextIdentity(fault) {
      context.identity.faults.push(IdentityFault.parse(fault));
    },
    next(fault, scope = {}) {
      const list = Array.isArray(fault) ? fault : [fault];
      faults.add(QueuedFaults.parse({ faults: list, ...scope }));
    },
    waitForRequest: () => log.next(),
    clear() {
      log.clear();
      faults.clear();
      context.identity.requests.length = 0;
      context.identity.faults.length = 0;
    },
    close() {
      log.close();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("No TCP address."));
      resolve(address.port);
    });
  });
}
