/** What a call does, in the words policies use. `file`, `batch` and `realtime` are reserved: storable, served by nothing yet. */
import * as z from "zod";

export const Action = z.enum([
  "chat",
  "completion",
  "embedding",
  "response",
  "image",
  "audio",
  "model_list",
  "file",
  "batch",
  "realtime",
]);
export type Action = z.infer<typeof Action>;

const mediaActions: ReadonlySet<Action> = new Set(["image", "audio"]);

/** Whether nothing can cut its answers. */
export const isOutputFixed = (action: Action): boolean => mediaActions.has(action);

export const ActionPattern = z.union([z.literal("*"), Action]);
export type ActionPattern = z.infer<typeof ActionPattern>;
