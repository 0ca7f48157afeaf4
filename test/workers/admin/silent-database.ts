// Databases of which chosen calls are never answered, and the timer whose limits pass for those calls and no other.
import type { StartTimer } from "../../../src/kernel/clock.ts";

type Call = "first" | "all" | "run" | "batch";
/** `made`: it reaches the database, and only its answer is lost. `lost`: it does not even do that. Null: answered. */
export type Silence = (call: Call, sql: string) => "made" | "lost" | null;

const never = new Promise<never>(() => {});

export function createSilence(silence: Silence) {
  /** Of the call just begun; the limit around a call starts in the same turn as the call. */
  let justBegun: Promise<unknown> | null = null;
  const passedMs: number[] = [];

  const answer = (name: Call, sql: string, call: () => Promise<unknown>): Promise<unknown> => {
    const kept = silence(name, sql);
    if (kept === null) return call();
    justBegun = kept === "made" ? call() : Promise.resolve();
    return never;
  };
  // The platform's own statements, so that they can be in a batch.
  function silentStatement(statement: D1PreparedStatement, sql: string): D1PreparedStatement {
    const { bind } = statement;
    const calls = (["first", "all", "run"] as const).map((name) => {
      const call = statement[name];
      return [name, (...args: unknown[]) => answer(name, sql, () => Reflect.apply(call, statement, args))];
    });
    return Object.assign(statement, {
      ...Object.fromEntries(calls),
      bind: (...values: unknown[]) => silentStatement(Reflect.apply(bind, statement, values), sql),
    });
  }
  const startTimer: StartTimer = (ms, fire) => {
    let isRunning = true;
    void justBegun?.then(() => {
      if (!isRunning) return;
      passedMs.push(ms);
      fire();
    });
    justBegun = null;
    return () => {
      isRunning = false;
    };
  };

  return {
    startTimer,
    /** The limits that passed. */
    passedMs,
    database: (db: D1Database): D1Database =>
      new Proxy(db, {
        get(target, name) {
          if (name === "prepare") return (sql: string) => silentStatement(target.prepare(sql), sql);
          if (name === "batch") {
            return (statements: D1PreparedStatement[]) => answer("batch", "", () => target.batch(statements));
          }
          return Reflect.get(target, name);
        },
      }),
  };
}
