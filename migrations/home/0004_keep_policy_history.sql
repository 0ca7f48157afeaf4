-- Every version that a policy has had, written in the batch of the change. Rows are added and never changed; they go
-- with their tenant and not before, so whoever is named like it later finds nothing of its past.

CREATE TABLE policy_history (
  policy_id TEXT NOT NULL,
  -- Of the write, among its scope's; 0 = how the policy was found when its history began.
  revision INTEGER NOT NULL,
  scope TEXT NOT NULL,
  operation TEXT NOT NULL CHECK (operation IN ('baseline', 'create', 'update', 'delete', 'revert')),
  -- The id of the API key; null = not known.
  author TEXT,
  at TEXT NOT NULL,
  document_before TEXT,
  document_after TEXT,
  -- Of a revert: the revision whose document was restored.
  reverted_to INTEGER,
  PRIMARY KEY (policy_id, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_history_by_scope ON policy_history (scope);

CREATE TRIGGER policy_history_is_not_rewritten BEFORE UPDATE ON policy_history
BEGIN
  SELECT RAISE(ABORT, 'policy_history is append-only');
END;

-- `default-tenant` may have no row of its own, and is never deleted.
CREATE TRIGGER policy_history_is_kept BEFORE DELETE ON policy_history
  WHEN OLD.scope = 'default-tenant' OR EXISTS (SELECT 1 FROM tenants WHERE id = OLD.scope)
BEGIN
  SELECT RAISE(ABORT, 'policy_history is append-only');
END;

INSERT INTO policy_history (policy_id, revision, scope, operation, author, at, document_before, document_after)
SELECT id, 0, scope, 'baseline', NULL, document ->> '$.updatedAt', NULL, document FROM policies;
