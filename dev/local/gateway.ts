/** Starts and stops the gateway's process, which has a process group of its own: Ctrl-C is for its parent to handle. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import * as z from "zod";
import { PlainFailure } from "./plain-failure.ts";

export interface GatewayOptions {
  readonly config: string;
  readonly devVars: string;
  readonly stores: string;
  readonly azureKey: string;
  /** A file with the `request.cf` of every call. */
  readonly place: string;
}

export interface Gateway {
  readonly url: URL;
  /** Resolves when the process ended, asked or not. */
  readonly ended: Promise<void>;
}

const START_MS = 60_000;
const STOP_MS = 5_000;
const Report = z.union([z.strictObject({ url: z.url() }), z.strictObject({ failure: z.string() })]);

export interface GatewayProcess {
  ready(options: GatewayOptions, stop: AbortSignal): Promise<Gateway>;
  stop(): Promise<void>;
}

export function startGatewayProcess(): GatewayProcess {
  const child = fork(join(import.meta.dirname, "gateway-process.ts"), [], {
    detached: true,
    execArgv: ["--no-warnings"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit").then(() => {});
  return {
    async ready(options, stop) {
      child.send(options);
      const report = await Promise.race([
        once(child, "message").then(([message]) => Report.parse(message)),
        ended.then(() => ({ failure: "its process ended" })),
      ]);
      if ("failure" in report) throw new PlainFailure(`The gateway could not be started: ${report.failure}`);
      const url = new URL(report.url);
      await firstAnswer(url, stop);
      return { url, ended };
    },
    async stop() {
      if (child.connected) child.disconnect();
      const isGone = await Promise.race([ended.then(() => true), wait(STOP_MS, false, { ref: false })]);
      if (!isGone) killGroup(child);
      await ended;
    },
  };
}

/** A Worker that does not build keeps its callers waiting: wrangler hopes for a change of the source. */
async function firstAnswer(url: URL, stop: AbortSignal): Promise<void> {
  const probe = new URL("/.well-known/jwks.json", url);
  const signal = AbortSignal.any([stop, AbortSignal.timeout(START_MS)]);
  const answer = await fetch(probe, { signal }).catch(() => undefined);
  stop.throwIfAborted();
  if (answer?.ok) return;
  const what = answer === undefined ? "did not answer" : `answered ${answer.status}: ${await answer.text()}`;
  throw new PlainFailure(`The gateway ${what}. What it said itself stands above.`);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended in this moment.
  }
}
