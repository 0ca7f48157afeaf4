/** The gateway's routes as data, for the OpenAPI description. */
import type { RouteDescription } from "../kernel/route-description.ts";
import { enforceRoutes } from "./described-enforce-routes.ts";
import { modelRoutes } from "./described-model-routes.ts";
import { openRoutes } from "./described-open-routes.ts";
import { refreshRoute } from "./described-refresh.ts";
import { tokenExchangeRoute } from "./token-exchange-description.ts";

export const gatewayRoutes: readonly RouteDescription[] = [
  ...enforceRoutes,
  tokenExchangeRoute,
  refreshRoute,
  ...modelRoutes,
  ...openRoutes,
];
