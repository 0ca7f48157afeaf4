/** Records of changes that are no revision: they commit with the change, or alone where nothing else is stored. */
import { controlSource, outboxStatement } from "../audit/outbox.store.ts";
import { askedToWrite } from "../kernel/asked.ts";
import type { Result } from "../kernel/result.ts";
import { type ChangeFacts, changeRecord } from "./change-record.ts";
import { type Databases, databaseOf } from "./databases.ts";

export interface ChangeLog {
  /** For the batch of the change, in the database of its scope. */
  statement(facts: ChangeFacts): D1PreparedStatement;
  append(facts: ChangeFacts): Promise<Result<unknown>>;
}

export function createChangeLog(databases: Databases): ChangeLog {
  const statement = (facts: ChangeFacts) =>
    outboxStatement(
      databaseOf(databases, facts.scope, facts.home),
      controlSource(facts.scope),
      changeRecord(facts),
    );
  return { statement, append: (facts) => askedToWrite(() => statement(facts).run()) };
}
