/**
 * `GET /models` lists what the region offers, in Azure's item shape; it says nothing about deployments, and
 * here it deliberately does not match them.
 */
const item = (id: string, kind: "chat_completion" | "embeddings") => ({
  id,
  object: "model",
  status: "succeeded",
  lifecycle_status: "generally-available",
  created_at: 1_760_918_400,
  deprecation: { inference: 1_792_368_000 },
  capabilities: {
    inference: true,
    chat_completion: kind === "chat_completion",
    embeddings: kind === "embeddings",
    completion: false,
    fine_tune: false,
  },
});

export const modelCatalogue = {
  object: "list",
  data: [
    item("gpt-4-0613", "chat_completion"),
    item("gpt-4o-mini-2024-07-18", "chat_completion"),
    item("gpt-5.4-mini-2026-03-17", "chat_completion"),
    item("claude-sonnet-4-5-20250929", "chat_completion"),
    item("text-embedding-3-small", "embeddings"),
  ],
};
