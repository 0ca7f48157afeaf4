/**
 * Where a webhook may be: a public name over https on its own port, so that nobody can have the gateway call what only the
 * gateway can reach. Asked when the URL is written, and again before each call. Where the gateway itself runs locally the
 * loopback counts as well. What a name resolves to is not known here.
 */

const loopback = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Names that lead to one machine or its network (RFC 6761, 6762, 8375, 9476), or to nothing. */
const privateNames =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|alt|arpa|onion|test|example|invalid)$/;

const publicName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** What is wrong with it, or null. */
export function webhookUrlComplaint(text: string, isLocal: boolean): string | null {
  if (!URL.canParse(text)) return "A webhook needs a URL.";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.hash !== "")
    return "A webhook's URL carries no credentials and no fragment.";
  if (isLocal && loopback.has(url.hostname)) return null;
  if (url.protocol !== "https:") return "A webhook must be https.";
  if (url.port !== "") return "A webhook is at port 443.";
  // A URL's host is folded, and an address in any spelling is written as one that no name can be.
  if (!publicName.test(url.hostname) || privateNames.test(url.hostname))
    return "A webhook's host is a public name, not an address.";
  return null;
}
