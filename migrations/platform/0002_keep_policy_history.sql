-- Every version that a policy of the platform has had, written in the batch of the change. Rows are added, and neither
-- changed nor removed.

CREATE TABLE policy_history (
  policy_id TEXT NOT NULL,
  -- Of the write, among the platform's; 0 = how the policy was found when its history began.
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

CREATE TRIGGER policy_history_is_not_rewritten BEFORE UPDATE ON policy_history
BEGIN
  SELECT RAISE(ABORT, 'policy_history is append-only');
END;

CREATE TRIGGER policy_history_is_kept BEFORE DELETE ON policy_history
BEGIN
  SELECT RAISE(ABORT, 'policy_history is append-only');
END;

INSERT INTO policy_history (policy_id, revision, scope, operation, author, at, document_before, document_after)
SELECT id, 0, scope, 'baseline', NULL, document ->> '$.updatedAt', NULL, document FROM policies;
