import { z } from 'zod';
import { historyChart, historySentence, historyView } from '../blocks/history.ts';
import { ageIn, agePattern, defineCommand, metricNames, type ReadServices, UserError } from '../src/command.ts';

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
  async run({ metric, for: age }, services) {
    const { history, charts, target, action } = services;
    const milliseconds = ageIn(age) ?? 0;
    if (milliseconds === 0) throw new UserError('--for is longer than nothing: a minute is `1m`.');
    const [found, room] = await Promise.all([history.read(metric, milliseconds), roomFor(metric, services)]);
    const others = metricNames.filter(name => name !== metric);
    const limits = found.metric.limits?.(target.thresholds, room);
    const growth = found.growth && found.metric.judge?.(found.growth, target.thresholds, room);
    const facts = { ...found, limits, growth, target: target.name, actionId: action.id, others };
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

/** What the server has room for now. Its past can be looked at also while it does not answer: then that is not known. */
async function roomFor(
  metric: (typeof metricNames)[number],
  { connections, disk }: Pick<ReadServices, 'connections' | 'disk'>,
): Promise<{ connections?: number; bytes?: number | undefined }> {
  const unknown = () => ({});
  if (metric === 'connections') {
    return connections.read().then(({ max, reserved }) => ({ connections: max - reserved }), unknown);
  }
  if (metric !== 'size') return {};
  return disk.read().then(({ fileSystems }) => {
    return { bytes: fileSystems?.find(({ holds }) => holds.includes('data'))?.freeBytes };
  }, unknown);
}
