/** All attacks on one gateway: each has tenants of its own, and a gateway takes longer to start than most attacks run. */
import "./bodies.ts";
import "./enforce.ts";
import "./residency-and-time.ts";
import "./transparency.ts";
