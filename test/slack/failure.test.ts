import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { pino } from 'pino';
import { openClients } from '../../src/slack/clients.ts';
import { failureOf, persist } from '../../src/slack/failure.ts';

const api = 'https://slack.test/api/';
const slack = () => nock('https://slack.test').post('/api/chat.postMessage');
const noWait = async () => {};

beforeAll(() => nock.disableNetConnect());
afterAll(() => {
  nock.enableNetConnect();
  nock.restore();
});
afterEach(() => {
  expect(nock.pendingMocks()).toEqual([]);
  nock.cleanAll();
});

/** A client made while nock is active: the SDK takes `fetch` when it is constructed. */
function post() {
  const { messages } = openClients('xoxb-test', api, pino({ level: 'silent' }));
  return messages.chat.postMessage({ channel: 'C1', text: 'hello' });
}

async function failure() {
  try {
    await post();
  } catch (error) {
    return failureOf(error);
  }
  throw new Error('the call did not fail');
}

describe('how a call to Slack failed', () => {
  test('refused, with what Slack says about it', async () => {
    slack().reply(200, { ok: false, error: 'missing_scope', needed: 'chat:write', provided: 'commands' });
    expect(await failure()).toEqual({ is: 'refused', code: 'missing_scope', details: 'needs the scope chat:write' });
  });

  test('rate limited, with the pause', async () => {
    slack().reply(429, '', { 'retry-after': '7' });
    expect(await failure()).toEqual({ is: 'rate limited', seconds: 7 });
  });

  test.each([500, 502, 503])('HTTP %s: it may have been done', async status => {
    slack().reply(status, 'upstream');
    expect(await failure()).toEqual({ is: 'unanswered', why: `HTTP ${status}` });
  });

  test('a line that breaks: it may have been done', async () => {
    slack().replyWithError('socket hang up');
    expect(await failure()).toMatchObject({ is: 'unanswered' });
  });

  test('Slack’s own trouble under its own code: it may have been done', async () => {
    slack().reply(200, { ok: false, error: 'internal_error' });
    expect(await failure()).toEqual({ is: 'unanswered', why: 'internal_error' });
  });

  test('an error of ours is none of Slack’s', () => {
    expect(failureOf(new TypeError('x'))).toBeUndefined();
  });
});

describe('what is worth another try', () => {
  test('no answer, and a pause that Slack asks for', async () => {
    slack().reply(500, '');
    slack().reply(429, '', { 'retry-after': '1' });
    slack().reply(200, { ok: true, ts: '1.1', channel: 'C1' });
    const waits: number[] = [];
    const sleep = async (milliseconds: number) => {
      waits.push(milliseconds);
    };
    expect(await persist(post, sleep)).toMatchObject({ ts: '1.1' });
    expect(waits).toEqual([500, 1_000]);
  });

  test('not a refusal, which stays one', async () => {
    slack().reply(200, { ok: false, error: 'channel_not_found' });
    await expect(persist(post, noWait)).rejects.toThrow('channel_not_found');
  });

  test('not a fourth time, and not after a pause that nobody sits out', async () => {
    slack().times(3).reply(500, '');
    await expect(persist(post, noWait)).rejects.toThrow();
    slack().reply(429, '', { 'retry-after': '31' });
    await expect(persist(post, noWait)).rejects.toThrow();
  });
});
