import fc from 'fast-check';

/**
 * Any code point, half characters (surrogates) included, as the unit of `fc.string`. fast-check's own unit `binary` first
 * fills a table of all 1.1 million, which takes seconds and 100 MB in each test file that uses it.
 */
export const anyCharacter = fc.nat(0x10_ff_ff).map(code => String.fromCodePoint(code));
