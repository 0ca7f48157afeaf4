/** What `npm start` tells whoever started it. */
import type { Connection } from "./connection.ts";
import { TOKEN_SECONDS } from "./demo-data.ts";
import { described, type PlaceName } from "./places.ts";

export const CURL_PATH = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";

export function announcement(
  { gatewayUrl, simulatorUrl, adminKey, token }: Connection,
  site: string,
  place: PlaceName,
): string {
  const azure = simulatorUrl === null ? `${site} (real)` : `${simulatorUrl} (simulator)`;
  return `
Portcullis is running.

  Gateway       ${gatewayUrl}
  Azure OpenAI  ${azure}
  Calls from    ${described(place)}; PORTCULLIS_PLACE chooses another place
  Admin key     ${adminKey}
  Token         ${token}
                of demo-agent, for ${TOKEN_SECONDS / 60} minutes

Try it:

curl -sS '${gatewayUrl}${CURL_PATH}' \\
  -H 'api-key: ${token}' \\
  -H 'content-type: application/json' \\
  -d '{"messages":[{"role":"user","content":"Hello"}],"max_tokens":50}'

\`npm run demo\` in another terminal walks through the rest. Ctrl-C stops everything; the data stays.
`;
}
