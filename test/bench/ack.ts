import { setTimeout as pause } from 'node:timers/promises';
import { compare, limit } from './findings.ts';
import { type Office, openBareOffice, openBotOffice } from './office.ts';
import { sideBySide } from './side-by-side.ts';
import { percentile } from './statistics.ts';
import type { Topic } from './topic.ts';

const inFlight = 200;
const perRun = 40;

/** Milliseconds; nobody types sooner after an answer. */
const quiet = 50;

/**
 * How soon Slack hears that a command has arrived: from the workspace's sending of the envelope to its receiving of the
 * acknowledgement, over the socket. Beside the bot a Bolt app that does nothing else. Both are processes of their own;
 * the next command is typed when the last one is answered.
 */
export const ack: Topic = async (surroundings, { runs }) => {
  await using offices = new AsyncDisposableStack();
  const place = {
    url: await surroundings.portalUrl(),
    bin: surroundings.cluster.bin,
    folder: await surroundings.newFolder(),
  };
  const bot = offices.use(await openBotOffice(place));
  const bare = offices.use(await openBareOffice());

  const single = await sideBySide(
    {
      bot: () => typedAlone(bot, 'answered'),
      bare: () => typedAlone(bare, 'unanswered'),
    },
    { runs: runs * perRun, warmUp: perRun },
  );

  const crowd = { bot: [] as number[], bare: [] as number[] };
  await crowded(bot);
  await typed(bare, inFlight, 'unanswered');
  for (let run = 0; run < runs; run += 1) {
    crowd.bot.push(...(await crowded(bot)));
    crowd.bare.push(...(await typed(bare, inFlight, 'unanswered')));
  }

  return [
    compare({
      what: 'ack of /db status, one at a time',
      unit: 'ms',
      ours: single.bot,
      beside: { what: 'a bare Bolt app', values: single.bare },
      atMost: 1.5,
    }),
    compare({
      what: `ack with ${inFlight} in flight`,
      unit: 'ms',
      ours: crowd.bot,
      beside: { what: 'a bare Bolt app', values: crowd.bare },
    }),
    limit({
      what: `ack with ${inFlight} in flight, p99`,
      unit: 'ms',
      values: crowd.bot,
      score: values => percentile(values, 99),
      atMost: 100,
    }),
  ];
};

/** Types one command, after a pause in which whatever the last one left to do gets done. */
async function typedAlone(office: Office, until: 'answered' | 'unanswered'): Promise<number> {
  await pause(quiet);
  const [milliseconds] = await typed(office, 1, until);
  return milliseconds!;
}

/**
 * Types as many commands in the same instant as there are to be in flight, then as many again, one whenever another is
 * answered; milliseconds to each one's acknowledgement.
 */
async function crowded(office: Office): Promise<number[]> {
  const before = office.answers();
  const acknowledged = await typed(office, inFlight, 'unanswered');
  for (let answered = 1; answered <= inFlight; answered += 1) {
    await office.answered(before + answered);
    acknowledged.push(...(await typed(office, 1, 'unanswered')));
  }
  await office.answered(before + acknowledged.length);
  return acknowledged;
}

/** Types that many commands in the same instant; milliseconds to each one's acknowledgement, when all are answered. */
async function typed(office: Office, count: number, until: 'answered' | 'unanswered') {
  const before = office.answers();
  const exchanges = await Promise.all(Array.from({ length: count }, () => office.ada.types('/db status')));
  if (until === 'answered') await office.answered(before + count);
  return exchanges.map(({ acknowledgedAfterMs }) => acknowledgedAfterMs);
}
