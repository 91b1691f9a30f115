import type { Chance } from './chance.ts';

/** Somebody in the simulated workspace. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly guest?: boolean;
  readonly team?: string;
}

export const homeTeam = 'THOME';

/** ada and dora ask most, ben, cleo and dora may approve at first; gil is a guest, mallory of another workspace. */
export const people: readonly Person[] = [
  { id: 'UADA', name: 'ada' },
  { id: 'UBEN', name: 'ben' },
  { id: 'UCLEO', name: 'cleo' },
  { id: 'UDORA', name: 'dora' },
  { id: 'UGIL', name: 'gil', guest: true },
  { id: 'UMALLORY', name: 'mallory', team: 'TELSEWHERE' },
];

export const approverGroup = 'SDBA';
export const operatorGroup = 'SOPS';

export type Right = typeof approverGroup | typeof operatorGroup | 'account';

/** Full members of the workspace; nobody else is let in, whatever group they are in. */
export function isFullMember(id: string): boolean {
  return people.some(person => person.id === id && !person.guest && person.team === undefined);
}

interface Change {
  readonly at: number;
  readonly has: boolean;
}

/** Who had which right when: what Slack says now, and what the invariants ask afterwards. */
export class Rights {
  readonly #changes = new Map<string, Change[]>();

  constructor() {
    for (const { id } of people) this.set(id, 'account', true, 0);
    for (const id of ['UBEN', 'UCLEO', 'UDORA']) this.set(id, approverGroup, true, 0);
    for (const id of ['UADA', 'UBEN', 'UDORA']) this.set(id, operatorGroup, true, 0);
  }

  set(person: string, right: Right, has: boolean, at: number): void {
    const key = `${person} ${right}`;
    this.#changes.set(key, [...(this.#changes.get(key) ?? []), { at, has }]);
  }

  has(person: string, right: Right): boolean {
    return this.#changes.get(`${person} ${right}`)?.at(-1)?.has ?? false;
  }

  /** Whether the person had the right at some moment from the first to the last, both included. */
  hadWithin(person: string, right: Right, first: number, last: number): boolean {
    const changes = this.#changes.get(`${person} ${right}`) ?? [];
    return changes.some(({ at, has }, index) => has && at <= last && (changes[index + 1]?.at ?? Infinity) >= first);
  }

  /** Whether the person had the right from the first to the last without a gap. */
  hadThroughout(person: string, right: Right, first: number, last: number): boolean {
    const changes = this.#changes.get(`${person} ${right}`) ?? [];
    return (
      this.hadWithin(person, right, first, first) && !changes.some(({ at, has }) => !has && at >= first && at <= last)
    );
  }

  members(right: Right): string[] {
    return people.map(person => person.id).filter(id => this.has(id, right));
  }

  /** Somebody loses a right or gets it back. */
  shuffle(chance: Chance, at: number): string {
    const person = chance.pick(people);
    const right = chance.weighted<Right>({ SDBA: 5, SOPS: 3, account: 2 });
    const has = !this.has(person.id, right);
    this.set(person.id, right, has, at);
    return `${person.name} ${has ? 'gets' : 'loses'} ${right}`;
  }
}
