-- The states of the keys that sign capability tokens; the keys themselves are in the Worker secret SIGNING_KEYS. A key
-- without a row is as good as published. Writes that withdraw a key are platform revisions.

CREATE TABLE signing_keys (
  -- The RFC 7638 thumbprint.
  key_id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('published', 'signing', 'retired', 'killed')),
  -- When the gateway first saw it in the secret.
  published_at TEXT NOT NULL,
  signing_at TEXT,
  retired_at TEXT CHECK (retired_at IS NOT NULL OR state <> 'retired'),
  killed_at TEXT CHECK (killed_at IS NOT NULL OR state <> 'killed'),
  -- Why it was killed, or promoted before its time.
  reason TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys (state) WHERE state = 'signing';

-- Gateways take a withdrawal for final: they keep what they have read of it.
CREATE TRIGGER signing_keys_stay_withdrawn BEFORE UPDATE ON signing_keys
WHEN (OLD.state = 'killed' AND NEW.state <> 'killed')
  OR (OLD.state = 'retired' AND (NEW.state NOT IN ('retired', 'killed') OR NEW.retired_at IS NOT OLD.retired_at))
BEGIN
  SELECT RAISE(ABORT, 'a withdrawn key stays withdrawn');
END;

CREATE TRIGGER signing_keys_are_kept BEFORE DELETE ON signing_keys
BEGIN
  SELECT RAISE(ABORT, 'signing_keys are kept');
END;
