import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { openLanes } from '../../src/postgres/lanes.ts';

/** A message of the protocol. https://www.postgresql.org/docs/current/protocol-message-formats.html */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5, type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const welcome = [message('R', Buffer.alloc(4)), message('K', Buffer.alloc(8)), message('Z', Buffer.from('I'))];
const farewell = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

test('a connection that is ended in the packet that makes it ready is a failed question, and no end of the process', async () => {
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([...welcome, farewell])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const { port } = address;
  const lanes = openLanes({
    clients: {
      config: async () => ({ host: '127.0.0.1', port, user: 'ada', database: 'portal', ssl: false }),
      open: () => Promise.reject(new Error('nothing is opened but the pool')),
      cut: () => undefined,
    },
    emergency: undefined,
    warm: { take: () => undefined, wait: async () => undefined, pid: undefined, close: async () => undefined },
    limits: {
      applicationName: 'pg-chatops/portal',
      readOnly: true,
      statementTimeout: 0,
      lockTimeout: 0,
      idleInTransactionTimeout: 0,
      parallel: false,
      searchPath: undefined,
    },
    pooled: false,
    poolSize: 1,
    now: () => performance.now(),
    onLost: () => undefined,
  });
  try {
    await expect(lanes.ask('SELECT 1', [])).rejects.toThrow(/terminat|connection/i);
  } finally {
    await lanes.close();
    server.close();
  }
});
