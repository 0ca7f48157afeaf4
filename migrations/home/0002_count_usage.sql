-- Usage by the hour, counted from records as they are stored: one that is stored twice is counted once, because only
-- a row that is new fires the trigger. Backfill and trigger read the same view, so they count alike.

CREATE TABLE usage_hours (
  tenant_id TEXT NOT NULL,
  -- UTC, such as 2026-01-31T08: when the calls ended.
  hour TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  -- '' where the resource is no deployment.
  deployment TEXT NOT NULL,
  -- Salted hash; '' where nobody was named.
  end_user TEXT NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  cached_prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  unpriced_requests INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, hour, agent_id, deployment, end_user)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_agent ON usage_hours (tenant_id, agent_id, hour);

-- What one record adds. A completion that corrects an abandoned call takes back what that was charged, in its hour:
-- whichever of the two is stored first, both together count the call once.
CREATE VIEW record_usage AS
WITH charged AS (
  SELECT source, n, tenant_id, at, agent_id, record, 1 AS requests,
    record ->> '$.usage.promptTokens' AS prompt_tokens,
    record ->> '$.usage.cachedPromptTokens' AS cached_prompt_tokens,
    record ->> '$.usage.completionTokens' AS completion_tokens,
    coalesce(record ->> '$.chargedTokens', record ->> '$.usage.totalTokens') AS total_tokens,
    coalesce(record ->> '$.chargedCostNanoUsd', record ->> '$.usageCostNanoUsd') AS cost_nano_usd
  FROM audit_records
  -- Null where the ledger charged nothing under this name: a call it lost counts by what Azure reported, one whose
  -- ledger could not be reached will be recorded as abandoned. What Azure did not bill is no use.
  WHERE kind = 'completion' AND record ->> '$.settlement' <> 'released'
    AND (record ->> '$.chargedTokens' IS NOT NULL OR record ->> '$.ledger' = 'unknown')
  UNION ALL
  SELECT source, n, tenant_id, record ->> '$.replaces.at', agent_id, record, -(record ->> '$.replaces.requests'),
    0, 0, 0, -(record ->> '$.replaces.tokens'), -(record ->> '$.replaces.costNanoUsd')
  FROM audit_records
  WHERE kind = 'completion' AND record ->> '$.replaces.at' IS NOT NULL
  UNION ALL
  SELECT source, n, tenant_id, at, agent_id, record, 1, 0, 0, 0,
    record ->> '$.chargedTokens', record ->> '$.chargedCostNanoUsd'
  FROM audit_records
  WHERE kind = 'abandoned'
)
SELECT source, n, tenant_id, substr(at, 1, 13) AS hour, agent_id,
  iif(record ->> '$.resource' GLOB 'api://azure-openai/models/*' AND record ->> '$.resource' NOT GLOB 'api://azure-openai/models/*/*',
    substr(record ->> '$.resource', 27), '') AS deployment,
  ifnull(record ->> '$.endUser', '') AS end_user,
  requests,
  ifnull(prompt_tokens, 0) AS prompt_tokens,
  ifnull(cached_prompt_tokens, 0) AS cached_prompt_tokens,
  ifnull(completion_tokens, 0) AS completion_tokens,
  ifnull(total_tokens, 0) AS total_tokens,
  ifnull(cost_nano_usd, 0) AS cost_nano_usd,
  iif(cost_nano_usd IS NULL, requests, 0) AS unpriced_requests
FROM charged;

INSERT INTO usage_hours
SELECT tenant_id, hour, agent_id, deployment, end_user, sum(requests), sum(prompt_tokens), sum(cached_prompt_tokens),
  sum(completion_tokens), sum(total_tokens), sum(cost_nano_usd), sum(unpriced_requests)
FROM record_usage GROUP BY tenant_id, hour, agent_id, deployment, end_user;

CREATE TRIGGER usage_is_counted AFTER INSERT ON audit_records WHEN NEW.kind IN ('completion', 'abandoned')
BEGIN
  INSERT INTO usage_hours
  SELECT tenant_id, hour, agent_id, deployment, end_user, requests, prompt_tokens, cached_prompt_tokens,
    completion_tokens, total_tokens, cost_nano_usd, unpriced_requests
  FROM record_usage WHERE source = NEW.source AND n = NEW.n
  ON CONFLICT DO UPDATE SET
    requests = requests + excluded.requests,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    cached_prompt_tokens = cached_prompt_tokens + excluded.cached_prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens,
    total_tokens = total_tokens + excluded.total_tokens,
    cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
    unpriced_requests = unpriced_requests + excluded.unpriced_requests;
END;
