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

export const ActionPattern = z.union([z.literal("*"), Action]);
export type ActionPattern = z.infer<typeof ActionPattern>;
