-- The public key with which an agent proves that its tokens are its own, as a JWK; NULL = its tokens are bearer tokens.
ALTER TABLE agents ADD COLUMN public_key TEXT;

-- Which token was refreshed into which: for introspection, and so that revoking any token of a chain stops all of it. The
-- agent's own ledger decides; a row goes when the chain has ended.
CREATE TABLE token_refreshes (
  token_id TEXT PRIMARY KEY,
  successor_id TEXT NOT NULL,
  -- The first token of the chain.
  root_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  -- Until when the chain may be refreshed: none of its tokens outlasts that.
  ends_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX token_refreshes_by_successor ON token_refreshes (successor_id);
CREATE INDEX token_refreshes_by_end ON token_refreshes (ends_at);
