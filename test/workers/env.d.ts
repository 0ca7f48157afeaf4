import type { HomeBindings, Env as PortcullisEnv } from "../../src/bindings.ts";

/** wrangler.toml of this repository binds every home. */
type WithEveryHome = Omit<PortcullisEnv, keyof HomeBindings> & Required<HomeBindings>;

declare global {
  namespace Cloudflare {
    interface Env extends WithEveryHome {}
    interface GlobalProps {
      mainModule: typeof import("../../src/worker.ts");
    }
  }
}
