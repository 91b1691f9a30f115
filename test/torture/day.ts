/** A day in the simulated workspace: what people do and what breaks, all of it drawn beforehand or as it happens. */
import type { Actions } from '../../src/actions/actions.ts';
import type { Breaking } from '../../src/actions/break-glass.ts';
import type { Deciding } from '../../src/actions/decide.ts';
import { things } from './commands.ts';
import { approverGroup, homeTeam, operatorGroup, people } from './people.ts';
import { SimulatedProcess } from './process.ts';
import type { Owner } from './scheduler.ts';
import { approvalMilliseconds } from './settings.ts';
import type { Click, Verb, World } from './world.ts';

/** How long people act and things break, milliseconds. */
export const dayLength = 60_000;

/** Draws the day and puts it before the scheduler. */
export function plan(world: World): void {
  const { chance } = world;
  world.dayEnds = world.scheduler.now() + dayLength;
  several(world, chance.between(4, 9), 'somebody types', () => ask(world));
  several(world, chance.between(30, 70), 'somebody clicks', () => click(world));
  several(world, chance.between(0, 6), 'rights change', () => {
    world.scheduler.trace(world.rights.shuffle(chance, world.scheduler.now()));
  });
  several(world, chance.between(0, 6), 'whoever approved may no longer', () => loseRight(world, 'approve'));
  several(world, chance.between(0, 3), 'whoever asked may no longer', () => loseRight(world, 'ask'));
  several(world, chance.between(0, 5), 'a thing changes', () => world.target.drift(chance.pick(things)));
  several(world, chance.between(0, 2), 'a process is to end', () => end(world));
  world.target.acted = process => {
    if (chance.happens(0.4)) endSoon(world, process, 12);
    else if (chance.happens(0.05)) fillDisk(world);
  };
  world.slack.appeared = text => clickLate(world, text);
  world.replaced = () => {
    world.scheduler.later(world.nature, chance.between(0, 12_000), 'a process starts', () => world.staff());
  };
  if (chance.happens(0.1)) several(world, 1, 'the disk of the store is full', () => fillDisk(world));
  if (chance.happens(0.3)) {
    several(world, 1, 'the network goes down', () => {
      world.network.down = world.scheduler.now() + chance.between(1_000, 15_000);
    });
  }
  if (chance.happens(0.15)) {
    several(world, 1, 'the audit channel is archived', () => {
      world.slack.archivedUntil = world.scheduler.now() + chance.between(1_000, 20_000);
    });
  }
}

function several(world: World, times: number, label: string, happens: () => void): void {
  for (let time = 0; time < times; time += 1) {
    world.scheduler.later(world.nature, world.chance.between(0, dayLength), label, happens);
  }
}

function fillDisk({ chance, scheduler, storeTrouble }: World): void {
  storeTrouble.refusesUntil = scheduler.now() + chance.between(500, 25_000);
}

function ask(world: World): void {
  const { chance, scheduler } = world;
  const requester = chance.happens(0.85) ? chance.pick(people.slice(0, 4)) : chance.pick(people);
  const command = chance.weighted({ zap: 6, save: 2, look: 2 });
  const target = chance.pick(['portal', 'vault']);
  const line = `${command} ${chance.pick(things)} --on ${target}`;
  world.askers.push(requester.id);
  const origin = `typed-${scheduler.now()}-${scheduler.steps}`;
  const from = { user: requester.id, name: requester.name, team: requester.team ?? homeTeam, channel: 'CINCIDENT' };
  deliver(world, `${requester.name} types ${line}`, actions =>
    actions.ask({ origin, from, place: { channel: 'CINCIDENT' }, line }),
  );
}

function click(world: World): void {
  const verb = world.chance.weighted<Verb>({ approve: 34, deny: 2, withdraw: 2, cancel: 4, breakGlass: 9 });
  decide(world, verb, buttonValue(world, verb));
}

/** A card is clicked when its time is about to be over, or just was. */
function clickLate(world: World, text: string): void {
  const { chance, scheduler, nature } = world;
  const spokenId = /^(A-\d+) needs approval/.exec(text)?.[1];
  if (spokenId === undefined || scheduler.now() + approvalMilliseconds > world.dayEnds) return;
  for (let left = chance.between(1, 5); left > 0; left -= 1) {
    const verb = chance.weighted({ approve: 1, breakGlass: 1 });
    const late = approvalMilliseconds + chance.between(-1_000, 1_000);
    scheduler.later(nature, late, 'somebody clicks late', () => decide(world, verb, spokenId));
  }
}

function decide(world: World, verb: Verb, spokenId: string | undefined): void {
  if (spokenId === undefined) return;
  const { chance, scheduler } = world;
  const person = chance.happens(0.8) ? chance.pick(people.slice(1, 4)) : chance.pick(people);
  const from = { user: person.id, name: person.name, team: person.team ?? homeTeam, channel: 'CINCIDENT' };
  const deciding: Deciding = { spokenId, from, place: { channel: 'CINCIDENT' } };
  const typed = verb === 'breakGlass' ? typedBy(world, spokenId) : undefined;
  deliver(world, `${person.name} clicks ${verb} ${spokenId}`, async actions => {
    const made: Click = { person: person.id, verb, action: spokenId, at: scheduler.now(), doneAt: Infinity, typed };
    world.clicks.push(made);
    await (typed ? actions.breakGlass(deciding, typed) : press(actions, verb, deciding));
    made.doneAt = scheduler.now();
  });
}

function press(actions: Actions, verb: Verb, deciding: Deciding): Promise<void> {
  if (verb === 'breakGlass') throw new Error('a form is needed for that');
  return actions[verb](deciding);
}

/** What somebody types into the form for breaking the glass: mostly what it asks for. */
function typedBy({ chance }: World, spokenId: string): Breaking {
  return {
    typedId: chance.happens(0.7) ? spokenId : chance.pick([` ${spokenId.toLowerCase()}`, 'A-1001', '']),
    reason: chance.happens(0.8) ? 'the disk is full in a minute' : chance.pick(['urgent', '  .        ']),
  };
}

/** Somebody who has asked, or just gave the first of two approvals, may not do so any more, perhaps only for a while. */
function loseRight(world: World, what: 'ask' | 'approve'): void {
  const { chance, scheduler, rights, nature } = world;
  const right = what === 'ask' ? operatorGroup : approverGroup;
  const id = what === 'ask' ? world.askers.at(-chance.between(1, 3)) : firstApprover(world);
  if (id === undefined || !rights.has(id, right)) return;
  rights.set(id, right, false, scheduler.now());
  scheduler.trace(`${id} loses ${right}`);
  if (!chance.happens(0.6)) return;
  scheduler.later(nature, chance.between(500, 20_000), 'a right is given back', () => {
    rights.set(id, right, true, scheduler.now());
  });
}

/** As the record shows it to everybody. */
function firstApprover({ slack }: World): string | undefined {
  const given = slack.audit.flatMap(
    ({ post }) => /approved by \w+ \((U\w+)\) \(1 of 2\)/.exec(post.view.text)?.[1] ?? [],
  );
  return given.at(-1);
}

/** Buttons of a card. */
const decided: ReadonlySet<Verb> = new Set(['approve', 'breakGlass']);

/** What a click carries: mostly a request that was seen to wait, sometimes any, sometimes something forged. */
function buttonValue({ chance, slack }: World, verb: Verb): string | undefined {
  if (chance.happens(0.04)) return chance.pick(['A-1', 'A-999999', 'A-1001; drop table actions', '']);
  const seen = slack.shown.flatMap(({ text }) =>
    decided.has(verb) && !text.includes('needs approval') ? [] : (/A-\d+/.exec(text) ?? []),
  );
  if (seen.length === 0) return undefined;
  return chance.happens(0.7) ? seen.at(-chance.between(1, Math.min(3, seen.length))) : chance.pick(seen);
}

/** Slack hands an envelope to any process, and sometimes again, to any. */
function deliver(world: World, label: string, take: (actions: Actions) => Promise<void>): void {
  const { chance, scheduler, nature } = world;
  const once = () => {
    const process = world.somebody();
    scheduler.trace(`${label} → ${process?.name ?? 'nobody'}`);
    if (!process) return;
    void process.handle(take);
    if (chance.happens(0.03)) endSoon(world, process, 40);
  };
  once();
  if (chance.happens(0.25)) scheduler.later(nature, chance.pick([0, 1, 300, 5_000]), 'Slack delivers again', once);
}

/** Killed, or asked to stop, and perhaps killed while it stops. */
function end(world: World, process: Owner | undefined = world.somebody()): void {
  const { chance } = world;
  if (!(process instanceof SimulatedProcess) || !process.alive) return;
  if (process.receives && chance.happens(0.35)) {
    void process.stop();
    if (chance.happens(0.3)) endSoon(world, process, 30);
  } else world.kill(process);
}

/** At any of the awaits that follow: where it matters most. */
function endSoon(world: World, process: Owner, most: number): void {
  world.scheduler.afterSteps(process, world.chance.between(0, most), () => end(world, process));
}
