import { Cluster, type Redis } from 'ioredis';
import { masterOf, mastersOf, pauseBeforeReconnecting, type RedisConnection, slotOf } from './connection.ts';

/** What happens on a channel. */
export interface ChannelListener {
  onMessage(message: Buffer): void;
  /** From now on messages may be missed. */
  onLost?(): void;
  /** After a loss: what is published from now on is heard again. */
  onBack?(): void;
}

interface Channel {
  readonly name: string;
  readonly slot: number;
  readonly listener: ChannelListener;
  /** The connection that it was subscribed on, or is just being. */
  connection: Redis | undefined;
  /** Whether Redis has confirmed that. */
  heard: boolean;
  /** Whether it was heard before. */
  lost: boolean;
  /** Those who wait until it is heard for the first time. */
  readonly waiting: { resolve(): void; reject(error: Error): void }[];
}

/** How often a connection is asked for a sign of life: without one, nothing need ever come on it. */
const defaultPingMs = 5_000;

/** How often channels are looked for that are not heard where they should be. */
const lookMs = 500;

/**
 * Channels of sharded publish/subscribe, each on the master that holds its slot: over one connection to a Redis that
 * stands alone, and over one to each master of a cluster. A channel that was lost with a connection or moved to another
 * master is subscribed again by itself; what was published in between is missed, and its listener is told.
 *
 * Only sharded channels: a master passes on to other masters what is published otherwise, and may lose it on that way
 * without anyone noticing.
 */
export class Subscriber {
  private readonly channels = new Map<string, Channel>();
  /** By the connection for commands to the same master. */
  private readonly connections = new Map<Redis, Redis>();
  private readonly timers: readonly NodeJS.Timeout[];
  private readonly look = () => this.placeAll();

  /** `redis` is the connection for commands: it knows the masters. Whoever makes a subscriber closes it. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly options: { onError: (error: Error) => void; pingMs?: number },
  ) {
    const { pingMs = defaultPingMs } = options;
    this.timers = [setInterval(this.look, lookMs).unref(), setInterval(() => this.ping(), pingMs).unref()];
    redis.on('refresh', this.look);
  }

  /** Resolves once what is published on the channel is heard. Rejects only when the subscriber is closed before. */
  subscribe(name: string, listener: ChannelListener): Promise<void> {
    const channel: Channel = {
      name,
      slot: slotOf(name),
      listener,
      connection: undefined,
      heard: false,
      lost: false,
      waiting: [],
    };
    this.channels.set(name, channel);
    return new Promise((resolve, reject) => {
      channel.waiting.push({ resolve, reject });
      this.place(channel);
    });
  }

  /** Stops hearing a channel. */
  unsubscribe(name: string): void {
    const channel = this.channels.get(name);
    if (!channel) return;
    this.channels.delete(name);
    for (const { resolve } of channel.waiting.splice(0)) resolve();
    // Without the connection the subscription has ended anyway.
    if (channel.connection?.status === 'ready') channel.connection.sunsubscribe(name).catch(() => {});
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.redis.off('refresh', this.look);
    for (const connection of this.connections.values()) connection.disconnect();
    const closed = new Error('the connection was closed');
    for (const { waiting } of this.channels.values()) for (const { reject } of waiting.splice(0)) reject(closed);
    this.channels.clear();
  }

  private ping(): void {
    for (const connection of this.connections.values()) {
      // Where no answer comes the connection is given up, as with any command.
      if (connection.status === 'ready') connection.ping().catch(() => {});
    }
  }

  private placeAll(): void {
    const masters = mastersOf(this.redis);
    for (const [master, connection] of this.connections) {
      if (masters.includes(master)) continue;
      this.connections.delete(master);
      connection.disconnect();
      this.lose(connection);
    }
    for (const channel of this.channels.values()) this.place(channel);
  }

  /** Subscribes a channel where it belongs now, unless it is there or this is not possible yet. */
  private place(channel: Channel): void {
    const master = masterOf(this.redis, channel.slot);
    if (!master) return;
    const connection = this.connections.get(master) ?? this.connect(master);
    if (channel.connection === connection || connection.status !== 'ready') return;
    if (channel.connection) this.loseChannel(channel);
    channel.connection = connection;
    const isCurrent = () => channel.connection === connection && this.channels.get(channel.name) === channel;
    connection.ssubscribe(channel.name).then(
      () => isCurrent() && this.hear(channel),
      (error: Error) => {
        // Lost again, moved, or the cluster is down: it is placed anew at the next look.
        if (isCurrent()) channel.connection = undefined;
        this.options.onError(error);
      },
    );
  }

  private hear(channel: Channel): void {
    channel.heard = true;
    for (const { resolve } of channel.waiting.splice(0)) resolve();
    if (channel.lost) channel.listener.onBack?.();
    channel.lost = false;
  }

  private connect(master: Redis): Redis {
    const connection = master.duplicate({
      lazyConnect: false,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: pauseBeforeReconnecting,
    });
    this.connections.set(master, connection);
    connection.on('error', this.options.onError);
    connection.on('ready', this.look);
    connection.on('close', () => this.lose(connection));
    // Redis has ended a subscription, because the slot of its channel moved; it does not matter which.
    connection.on('moved', () => {
      this.lose(connection);
      if (this.redis instanceof Cluster) this.redis.refreshSlotsCache();
    });
    // Not 'smessage': with a listener to that, ioredis decodes all that is published, readings included.
    connection.on('smessageBuffer', (channel: Buffer, message: Buffer) => {
      this.channels.get(channel.toString())?.listener.onMessage(message);
    });
    return connection;
  }

  private lose(connection: Redis): void {
    for (const channel of this.channels.values()) if (channel.connection === connection) this.loseChannel(channel);
  }

  private loseChannel(channel: Channel): void {
    channel.connection = undefined;
    if (!channel.heard) return;
    channel.heard = false;
    channel.lost = true;
    channel.listener.onLost?.();
  }
}
