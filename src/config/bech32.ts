const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/**
 * Whether a text is 32 bytes in Bech32 with a right checksum, which no single mistyped character leaves right.
 * https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki#checksum
 *
 * @param prefix what stands before the `1`.
 */
export function isBech32(text: string, prefix: string): boolean {
  // 32 bytes are 52 characters of five bits, and the checksum is six.
  const data = new RegExp(`^${prefix}1([${alphabet}]{58})$`).exec(text)?.[1];
  if (data === undefined) return false;
  const letters = prefix.split('').map(letter => letter.charCodeAt(0));
  const values = [
    ...letters.map(letter => letter >> 5),
    0,
    ...letters.map(letter => letter & 31),
    ...data.split('').map(letter => alphabet.indexOf(letter)),
  ];
  return values.reduce(step, 1) === 1;
}

function step(checksum: number, value: number): number {
  const next = ((checksum & 0x1ffffff) << 5) ^ value;
  return generator.reduce((sum, term, bit) => (((checksum >> 25) >> bit) & 1 ? sum ^ term : sum), next);
}
