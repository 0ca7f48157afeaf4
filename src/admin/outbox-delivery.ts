/** How a committed record gets out of its outbox: after the answer, and again by the scheduled handler. */
import type { Scope } from "../kernel/ids.ts";
import type { Home } from "../residency/home.ts";

/** Delivers the outbox of the database that holds this scope. */
export type DeliverOutbox = (scope: Scope, home: Home) => Promise<unknown>;

/** `waitUntil`: keeps the isolate alive until the promise settles. */
export type Background = (work: Promise<unknown>) => void;
