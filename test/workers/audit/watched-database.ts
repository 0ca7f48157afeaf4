// A database that remembers what it was asked, so that a test can have SQLite explain every statement.
interface Asked {
  readonly sql: string;
  values: readonly unknown[];
}

export function watchedDatabase(db: D1Database): {
  readonly db: D1Database;
  readonly asked: readonly Asked[];
} {
  const asked: Asked[] = [];
  const watched = new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => watchedStatement(sql, target.prepare(sql));
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  function watchedStatement(sql: string, statement: D1PreparedStatement): D1PreparedStatement {
    const entry: Asked = { sql, values: [] };
    asked.push(entry);
    const bind = statement.bind.bind(statement);
    statement.bind = (...values: unknown[]) => {
      entry.values = values;
      return bind(...values);
    };
    return statement;
  }
  return { db: watched, asked };
}

/** SQLite's plan of each statement, one line a step. */
export async function plansOf(db: D1Database, asked: readonly Asked[]): Promise<string[]> {
  const plans: string[] = [];
  for (const { sql, values } of asked) {
    const { results } = await db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values)
      .all<{ detail: string }>();
    plans.push(results.map((row) => row.detail).join("\n"));
  }
  return plans;
}
