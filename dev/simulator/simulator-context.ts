/** What all routes of one simulator share; one file, so that routes need not know how it is put together. */
import type { HttpBindings } from "@hono/node-server";
import type { FaultQueue } from "./fault-queue.ts";
import type { SimulatedIdentity } from "./identity.ts";
import type { RequestBody } from "./request-body.ts";
import type { Exchange, RequestLog } from "./request-log.ts";
import type { ResponseStreamStyle } from "./response-reply.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";
import type { StoredAnswers } from "./stored-answers.ts";

export interface SimulatorContext {
  readonly apiKey: string;
  readonly identity: SimulatedIdentity;
  readonly deployments: ReadonlyMap<string, SimulatedDeployment>;
  readonly region: string;
  readonly versionsWithoutStreamOptions: ReadonlySet<string>;
  readonly responseStream: ResponseStreamStyle;
  readonly stored: StoredAnswers;
  readonly faults: FaultQueue;
  readonly log: RequestLog;
}

export interface SimulatorEnv {
  Bindings: HttpBindings;
  Variables: { exchange: Exchange; body: RequestBody };
}
