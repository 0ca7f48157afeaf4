/** `npm run --silent entra-keys`: a fresh key set for Microsoft Entra, to be piped into `wrangler secret put ENTRA_KEYS`. */
import { freshEntraKeys } from "./local/fresh-secret.ts";

console.log(freshEntraKeys());
