-- From when on a key opens nothing; null = it has no end. Keys from before there were ends have none.
ALTER TABLE api_keys ADD COLUMN expires_at TEXT;
