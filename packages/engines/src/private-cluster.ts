import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePort } from './free-port.ts';
import { guardEngines } from './guarded-engines.ts';
import { makeTemporaryFolder, redisSpec } from './temporary-engines.ts';
import { waitFor } from './wait.ts';

/** A node of a cluster of one's own. */
export interface ClusterNode {
  readonly url: string;
  /** `host:port`. */
  readonly address: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Stops it in order, keeping its data. */
  stop(): Promise<void>;
  /** Starts it again after `stop` or `kill`, with its data, at the same address. */
  restart(): Promise<void>;
  /** `SIGSTOP`: it keeps its connections and answers nobody. */
  pause(): Promise<void>;
  /** `SIGCONT`. */
  resume(): Promise<void>;
}

/** A Redis Cluster that belongs to one test. */
export interface PrivateCluster {
  readonly masters: readonly ClusterNode[];
  /** The first is that of the first master, and so on; none unless asked for. */
  readonly replicas: readonly ClusterNode[];
  /** For `REDIS_CLUSTER_NODES`. */
  readonly addresses: string;
  /** For `REDIS_PASSWORD`. */
  readonly password: string;
  /** Resolves once every node sees all slots served and every replica has what its master has. */
  isWhole(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

const slotCount = 16_384;
const settleMs = 30_000;

interface OpenNode extends ClusterNode {
  readonly redis: Redis;
  readonly clusterPort: number;
  close(): Promise<void>;
}

/** Starts three masters that share the slots, each with the durability of the platform, and a replica of each if wanted. */
export async function startPrivateCluster(options: { replicas?: boolean } = {}): Promise<PrivateCluster> {
  const password = randomBytes(24).toString('base64url');
  const nodes: OpenNode[] = [];
  const close = async () => void (await Promise.all(nodes.map((node) => node.close())));
  const isWhole = async () => {
    for (const { redis, address } of nodes) {
      const seesAll = async () => {
        const info = await redis.cluster('INFO').catch(() => '');
        if (!info.includes('cluster_state:ok') || !info.includes('cluster_slots_ok:16384') || !isJoined(info))
          return false;
        return !(await redis.info('replication').catch(() => 'down')).includes('down');
      };
      if (!(await waitFor(seesAll, settleMs))) throw new Error(`the cluster node ${address} is not in step`);
    }
  };
  const isJoined = (info: string) => info.includes(`cluster_known_nodes:${nodes.length}`);
  try {
    const count = options.replicas ? 6 : 3;
    await Promise.all(Array.from({ length: count }, async () => nodes.push(await startNode(password))));
    const [masters, replicas] = [nodes.slice(0, 3), nodes.slice(3)];
    await joinCluster(masters, nodes);
    await isWhole();
    await Promise.all(replicas.map((replica, at) => follow(replica, masters[at])));
    return { masters, replicas, addresses: masters.map(({ address }) => address).join(','), password, isWhole, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startNode(password: string): Promise<OpenNode> {
  const dataDir = await makeTemporaryFolder();
  await writeFile(join(dataDir, 'redis.password'), password, { mode: 0o600 });
  const engines = await guardEngines({ dataDir, revive: false });
  const clusterPort = await findFreePort();
  const spec = { ...redisSpec(), clusterPort };
  const url = await engines.start(spec);
  const redis = new Redis(url, { maxRetriesPerRequest: null, autoResendUnfulfilledCommands: true });
  redis.on('error', () => {});
  const signal = async (name: NodeJS.Signals) => {
    process.kill(Number(await readFile(join(dataDir, 'redis', 'redis.pid'), 'utf8')), name);
  };
  return {
    url,
    address: new URL(url).host,
    redis,
    clusterPort,
    kill: () => engines.kill('redis'),
    stop: () => engines.stop('redis'),
    restart: async () => void (await engines.start(spec)),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async close() {
      redis.disconnect();
      // One that is paused could not be stopped; one that is gone cannot be resumed.
      await signal('SIGCONT').catch(() => {});
      await engines.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Shares the slots among the masters and makes all nodes known to each other. */
async function joinCluster(masters: readonly OpenNode[], nodes: readonly OpenNode[]): Promise<void> {
  const [first] = masters;
  if (!first) return;
  for (const [at, { redis }] of masters.entries()) {
    const from = Math.round((at * slotCount) / masters.length);
    const to = Math.round(((at + 1) * slotCount) / masters.length) - 1;
    await redis.cluster('ADDSLOTSRANGE', from, to);
  }
  for (const [at, { redis }] of nodes.entries()) await redis.cluster('SET-CONFIG-EPOCH', at + 1);
  const { hostname, port } = new URL(first.url);
  for (const { redis } of nodes.slice(1))
    await redis.call('CLUSTER', 'MEET', hostname, port, String(first.clusterPort));
}

/** Resolves once the replica has all that its master has. */
async function follow({ redis, address }: OpenNode, master: OpenNode | undefined): Promise<void> {
  await redis.cluster('REPLICATE', String(await master?.redis.cluster('MYID')));
  const isInStep = async () => (await redis.info('replication')).includes('master_link_status:up');
  if (!(await waitFor(isInStep, settleMs))) throw new Error(`the replica ${address} does not follow its master`);
}
