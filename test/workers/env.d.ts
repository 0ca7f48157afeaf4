import type { Env as PortcullisEnv } from "../../src/bindings.ts";

declare global {
  namespace Cloudflare {
    interface Env extends PortcullisEnv {}
    interface GlobalProps {
      mainModule: typeof import("../../src/worker.ts");
    }
  }
}
