/**
 * A share as a bar of full and empty squares: `▰▰▰▱▱▱▱▱▱▱`. Any use at all shows one square, and only a full 100 %
 * fills the last, so that the ends never lie.
 *
 * @param share 0 to 1; what lies outside is drawn as the nearest end.
 */
export function bar(share: number, width = 10): string {
  const inner = Math.min(width - 1, Math.max(1, Math.round(share * width)));
  const full = share <= 0 ? 0 : share >= 1 ? width : inner;
  return '▰'.repeat(full) + '▱'.repeat(width - full);
}
