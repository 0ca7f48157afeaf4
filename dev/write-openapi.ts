// `npm run openapi`: writes docs/openapi.json as the gateway answers it. A test fails when the file is older than the routes.
import { writeFileSync } from "node:fs";
import { controlPlaneRoutes, openApiOf } from "../src/admin/openapi.ts";
import { gatewayRoutes } from "../src/gateway/described-routes.ts";

const file = "docs/openapi.json";
writeFileSync(file, `${JSON.stringify(openApiOf([...controlPlaneRoutes, ...gatewayRoutes]), null, 2)}\n`);
console.log(`Wrote ${file}.`);
