/** A port that cannot be had, said so that the reader knows what to do. */
import { PlainFailure } from "./plain-failure.ts";

/** @param variable the environment variable that chooses another port. */
export function portFailure(error: unknown, port: number, variable: string): unknown {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  if (code !== "EADDRINUSE" && code !== "EACCES") return error;
  const why = code === "EADDRINUSE" ? "is in use by another program" : "may not be used by this user";
  return new PlainFailure(`Port ${port} ${why}. Stop it or choose another port with ${variable}=<port>.`);
}
