/**
 * Client addresses against CIDR ranges. An IPv6 address that carries an IPv4 one (::ffff:192.0.2.1) is that IPv4
 * address: the same client must not pass under its other spelling. What does not parse is no address at all.
 */

/** In 16-bit groups: two of an IPv4 address, eight of an IPv6 one. */
type Groups = readonly number[];

export interface IpRange {
  readonly groups: Groups;
  readonly prefixBits: number;
}

const GROUP_BITS = 16;
const IPV6_GROUPS = 8;
/** 0:0:0:0:0:ffff in front of an IPv4 address (RFC 4291, 2.5.5.2). */
const mappedPrefix: Groups = [0, 0, 0, 0, 0, 0xffff];
const MAPPED_BITS = mappedPrefix.length * GROUP_BITS;

/** Null when it is no address. */
export function ipAddress(text: string): Groups | null {
  const groups = groupsOf(text);
  return groups && isMapped(groups) ? groups.slice(mappedPrefix.length) : groups;
}

/** Null when it is no range. */
export function ipRange(text: string): IpRange | null {
  const [address = "", prefix = "", ...more] = text.split("/");
  const groups = groupsOf(address);
  if (groups === null || more.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return null;
  const prefixBits = Number(prefix);
  if (prefixBits > groups.length * GROUP_BITS) return null;
  return isMapped(groups) && prefixBits >= MAPPED_BITS
    ? { groups: groups.slice(mappedPrefix.length), prefixBits: prefixBits - MAPPED_BITS }
    : { groups, prefixBits };
}

/** A range of one family holds no address of the other: `::/0` is every IPv6 address and no IPv4 one. */
export const isInRange = (address: Groups, { groups, prefixBits }: IpRange): boolean =>
  address.length === groups.length && commonBits(address, groups) >= prefixBits;

/** Whether every address of the inner range is in the outer one. */
export const isRangeWithin = (inner: IpRange, outer: IpRange): boolean =>
  inner.prefixBits >= outer.prefixBits && isInRange(inner.groups, outer);

/** Whether nothing is set beyond the prefix: 192.0.2.1/24 says one thing and means another. */
export const isWholeRange = ({ groups, prefixBits }: IpRange): boolean =>
  groups.every((group, index) => {
    const kept = Math.min(Math.max(prefixBits - index * GROUP_BITS, 0), GROUP_BITS);
    return (group & (0xffff >> kept)) === 0;
  });

/** How many leading bits are alike. */
function commonBits(left: Groups, right: Groups): number {
  for (const [index, group] of left.entries()) {
    const differing = group ^ (right[index] ?? 0);
    // clz32 counts in 32 bits, of which a group uses the lower half.
    if (differing !== 0) return index * GROUP_BITS + Math.clz32(differing) - GROUP_BITS;
  }
  return left.length * GROUP_BITS;
}

const isMapped = (groups: Groups): boolean =>
  groups.length === IPV6_GROUPS && mappedPrefix.every((group, index) => groups[index] === group);

function groupsOf(text: string): Groups | null {
  if (!text.includes(":")) return ipv4Groups(text);
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return null;
  const leading = ipv6Groups(head, tail === undefined);
  const trailing = tail === undefined ? [] : ipv6Groups(tail, true);
  if (leading === null || trailing === null) return null;
  const missing = IPV6_GROUPS - leading.length - trailing.length;
  // "::" stands for one group of zeros at least.
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  return [...leading, ...Array<number>(missing).fill(0), ...trailing];
}

/** @param isEnd whether the address ends here: only there may it be written with dots (RFC 4291, 2.2). */
function ipv6Groups(text: string, isEnd: boolean): Groups | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const dotted = isEnd && index === parts.length - 1 && part.includes(".") ? ipv4Groups(part) : null;
    if (dotted) groups.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function ipv4Groups(text: string): Groups | null {
  const octets = text.split(".");
  // A leading zero would be octal to some readers.
  if (octets.length !== 4 || !octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet))) return null;
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
  return Math.max(a, b, c, d) > 0xff ? null : [a * 0x100 + b, c * 0x100 + d];
}
