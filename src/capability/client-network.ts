/**
 * Under which name bad credentials of one client address are bounded. An IPv6 customer holds at least a /64 and can
 * take a new address for every request, so there the network is what counts.
 */

const NETWORK_GROUPS = 4;
const ALL_GROUPS = 8;

/** IPv4 as it is; IPv6 as its /64. What is no address is its own name: it comes from the platform, never a caller. */
export function clientNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.toLowerCase().split("::");
  const leading = groupsOf(head);
  const trailing = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array<string>(Math.max(0, ALL_GROUPS - leading.length - trailing.length)).fill("0");
  const network = [...leading, ...zeros, ...trailing].slice(0, NETWORK_GROUPS);
  return `${network.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}

const groupsOf = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));
