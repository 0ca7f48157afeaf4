/** From a tenant's id to the home where its rows and ledgers are. A named tenant that does not exist is not found. */
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Home, PLATFORM_HOME } from "../residency/home.ts";
import { notFound, type TenantField } from "./tenant-access.ts";
import type { TenantStore } from "./tenants.store.ts";

export interface AddressOf<S extends Scope> {
  readonly scope: S;
  readonly home: Home;
}

export async function addressOf<S extends Scope>(
  tenants: Pick<TenantStore, "find">,
  scope: S,
  field: TenantField,
): Promise<Result<AddressOf<S>>> {
  if (scope === PLATFORM) return ok({ scope, home: PLATFORM_HOME });
  const tenant = await tenants.find(scope);
  if (!tenant.ok) return tenant;
  return tenant.value === null ? fail(notFound("tenant", field)) : ok({ scope, home: tenant.value.home });
}
