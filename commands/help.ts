import { z } from 'zod';
import { commandHelp, overview } from '../blocks/help.ts';
import { defineCommand, nearest, quoted, UserError } from '../src/command.ts';

export default defineCommand({
  name: 'help',
  summary: 'what can be typed, and how',
  risk: 'read',
  onTarget: false,
  args: z.strictObject({
    command: z.string().optional().meta({ description: 'the command to explain' }),
  }),
  positional: ['command'],
  examples: ['help', 'help kill'],
  async run({ command: name }, services) {
    if (name === undefined) return { view: overview(services.help), outcome: 'showed the commands' };
    const wanted = name.toLowerCase();
    const found = services.help.find(help => help.name === wanted);
    if (!found) {
      const names = services.help.map(help => help.name);
      const [near] = nearest(wanted, names, 1);
      const all = names.map(known => `\`${known}\``).join(', ');
      throw new UserError(`There is no command ${quoted(name)}.`, {
        hint: near === undefined ? `There are: ${all}.` : `Did you mean \`/db help ${near}\`?`,
      });
    }
    return { view: commandHelp(found), outcome: `explained ${found.name}` };
  },
});
