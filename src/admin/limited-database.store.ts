/**
 * A D1 whose calls end: D1 has no time limit of its own, and one that never answers would hold a caller of the
 * control plane for as long as the caller waits. A call that took longer fails like one to a D1 that cannot be reached.
 * Whether a late write was made is not known here (kernel/unsettled-write.ts).
 */
import type { StartTimer } from "../kernel/clock.ts";
import { D1_READ_MAX_MS, D1_WRITE_MAX_MS } from "../kernel/limits.ts";
import { withinLimit } from "../kernel/within-limit.ts";

type Limits = Readonly<Record<string, number>>;
const statementLimitsMs: Limits = {
  first: D1_READ_MAX_MS,
  all: D1_READ_MAX_MS,
  raw: D1_READ_MAX_MS,
  run: D1_WRITE_MAX_MS,
};
const databaseLimitsMs: Limits = { batch: D1_WRITE_MAX_MS, exec: D1_WRITE_MAX_MS };

/** D1 takes only its own statements into a batch. */
const ownStatement = new WeakMap<object, D1PreparedStatement>();

export function limitedDatabase(db: D1Database, startTimer: StartTimer): D1Database {
  const batch = (statements: readonly D1PreparedStatement[]) =>
    db.batch(statements.map((statement) => ownStatement.get(statement) ?? statement));
  const prepare = (sql: string) => limitedStatement(db.prepare(sql), startTimer);
  return limited(db, databaseLimitsMs, startTimer, { batch, prepare });
}

function limitedStatement(own: D1PreparedStatement, startTimer: StartTimer): D1PreparedStatement {
  const bind = (...values: unknown[]) => limitedStatement(own.bind(...values), startTimer);
  const statement = limited(own, statementLimitsMs, startTimer, { bind });
  ownStatement.set(statement, own);
  return statement;
}

function limited<T extends object>(
  target: T,
  limitsMs: Limits,
  startTimer: StartTimer,
  replaced: Readonly<Record<string, unknown>>,
): T {
  return new Proxy(target, {
    get(_, name) {
      const key = String(name);
      const method: unknown = replaced[key] ?? Reflect.get(target, name);
      if (typeof method !== "function") return method;
      const maxMs = limitsMs[key];
      return (...args: unknown[]) => {
        const answer = Reflect.apply(method, target, args);
        return maxMs === undefined ? answer : withinLimit(startTimer, maxMs, answer);
      };
    },
  });
}
