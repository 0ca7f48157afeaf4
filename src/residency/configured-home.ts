/** A home that somebody named, checked against those that have stores here, before anything is asked of one. */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Home } from "./home.ts";

export function configuredHome(configured: readonly Home[], home: Home): Result<Home> {
  if (configured.includes(home)) return ok(home);
  const message = `This deployment has no stores for the home \`${home}\`; it has them for: ${configured.join(", ")}.`;
  return fail(refuse("home_not_configured", { field: "home", message }));
}
