import leven from 'leven';

/** The names nearest to a mistyped one, best first; none when nothing is near. */
export function nearest(word: string, names: readonly string[], most = 3): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  return names
    .map(name => ({
      name,
      distance: name.startsWith(word) && word.length > 1 ? 0 : leven(word, name, { maxDistance: limit + 1 }),
    }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, most)
    .map(({ name }) => name);
}
