/** The walls and floors of ARCHITECTURE.md, held against every import of the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';

interface Import {
  readonly from: string;
  /** A file of the project, or a package. */
  readonly to: string;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

const root = new URL('..', import.meta.url).pathname;
const folders = ['blocks', 'commands', 'src'] as const;

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => `${folder}/${file}`);
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`; what Biome formats looks like nothing else. */
const declaration =
  /^(?:import|export)\s+(type\s)?([^'";]*?)\sfrom\s+'([^']+)';|^import\s+'([^']+)';|\bimport\(\s*'([^']+)'\s*\)/gm;

function importsIn(file: string, source: string): Import[] {
  return [...source.matchAll(declaration)].map(([, type, names, from, effect, dynamic]) => {
    const specifier = from ?? effect ?? dynamic ?? '';
    const listed = /^\{([^}]*)\}$/
      .exec(names?.trim() ?? '')?.[1]
      ?.split(',')
      .map(name => name.trim())
      .filter(Boolean);
    return {
      from: file,
      to: specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier,
      typeOnly: type !== undefined || (listed?.every(name => name.startsWith('type ')) ?? false),
    };
  });
}

const files = folders.flatMap(filesOf);
const imports = files.flatMap(file => importsIn(file, readFileSync(join(root, file), 'utf8')));

/** Imports of files under `places` that are not allowed, as one line each. */
function offending(places: readonly string[], allowed: (one: Import) => boolean): string[] {
  return imports
    .filter(({ from }) => places.some(place => within(place, from)))
    .filter(one => !allowed(one))
    .map(({ from, to, typeOnly }) => `${from} imports ${typeOnly ? 'types of ' : ''}${to}`);
}

/** A folder holds what is under it; a place that ends in `.ts` is that file. */
function within(place: string, file: string): boolean {
  return place.endsWith('.ts') ? file === place : file.startsWith(`${place}/`);
}

const isProject = (to: string) => folders.some(folder => within(folder, to));

describe('the scanner of this test', () => {
  test('sees each way to import', () => {
    const source = [
      "import { a, type B } from './a.ts';",
      "import type { C } from 'c';",
      "import { type D, type E } from '../d.ts';",
      "import {\n  f,\n  g,\n} from 'node:fs';",
      "import h, { type I } from 'h';",
      "import * as j from 'j';",
      "import './effect.ts';",
      "export { k } from './k.ts';",
      "export type { L } from './l.ts';",
      "const m = await import('m');",
      "const text = 'import { n } from';",
    ].join('\n');
    expect(importsIn('src/x/y.ts', source).map(({ to, typeOnly }) => [to, typeOnly])).toEqual([
      ['src/x/a.ts', false],
      ['c', true],
      ['src/d.ts', true],
      ['node:fs', false],
      ['h', false],
      ['j', false],
      ['src/x/effect.ts', false],
      ['src/x/k.ts', false],
      ['src/x/l.ts', true],
      ['m', false],
    ]);
  });

  test('has read the code: every file imported is there, and every folder was seen', () => {
    expect(files.length).toBeGreaterThan(80);
    expect(imports.length).toBeGreaterThan(300);
    expect(imports.filter(({ to }) => isProject(to) && !files.includes(to))).toEqual([]);
  });
});

describe('walls', () => {
  test('what a person sees is made by pure functions: blocks reach nothing that has effects', () => {
    const pure = new Set(['pretty-bytes', 'date-fns']);
    expect(
      offending(
        ['blocks'],
        ({ to, typeOnly }) => within('blocks', to) || pure.has(to) || (typeOnly && to === '@slack/types'),
      ),
      // The one report too large to be declared twice; its shape alone, no code.
    ).toEqual(['blocks/status.ts imports types of src/postgres/status.ts']);
  });

  test('what a person can type has no road but the services it is given', () => {
    expect(
      offending(['commands'], ({ to }) => within('blocks', to) || to === 'src/command.ts' || to === 'zod'),
      // The shape of a check alone, no code.
    ).toEqual(['commands/integrity.ts imports types of src/target-settings.ts']);
  });

  test('src names no command', () => {
    expect(offending(['src', 'blocks'], ({ to }) => !within('commands', to))).toEqual([]);
  });

  test('only src/slack speaks with Slack', () => {
    expect(
      offending(
        ['src', 'blocks', 'commands'],
        ({ from, to }) => !/^@slack\/(?!types$)/.test(to) || within('src/slack', from),
      ),
    ).toEqual([]);
  });

  test.each([
    ['pg', ['src/postgres', 'src/store/postgres.ts']],
    ['kysely', ['src/store', 'src/actions', 'src/audit']],
    ['croner', ['src/schedule']],
    ['echarts', ['src/charts']],
    ['@resvg/resvg-js', ['src/charts']],
    ['node:sqlite', ['src/store']],
    ['execa', ['src/backups', 'src/tools']],
    ['prom-client', ['src/health']],
  ])('only one place imports %s', (name, places) => {
    const users = imports.filter(({ to }) => to === name || to.startsWith(`${name}/`));
    expect(users).not.toEqual([]);
    expect(users.filter(({ from }) => !places.some(place => within(place, from))).map(({ from }) => from)).toEqual([]);
  });
});

/** From the ground up: nothing imports what runs from a floor above its own. */
const floors: readonly (readonly string[])[] = [
  [
    'blocks',
    'src/store',
    'src/age.ts',
    'src/errors.ts',
    'src/nearest.ts',
    'src/quoted.ts',
    'src/tokens.ts',
    'src/target-settings.ts',
  ],
  [
    'src/postgres',
    'src/backups',
    'src/restore',
    'src/physical',
    'src/tools',
    'src/access',
    'src/audit',
    'src/health',
    'src/sampling',
    'src/charts',
    'src/schedule/cron.ts',
    'src/config',
    'src/config.ts',
    'src/services.ts',
    'src/command.ts',
  ],
  ['src/grammar.ts', 'src/registry.ts', 'src/actions', 'src/schedule', 'src/service-factory.ts', 'commands'],
  ['src/slack'],
  ['src/bot.ts', 'src/open-targets.ts', 'src/process.ts', 'src/main.ts'],
];

const floorOf = (file: string) => floors.findIndex(places => places.some(place => within(place, file)));

describe('floors', () => {
  test('every file has one', () => {
    expect(files.filter(file => floorOf(file) < 0)).toEqual([]);
  });

  test('nothing runs back up', () => {
    expect(
      offending(folders, ({ from, to, typeOnly }) => !isProject(to) || typeOnly || floorOf(to) <= floorOf(from)),
    ).toEqual([]);
  });

  test.each([
    ['src/store', ['src/audit', 'src/postgres', 'src/actions', 'src/slack', 'src/access']],
    ['src/audit', ['src/actions', 'src/slack', 'src/postgres', 'src/tools', 'src/access']],
    ['src/postgres', ['src/actions', 'src/slack', 'src/audit', 'src/access', 'src/backups', 'src/tools', 'src/store']],
    ['src/backups', ['src/actions', 'src/slack', 'src/audit', 'src/access', 'src/store']],
    ['src/physical', ['src/actions', 'src/slack', 'src/audit', 'src/access', 'src/store']],
    ['src/tools', ['src/actions', 'src/slack', 'src/audit', 'src/access', 'src/store', 'src/backups']],
    ['src/access', ['src/actions', 'src/slack', 'src/audit', 'src/postgres', 'src/tools', 'src/store']],
    ['src/config', ['src/actions', 'src/slack', 'src/audit', 'src/tools', 'src/store']],
    ['src/config.ts', ['src/actions', 'src/slack', 'src/audit', 'src/tools']],
    ['src/health', ['src/actions', 'src/slack', 'src/postgres', 'src/tools', 'src/audit', 'src/access', 'src/store']],
    ['src/actions', ['src/slack']],
  ])('%s knows nothing of %j, not even by type', (place, unknown) => {
    expect(offending([place], ({ to }) => !unknown.some(other => within(other, to)))).toEqual([]);
  });

  test('no file leads back to itself', () => {
    const running = Map.groupBy(
      imports.filter(({ to, typeOnly }) => isProject(to) && !typeOnly),
      ({ from }) => from,
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      for (const { to } of running.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});
