import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

describe('a trap of the proxy', () => {
  let proxy: TcpProxy;
  let answering: boolean;
  const open: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('data', (data) => answering && socket.write(`answer to ${data.toString()}`)).on('error', () => undefined);
  });

  beforeEach(async () => {
    answering = true;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await new TcpProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }).listen();
  });
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.destroy();
    await proxy.close();
    server.close();
    await once(server, 'close');
  });

  async function client(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: proxy.port });
    socket.on('error', () => undefined);
    open.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  it('after the bytes passed strikes with the answer, which it can cut', async () => {
    const struck = proxy.trap({ way: 'up', pattern: 'commit', moment: 'after', strike: async () => 'cut' }, 10_000);
    const socket = await client();
    socket.write('commit');
    expect(await struck).toBe(true);
    await once(socket, 'close');
    expect(socket.bytesRead).toBe(0);
  });

  it('strikes the next that comes when the connection died before its answer', async () => {
    answering = false;
    const struck = proxy.trap({ way: 'up', pattern: 'commit', moment: 'after', strike: async () => 'pass' }, 10_000);
    const first = await client();
    const [asked] = (await once(server, 'connection')) as [Socket];
    first.write('commit');
    await once(asked, 'data');
    first.destroy();
    await once(asked, 'close');
    answering = true;
    const second = await client();
    second.write('commit');
    expect((await once(second, 'data')).toString()).toBe('answer to commit');
    expect(await struck).toBe(true);
  });

  it('tells that nothing came in its time when the connection dies after it', async () => {
    answering = false;
    const struck = proxy.trap({ way: 'up', pattern: 'commit', moment: 'after', strike: async () => 'pass' }, 200);
    const first = await client();
    first.write('commit');
    await delay(300);
    first.destroy();
    expect(await struck).toBe(false);
  });
});
