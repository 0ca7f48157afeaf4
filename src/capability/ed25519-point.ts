/**
 * Whether 32 bytes are an Ed25519 public key that only the holder of its private half can sign with. Platforms take any
 * 32 bytes: those that are no point verify nothing, and those of small order verify what anybody made up. Asked when a
 * key is registered, so it may take its millisecond (RFC 8032, section 5.1.3).
 */

const P = 2n ** 255n - 19n;

/** Of two of the four points of order 8; the other two have its negative. */
const OF_ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

/** Of the points of small order, their y: no sign of x makes another order of it. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, OF_ORDER_8_Y, P - OF_ORDER_8_Y]);

export function isEd25519PublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  // A y beyond the field is a second spelling of another one.
  return y < P && !SMALL_ORDER_Y.has(y) && hasX(y);
}

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);

/** -121665/121666, the curve's d. */
const D = mod(-121_665n * power(121_666n, P - 2n));

/** x² = (y² − 1) / (d·y² + 1) has a root exactly if numerator times denominator is a square (Euler's criterion). */
function hasX(y: bigint): boolean {
  const ySquared = mod(y * y);
  return power(mod((ySquared - 1n) * (D * ySquared + 1n)), (P - 1n) / 2n) === 1n;
}

function mod(number: bigint): bigint {
  const rest = number % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = mod(base), left = exponent; left > 0n; left >>= 1n, square = mod(square * square))
    if (left & 1n) result = mod(result * square);
  return result;
}
