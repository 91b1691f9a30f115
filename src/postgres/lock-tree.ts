/** Who waits behind whom, as a forest: pure, and linear in what it is given for each root. */

/** A session or prepared transaction among those that wait and hold up. */
export interface TreeNode {
  readonly key: string;
  /** 0 for a root. */
  readonly depth: number;
}

export interface Tree {
  readonly root: string;
  /** `circle`: they wait for each other, and `root` is one of them. `free`: it waits, but nobody holds it up any more. */
  readonly kind: 'holder' | 'circle' | 'free';
  /** Who waits for the root, directly or through others, also those that another root holds up as well. */
  readonly heldUp: ReadonlySet<string>;
  /** The root, then who waits for it, each below the one that holds it up; nobody comes twice in the forest. */
  readonly nodes: readonly TreeNode[];
}

/**
 * @param blockers who holds up each that waits.
 * @returns the trees, those that hold up the most first.
 */
export function lockForest(blockers: ReadonlyMap<string, readonly string[]>): Tree[] {
  const behind = waitersOf(blockers);
  const holders = [...behind.keys()].filter(key => !blockers.has(key));
  const free = [...blockers].filter(([, before]) => before.length === 0).map(([key]) => key);
  const found = [
    ...holders.map(root => ({ root, kind: 'holder' as const, heldUp: reach(root, behind) })),
    ...free.map(root => ({ root, kind: 'free' as const, heldUp: reach(root, behind) })),
  ];
  const explained = new Set(found.flatMap(({ root, heldUp }) => [root, ...heldUp]));
  const circles: { root: string; kind: 'circle'; heldUp: Set<string> }[] = [];
  for (const key of blockers.keys()) {
    if (explained.has(key)) continue;
    const root = inCircle(key, blockers);
    const heldUp = reach(root, behind);
    circles.push({ root, kind: 'circle', heldUp });
    for (const member of [root, ...heldUp]) explained.add(member);
  }
  const listed = new Set<string>();
  return [...found, ...circles]
    .toSorted((a, b) => b.heldUp.size - a.heldUp.size)
    .flatMap(tree => {
      // A circle that waits for another circle stands in that one's tree.
      return listed.has(tree.root) ? [] : [{ ...tree, nodes: nodesOf(tree.root, behind, listed) }];
    });
}

function waitersOf(blockers: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const behind = new Map<string, string[]>();
  for (const [waiter, before] of blockers) {
    for (const blocker of before) {
      const waiters = behind.get(blocker);
      if (waiters) waiters.push(waiter);
      else behind.set(blocker, [waiter]);
    }
  }
  return behind;
}

function reach(root: string, behind: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>([root]);
  for (const key of reached) for (const waiter of behind.get(key) ?? []) reached.add(waiter);
  reached.delete(root);
  return reached;
}

/** Whoever waits for nobody that is free ends in a circle. */
function inCircle(start: string, blockers: ReadonlyMap<string, readonly string[]>): string {
  const seen = new Set<string>();
  let key = start;
  while (!seen.has(key)) {
    seen.add(key);
    key = blockers.get(key)?.[0] ?? key;
  }
  return key;
}

/** From the root outwards each comes below the first that holds it up; then in the order of reading. */
function nodesOf(
  root: string,
  behind: ReadonlyMap<string, readonly string[]>,
  listed: Set<string>,
): readonly TreeNode[] {
  const children = new Map<string, string[]>();
  const level = [root];
  listed.add(root);
  for (const key of level) {
    const own = (behind.get(key) ?? []).filter(waiter => !listed.has(waiter));
    children.set(key, own);
    for (const waiter of own) {
      listed.add(waiter);
      level.push(waiter);
    }
  }
  const nodes: TreeNode[] = [];
  const open: TreeNode[] = [{ key: root, depth: 0 }];
  for (let node = open.pop(); node; node = open.pop()) {
    nodes.push(node);
    for (const key of (children.get(node.key) ?? []).toReversed()) open.push({ key, depth: node.depth + 1 });
  }
  return nodes;
}
