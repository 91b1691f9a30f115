import { z } from 'zod';
import { historyChart, historySentence, historyView } from '../blocks/history.ts';
import { ageIn, agePattern, defineCommand, metricNames, UserError } from '../src/command.ts';

export default defineCommand({
  name: 'history',
  summary: 'how connections, size, lag and the like went over time, as a picture',
  risk: 'read',
  args: z.strictObject({
    metric: z
      .enum(metricNames, `is one of ${metricNames.join(', ')}`)
      .default('connections')
      .meta({ description: 'what to draw' }),
    for: z
      .string()
      .regex(agePattern, 'is a time such as 30m, 12h, 7d or 4w')
      .default('24h')
      .meta({ placeholder: 'age', description: 'of the last 30m, 24h, 7d or 52w' }),
  }),
  positional: ['metric'],
  examples: ['history', 'history size --for 4w', 'history lag --for 12h'],
  async run({ metric, for: age }, { history, charts, target, action }) {
    const milliseconds = ageIn(age) ?? 0;
    if (milliseconds === 0) throw new UserError('--for is longer than nothing: a minute is `1m`.');
    const found = await history.read(metric, milliseconds);
    const others = metricNames.filter(name => name !== metric);
    const limits = found.metric.limits?.(target.thresholds);
    const facts = { ...found, limits, target: target.name, actionId: action.id, others };
    const chart = historyChart(facts);
    const sentence = historySentence(facts);
    return {
      view: historyView(facts),
      outcome: sentence,
      ...(chart && {
        files: [{ name: `${metric}-${age}.png`, content: await charts.draw(chart), alternative: sentence }],
      }),
    };
  },
});
