/** One relation that pg_amcheck complained about. */
export interface Finding {
  readonly kind: 'table' | 'index';
  /** `portal.public.users`, as pg_amcheck writes it. */
  readonly relation: string;
  /** `block 3, offset 5`, where it says so. */
  readonly place: string | undefined;
  readonly message: string;
}

/** How far a run is. */
export interface HeapProgress {
  readonly relations: number;
  readonly relationsTotal: number;
  readonly pages: number;
  readonly pagesTotal: number;
}

/** `heap table "portal.public.users", block 3, offset 5, attribute 2:`; a name may hold quotes itself. */
const heading = /^(heap table|btree index) "(.+)"(?:, (block \d+(?:, (?:offset|attribute) \d+)*))?:$/;

/**
 * Reads pg_amcheck's stdout as it comes: a heading, then indented lines that belong to it.
 * @param most findings to keep; all are counted.
 * https://www.postgresql.org/docs/current/app-pgamcheck.html
 */
export function findingsReader(most: number) {
  const kept: { -readonly [Key in keyof Finding]: Finding[Key] }[] = [];
  let total = 0;
  return {
    line: (line: string) => {
      const [, kind, relation, place] = heading.exec(line) ?? [];
      if (kind !== undefined && relation !== undefined) {
        total += 1;
        if (total <= most) kept.push({ kind: kind === 'heap table' ? 'table' : 'index', relation, place, message: '' });
      } else if (/^ {4}/.test(line) && total > 0 && total <= most) {
        const finding = kept.at(-1)!;
        finding.message = [finding.message, line.trim()]
          .filter(part => part !== '')
          .join(' ')
          .slice(0, 500);
      }
    },
    findings: (): readonly Finding[] => kept,
    total: () => total,
  };
}

/**
 * Whether a complaint is about damage. pg_amcheck reports every error of its queries as one of the relation, and ends
 * with 2 for all; a relation that was locked, or dropped meanwhile, was merely not checked.
 */
export function isDamage({ message }: Finding): boolean {
  return !/canceling statement due to|permission denied|does not exist|could not open relation with OID|terminating connection/.test(
    message,
  );
}

/** `120/276 relations (43%), 800/1028 pages (77%)` */
export function progressOf(line: string): HeapProgress | undefined {
  const found = /^\s*(\d+)\/(\d+) relations \(\s*\d+%\),\s*(\d+)\/(\d+) pages/.exec(line);
  if (!found) return undefined;
  const [relations = 0, relationsTotal = 0, pages = 0, pagesTotal = 0] = found.slice(1).map(Number);
  return { relations, relationsTotal, pages, pagesTotal };
}
