import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { conflicts } from '../../src/postgres/lock-modes.ts';
import { lockForest, type Tree } from '../../src/postgres/lock-tree.ts';

const forest = (edges: Record<string, string[]>) => lockForest(new Map(Object.entries(edges)));

/** `a` above `·b` above `··c`. */
const drawn = ({ nodes }: Tree) => nodes.map(({ key, depth }) => '·'.repeat(depth) + key);

describe('who holds up whom', () => {
  test('nobody waits: nothing to draw', () => {
    expect(forest({})).toEqual([]);
  });

  test('the one who waits for nobody is the root, and those behind others come below them', () => {
    const [tree, ...others] = forest({ b: ['a'], c: ['b'], d: ['b'], e: ['a'] });
    expect(others).toEqual([]);
    expect(tree).toMatchObject({ root: 'a', kind: 'holder' });
    expect(tree!.heldUp.size).toBe(4);
    expect(drawn(tree!)).toEqual(['a', '·b', '··c', '··d', '·e']);
  });

  test('in a queue each waits for all before it, and still stands there once', () => {
    const [tree] = forest({ b: ['a'], c: ['a', 'b'], d: ['a', 'b', 'c'] });
    expect(drawn(tree!)).toEqual(['a', '·b', '·c', '·d']);
    expect(tree!.heldUp.size).toBe(3);
  });

  test('two roots of one victim both count it, the busier one first shows it', () => {
    const trees = forest({ x: ['a'], y: ['a', 'b'], z: ['b'], w: ['b'] });
    expect(trees.map(({ root, heldUp }) => [root, heldUp.size])).toEqual([
      ['b', 3],
      ['a', 2],
    ]);
    expect(trees.map(drawn)).toEqual([
      ['b', '·y', '·z', '·w'],
      ['a', '·x'],
    ]);
  });

  test('those that wait for each other are a circle, with who waits behind it', () => {
    const [circle, ...others] = forest({ c: ['b'], a: ['b'], b: ['a'] });
    expect(others).toEqual([]);
    expect(circle).toMatchObject({ kind: 'circle' });
    expect(new Set(circle!.nodes.map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c']));
  });

  test('a circle that waits for another circle stands below it, once', () => {
    const trees = forest({ a: ['b'], b: ['a', 'x'], x: ['y'], y: ['x'] });
    expect(trees).toHaveLength(1);
    expect(trees[0]!.nodes.map(({ key }) => key).toSorted()).toEqual(['a', 'b', 'x', 'y']);
  });

  test('a lock that is on its way to its next holder has no holder for a moment', () => {
    expect(forest({ a: [] })).toMatchObject([{ root: 'a', kind: 'free' }]);
  });

  test('whatever waits for whatever: everyone stands there exactly once', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
    fc.assert(
      fc.property(fc.dictionary(key, fc.uniqueArray(key, { maxLength: 4 })), edges => {
        const keys = forest(edges).flatMap(({ nodes }) => nodes.map(node => node.key));
        expect(keys.toSorted()).toEqual(
          [...new Set([...Object.keys(edges), ...Object.values(edges).flat()])].toSorted(),
        );
      }),
    );
  });
});

describe('in a bad hour', () => {
  test('a chain of 1,000', () => {
    const edges = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${index + 1}`, [`${index}`]]));
    const began = performance.now();
    const [tree] = forest(edges);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(tree).toMatchObject({ root: '0' });
    expect(tree!.heldUp.size).toBe(1_000);
    expect(tree!.nodes.at(-1)).toEqual({ key: '1000', depth: 1_000 });
  });

  test('200 holders of one lock, and 1,000 that wait for all of them', () => {
    const holders = Array.from({ length: 200 }, (_, index) => `h${index}`);
    const edges = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`w${index}`, holders]));
    const began = performance.now();
    const trees = forest(edges);
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(trees).toHaveLength(200);
    expect(trees.every(({ heldUp }) => heldUp.size === 1_000)).toBe(true);
    expect(trees.reduce((sum, { nodes }) => sum + nodes.length, 0)).toBe(1_200);
  });
});

describe('modes', () => {
  test.each([
    ['AccessShareLock', 'AccessExclusiveLock', true],
    ['AccessShareLock', 'ExclusiveLock', false],
    ['RowExclusiveLock', 'RowExclusiveLock', false],
    ['RowExclusiveLock', 'ShareLock', true],
    ['ShareLock', 'ShareLock', false],
    ['ShareUpdateExclusiveLock', 'ShareUpdateExclusiveLock', true],
    ['ExclusiveLock', 'AccessShareLock', false],
    ['AccessExclusiveLock', 'AccessShareLock', true],
    ['ModeOfTheFuture', 'AccessShareLock', true],
  ])('%s keeps %s waiting: %s', (held, wanted, expected) => {
    expect(conflicts(held, wanted)).toBe(expected);
  });

  test('conflict is mutual', () => {
    const modes = [
      'AccessShare',
      'RowShare',
      'RowExclusive',
      'ShareUpdateExclusive',
      'Share',
      'ShareRowExclusive',
      'Exclusive',
      'AccessExclusive',
    ].map(mode => `${mode}Lock`);
    for (const a of modes) for (const b of modes) expect(conflicts(a, b)).toBe(conflicts(b, a));
  });
});
