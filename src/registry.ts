import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import type { Command } from './command.ts';

const declared = z.looseObject({
  name: z.string(),
  risk: z.enum(['read', 'routine', 'destructive']),
  run: z.custom<() => unknown>(value => typeof value === 'function'),
});

/**
 * Every command: the default export of each file in commands/. The folder is the registry.
 * @throws Error when a file declares none, or its name differs from the file's.
 */
export async function loadCommands(folder = new URL('../commands/', import.meta.url)): Promise<Command[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.ts')).sort();
  return Promise.all(
    files.map(async file => {
      const module: { default?: unknown } = await import(new URL(file, folder).href);
      const command = declared.parse(module.default);
      if (`${command.name}.ts` !== file) throw new Error(`commands/${file} declares “${command.name}”`);
      return module.default as Command;
    }),
  );
}
