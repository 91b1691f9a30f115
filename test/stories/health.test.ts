import { afterAll, describe, expect, test } from '@jest/globals';
import { freePort } from '../cluster/free-port.ts';
import { signalProcess } from '../cluster/processes.ts';
import { openOffice } from './office.ts';

const port = await freePort();
const office = await openOffice({
  yaml: 'shutdown_seconds: 1',
  environment: { HEALTH_PORT: String(port) },
});
afterAll(() => office.close());
const { slack } = office;

const ask = (path: string, host = '127.0.0.1') => fetch(`http://${host}:${port}${path}`);
const metrics = async () => (await ask('/metrics')).text();

/** The value of a series, as Prometheus would read it. */
async function readingOf(series: string): Promise<number> {
  const line = (await metrics()).split('\n').find(each => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

/** Waits for a readiness, and gives its reasons. */
async function reasonsWhen(status: number): Promise<string[]> {
  const answer = await slack.until(async () => {
    const response = await ask('/readyz');
    return response.status === status && ((await response.json()) as { reasons: string[] });
  }, `/readyz to answer ${status}`);
  return answer.reasons;
}

describe('a bot with HEALTH_PORT', () => {
  test('lives and is ready', async () => {
    expect((await ask('/healthz')).status).toBe(200);
    const ready = await ask('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ ready: true, reasons: [] });
  });

  test('answers nothing else, and on no other address', async () => {
    expect((await ask('/')).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`, { method: 'POST' })).status).toBe(405);
    await expect(ask('/healthz', '127.0.0.2')).rejects.toThrow();
  });

  test('is not ready while Slack is not connected, and lives', async () => {
    const down = slack.faults.on('apps.connections.open', { status: 503 });
    slack.refreshConnections();
    expect(await reasonsWhen(503)).toEqual(['Slack is not connected.']);
    expect(await readingOf('pg_chatops_slack_connected')).toBe(0);
    expect((await ask('/healthz')).status).toBe(200);
    down.remove();
    expect(await reasonsWhen(200)).toEqual([]);
    expect(await readingOf('pg_chatops_slack_connected')).toBe(1);
  });

  test('is not ready while the audit channel refuses the record, and counts the backlog', async () => {
    const refusing = slack.faults.on(
      'chat.postMessage',
      { error: 'is_archived' },
      {
        channel: slack.channel('#db-audit').id,
      },
    );
    await office.ada.types('/db help');
    expect(await reasonsWhen(503)).toEqual([expect.stringContaining('takes no messages (is_archived)')]);
    expect(await readingOf('pg_chatops_audit_backlog_seconds')).toBeGreaterThan(0);
    refusing.remove();
    expect(await reasonsWhen(200)).toEqual([]);
  });

  test('counts what people did, and names nobody', async () => {
    const target = office.database.name;
    expect(await readingOf(`pg_chatops_target_up{target="${target}"}`)).toBe(1);
    const victim = await office.idleSession('nightly-report');
    const acknowledged = await readingOf('pg_chatops_acknowledgement_seconds_count');
    const id = await office.asksToKill(victim, '--reason "blocks the deploy"');
    expect(await readingOf('pg_chatops_waiting_requests')).toBe(1);
    await office.ben.clicks('Approve');
    await office.reads('#incident', `${id} is done`);
    const denied = await office.asksToKill(await office.idleSession());
    await office.ada.clicksRaw({ action_id: 'withdraw', value: denied });
    await office.reads('#incident', `${denied} was withdrawn`);
    await office.ada.types('/db kill 1');
    await office.sees(office.ada, 'No backend has the pid 1.');

    expect(await readingOf('pg_chatops_commands_total{command="kill",outcome="succeeded"}')).toBe(1);
    expect(await readingOf('pg_chatops_commands_total{command="kill",outcome="cancelled"}')).toBe(1);
    expect(await readingOf('pg_chatops_commands_total{command="kill",outcome="failed"}')).toBe(1);
    expect(await readingOf('pg_chatops_command_duration_seconds_count{command="kill"}')).toBe(1);
    expect(await readingOf('pg_chatops_acknowledgement_seconds_count')).toBeGreaterThanOrEqual(acknowledged + 5);
    expect(await readingOf('pg_chatops_waiting_requests')).toBe(0);
    const idle = async () => (await readingOf('pg_chatops_running_jobs')) === 0;
    await slack.until(idle, 'the last word on what ran'); // its card says that it is done before its requester is told
    expect(await readingOf('process_cpu_seconds_total')).toBeGreaterThan(0);
    const labels = [...(await metrics()).matchAll(/^pg_chatops\w+\{([^}]*)\}/gm)].map(([, text]) => text).join('\n');
    for (const name of ['command=', 'outcome=', 'target=']) expect(labels).toContain(name);
    for (const person of [office.ada, office.ben])
      expect(labels).not.toMatch(new RegExp(`${person.id}|${person.name}`));
    expect(labels).not.toMatch(/deploy|nightly|select|orders/i);
  });

  test('is not ready while it drains; what runs is counted', async () => {
    const hung = await office.database.openSession({ applicationName: 'hung' });
    signalProcess(hung.pid, 'SIGSTOP');
    try {
      const id = await office.asksToKill(hung);
      await office.ben.clicks('Approve');
      await office.reads('#incident', `${id} is approved and running`);
      expect(await readingOf('pg_chatops_running_jobs')).toBe(1);
      const stopping = office.stopBot();
      expect(await reasonsWhen(503)).toEqual(['The bot is shutting down.']);
      expect((await ask('/healthz')).status).toBe(200);
      signalProcess(hung.pid, 'SIGCONT');
      await stopping;
    } finally {
      signalProcess(hung.pid, 'SIGCONT');
    }
    await expect(ask('/healthz')).rejects.toThrow();
  });
});
