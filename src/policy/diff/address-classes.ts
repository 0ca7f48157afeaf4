/**
 * Client addresses by the ranges that hold them. Ranges in CIDR form are nested or apart, so each class is one range
 * without those inside it; one address of it stands for all.
 */
import { type IpRange, ipRange, isInRange } from "../ip-range.ts";

const GROUP_BITS = 16;
const everything: readonly IpRange[] = [
  { groups: [0, 0], prefixBits: 0 },
  { groups: [0, 0, 0, 0, 0, 0, 0, 0], prefixBits: 0 },
];
/** IPv4 addresses in IPv6 spelling: they are IPv4 addresses. */
const mapped: IpRange = { groups: [0, 0, 0, 0, 0, 0xffff, 0, 0], prefixBits: 96 };

/** An address of every class that has one, an IPv4 address outside all ranges first where there is one. */
export function addressClasses(texts: readonly string[]): readonly string[] {
  const named = texts.map(ipRange).filter((range): range is IpRange => range !== null);
  const ranges = [...everything, ...named];
  return ranges.flatMap((range) => {
    const inner = [...named, mapped].filter((other) => isInside(other, range) && !isInside(range, other));
    const groups = pointOutside(range, inner);
    return groups === null ? [] : [textOf(groups)];
  });
}

const isInside = (inner: IpRange, outer: IpRange): boolean =>
  inner.prefixBits >= outer.prefixBits && isInRange(inner.groups, outer);

/** The first address of the range that is in none of those inside it; null where they fill it. */
function pointOutside(range: IpRange, inner: readonly IpRange[]): IpRange["groups"] | null {
  const within = inner.filter((other) => isInside(other, range));
  if (within.some((other) => isInside(range, other))) return null;
  const holds = inner.filter((other) => isInside(other, range) || isInside(range, other));
  if (holds.length === 0) return range.groups;
  for (const half of halvesOf(range)) {
    const found = pointOutside(half, within);
    if (found !== null) return found;
  }
  return null;
}

function halvesOf({ groups, prefixBits }: IpRange): readonly IpRange[] {
  if (prefixBits >= groups.length * GROUP_BITS) return [];
  const at = Math.floor(prefixBits / GROUP_BITS);
  const bit = 1 << (GROUP_BITS - 1 - (prefixBits % GROUP_BITS));
  const upper = groups.map((group, index) => (index === at ? group | bit : group));
  return [
    { groups, prefixBits: prefixBits + 1 },
    { groups: upper, prefixBits: prefixBits + 1 },
  ];
}

const textOf = (groups: IpRange["groups"]): string =>
  groups.length === 2
    ? groups.flatMap((group) => [group >> 8, group & 0xff]).join(".")
    : groups.map((group) => group.toString(16)).join(":");
