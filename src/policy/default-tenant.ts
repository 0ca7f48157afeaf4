/** `default-tenant` exists from the start; until it is first changed it has no row of its own and is this. */
import { DEFAULT_TENANT } from "../kernel/ids.ts";
import { Tenant } from "./tenant.ts";

export const builtInDefaultTenant: Tenant = Tenant.parse({ id: DEFAULT_TENANT, name: "Default tenant" });
