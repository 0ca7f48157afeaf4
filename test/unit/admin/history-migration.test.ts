// Policies that were written before their history was kept begin it as they were found.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../../../migrations");
const HISTORY = "keep_policy_history.sql";

it.each(["home", "platform"])("the migration of %s takes up what there is", (kind) => {
  const db = new DatabaseSync(":memory:");
  const names = readdirSync(join(root, kind)).sort();
  const at = names.findIndex((name) => name.endsWith(HISTORY));
  const apply = (name: string) => db.exec(readFileSync(join(root, kind, name), "utf8"));
  names.slice(0, at).forEach(apply);
  const document = JSON.stringify({ name: "old", updatedAt: "2026-01-01T00:00:00.000Z" });
  db.prepare("INSERT INTO policies (id, scope, document) VALUES ('policy_1', 'acme', ?)").run(document);
  names.slice(at).forEach(apply);
  expect({ ...db.prepare("SELECT * FROM policy_history").get() }).toEqual({
    policy_id: "policy_1",
    revision: 0,
    scope: "acme",
    operation: "baseline",
    author: null,
    at: "2026-01-01T00:00:00.000Z",
    document_before: null,
    document_after: document,
    reverted_to: null,
  });
  expect(() => db.exec("UPDATE policy_history SET author = 'key_1'")).toThrow("append-only");
});
