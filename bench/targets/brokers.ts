import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { findFreePort } from '../../packages/engines/dist/free-port.js';
import { waitFor } from '../../packages/engines/dist/wait.js';
import { mqttHello } from '../load/mqtt.ts';
import { natsHello } from '../load/nats.ts';
import type { Endpoint } from '../load/plan.ts';
import { end } from '../processes/end-process.ts';
import { findBinary } from './find-binary.ts';
import { makeFolder, startPeerRedis } from './private-engines.ts';
import type { Market, RunningTarget, Sockets, Target } from './target.ts';

/** A server program of others, where it is installed. */
interface Broker {
  name: string;
  title: string;
  about: string;
  binary: string;
  /** What else has to be there. */
  lacks?(binary: string): string | undefined;
  needsRedis?: boolean;
  config(place: { port: number; binary: string; folder: string; redisUrl: string }): string;
  args(configFile: string): string[];
  sockets(port: number, market: Market): Sockets;
}

const topicOf = (producer: number) => `stream-${producer}`;
const startMs = 20_000;

export const nats = target({
  name: 'nats',
  title: 'NATS',
  about: 'NATS core over WebSocket; no guarantee at all',
  binary: 'nats-server',
  config: ({ port }) => `port: -1\nwebsocket { host: "127.0.0.1", port: ${port}, no_tls: true, compression: false }\n`,
  args: (file) => ['-c', file],
  sockets: (port, market) => topicSockets({ port, path: '/', dialect: 'nats' }, market, natsHello),
});

export const mosquitto = target({
  name: 'mosquitto',
  title: 'Mosquitto',
  about: 'Mosquitto, MQTT over WebSocket, quality of service 0; no guarantee at all',
  binary: 'mosquitto',
  // It does not start with a WebSocket listener alone (eclipse-mosquitto/mosquitto#2284).
  config: ({ port, folder }) => `
allow_anonymous true
max_queued_messages 0
set_tcp_nodelay true
listener 0 ${folder}/mqtt.sock
listener ${port} 127.0.0.1
protocol websockets
`,
  args: (file) => ['-c', file],
  sockets: (port, market) => topicSockets({ port, path: '/mqtt', dialect: 'mqtt' }, market, mqttHello),
});

const nchanModule = (binary: string) => join(dirname(binary), '../lib/nginx/modules/ngx_nchan_module.so');

export const nchan = target({
  name: 'nchan',
  title: 'Nchan',
  about: 'nginx with Nchan and Redis, the last 10,000 readings kept for 10 s',
  binary: 'nginx',
  lacks: (binary) => (existsSync(nchanModule(binary)) ? undefined : 'nginx is installed, its module Nchan is not'),
  needsRedis: true,
  config: ({ port, binary, folder, redisUrl }) => `
load_module ${nchanModule(binary)};
daemon off;
worker_processes auto;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 18000; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream redis { nchan_redis_server ${redisUrl}; }
  nchan_redis_pass redis;
  nchan_message_buffer_length 10000;
  nchan_message_timeout 10s;
  server {
    listen 127.0.0.1:${port};
    location = /producer { nchan_publisher websocket; nchan_channel_id $arg_id; }
    location = /consumer { nchan_subscriber websocket; nchan_channel_id $arg_id; }
  }
}
`,
  args: (file) => ['-c', file, '-e', 'stderr'],
  sockets: (port, market) => ({
    producers: Array.from({ length: market.producers }, (_, producer) => ({
      port,
      path: `/producer?id=${topicOf(producer)}`,
      dialect: 'nchan-producer',
    })),
    consumers: market.subscriptions.map(([producer = 0]) => ({
      port,
      path: `/consumer?id=${topicOf(producer)}`,
      dialect: 'nchan-consumer',
    })),
  }),
});

function target(broker: Broker): Target {
  const { name, title, about } = broker;
  return {
    name,
    title,
    about,
    missing() {
      const binary = findBinary(broker.binary);
      return binary === undefined ? `not installed (${broker.binary})` : broker.lacks?.(binary);
    },
    start: ({ market }) => startBroker(broker, market),
  };
}

/** Topics that a socket subscribes to itself. */
function topicSockets(socket: Endpoint, market: Market, helloFor: (topics: string[]) => string[]): Sockets {
  return {
    producers: Array.from({ length: market.producers }, (_, producer) => ({
      ...socket,
      topic: topicOf(producer),
      hello: helloFor(['nobody']),
    })),
    consumers: market.subscriptions.map((wanted) => ({ ...socket, hello: helloFor(wanted.map(topicOf)) })),
  };
}

async function startBroker(broker: Broker, market: Market): Promise<RunningTarget> {
  const binary = findBinary(broker.binary);
  if (binary === undefined) throw new Error(`${broker.binary} is not installed`);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    const folder = await makeFolder();
    stops.push(() => folder.remove());
    // Servers that root starts go on as another account.
    await chmod(folder.path, 0o777);
    const redis = broker.needsRedis ? await startPeerRedis() : undefined;
    if (redis) stops.push(() => redis.stop());
    const port = await findFreePort();
    const configFile = join(folder.path, `${broker.name}.conf`);
    await writeFile(configFile, broker.config({ port, binary, folder: folder.path, redisUrl: redis?.url ?? '' }));
    const child = spawn(binary, broker.args(configFile), { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaints = '';
    child.stderr.on('data', (text) => (complaints = `${complaints}${text}`.slice(-2_000)));
    stops.push(() => end(child, 'SIGTERM'));
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    stops.push(async () => void process.off('exit', kill));
    const listens = await waitFor(() => child.exitCode === null && accepts(port), startMs);
    if (!listens) throw new Error(`${broker.binary} did not start:\n${complaints}`);
    return {
      name: broker.name,
      sockets: broker.sockets(port, market),
      consumerServerPid: child.pid ?? 0,
      settle: async () => {},
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
