/** Real remotes of rclone on this machine, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Transform } from 'node:stream';
import { execa } from 'execa';

/** What happens to a request on its way to the WebDAV server. */
export type Mischief = (request: IncomingMessage) => 'break off' | 'flip a byte' | undefined | Promise<undefined>;

export interface Remotes {
  /** rclone's configuration: `disk:` computes checksums, `dav:` computes none and takes the password below. */
  readonly config: string;
  readonly password: string;
  /** Where the files of each remote really lie. */
  readonly disk: string;
  readonly dav: string;
  /** What happens to requests to `dav:` from now on. */
  meddle(mischief: Mischief): void;
  close(): Promise<void>;
}

/** Opens a remote on disk, and one behind `rclone serve webdav` on loopback. */
export async function openRemotes(): Promise<Remotes> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pg-chatops-remotes-'));
  const [disk, dav, config] = ['disk', 'dav', 'rclone.conf'].map(name => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([mkdir(disk), mkdir(dav)]);
  const password = 'hunter2-offsite';
  const served = await serveWebdav(dav, password, config);
  let mischief: Mischief = () => undefined;
  const between = await meddler(served.port, incoming => mischief(incoming));
  const { stdout: obscured } = await execa('rclone', ['obscure', '-'], { input: password });
  const sections = [
    `[disk]\ntype = alias\nremote = ${disk}`,
    `[dav]\ntype = webdav\nurl = http://127.0.0.1:${between.port}\nvendor = other\nuser = chatops\npass = ${obscured}`,
  ];
  await writeFile(config, `${sections.join('\n\n')}\n`, { mode: 0o600 });
  return {
    config,
    password,
    disk,
    dav,
    meddle: wanted => {
      mischief = wanted;
    },
    close: async () => {
      between.server.closeAllConnections();
      await new Promise(resolve => between.server.close(resolve));
      await served.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function serveWebdav(folder: string, password: string, config: string) {
  const server = execa('rclone', ['serve', 'webdav', '--addr=127.0.0.1:0', `--config=${config}`, folder], {
    env: { RCLONE_USER: 'chatops', RCLONE_PASS: password },
    reject: false,
  });
  const started = Promise.withResolvers<number>();
  let said = '';
  server.stderr.on('data', (text: Buffer) => {
    said += text.toString();
    const port = /started on \S+:(\d+)\//.exec(said)?.[1];
    if (port !== undefined) started.resolve(Number(port));
  });
  server.then(() => started.reject(new Error(`rclone serve webdav ended: ${said}`))).catch(() => undefined);
  return {
    port: await started.promise,
    stop: async () => {
      server.kill();
      await server;
    },
  };
}

/** Stands between rclone and its server. */
async function meddler(port: number, mischief: Mischief): Promise<{ server: Server; port: number }> {
  const pass = (incoming: IncomingMessage, outgoing: ServerResponse, flip: boolean) => {
    const { method, url, headers } = incoming;
    const onwards = request({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onwards.on('error', () => incoming.socket.destroy());
    (flip ? incoming.pipe(flippingFirst()) : incoming).pipe(onwards);
  };
  const server = createServer((incoming, outgoing) => {
    Promise.resolve(mischief(incoming)).then(
      what => (what === 'break off' ? incoming.socket.destroy() : pass(incoming, outgoing, what === 'flip a byte')),
      () => incoming.socket.destroy(),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function flippingFirst(): Transform {
  let flipped = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const piece = Buffer.from(chunk);
      if (!flipped && piece.length > 0) piece[0] = piece[0]! ^ 1;
      flipped = true;
      done(null, piece);
    },
  });
}
