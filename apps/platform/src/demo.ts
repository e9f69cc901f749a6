import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readOrCreateSecret } from '@motience/engines';
import { Refusal } from '@motience/protocol';
import { AuthClient, type Session, SubscriptionsClient } from '@motience/sdk';
import { DemoListing } from './demo-listing.ts';
import type { DemoAccount } from './page-server.ts';

export interface Demo {
  producer: DemoAccount & { passwordFile: string };
  consumer: DemoAccount & { passwordFile: string };
  /** This machine, as the demo producer's device. */
  deviceId: string;
  /** Shows what the device's readings look like in the catalogue, once there are some; rejects when cancelled. */
  describe(signal: AbortSignal): Promise<void>;
}

interface DemoOptions {
  dataDir: string;
  authUrl: string;
  subscriptionUrl: string;
}

/**
 * Makes the demo accounts, over HTTP as anyone would, lists the producer's stream and subscribes the consumer to it; on
 * later runs they are as they were. Passwords are this installation's own, each in a file only its owner can read.
 */
export async function prepareDemo({ dataDir, authUrl, subscriptionUrl }: DemoOptions): Promise<Demo> {
  const auth = new AuthClient({ authUrl });
  const deviceId = deviceIdOf(hostname());
  const folder = join(dataDir, 'demo');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const account = async (role: 'producer' | 'consumer') => {
    const passwordFile = join(folder, `${role}.password`);
    return { username: `demo-${role}`, password: await readOrCreateSecret(passwordFile), passwordFile };
  };
  const [producer, consumer] = await Promise.all([account('producer'), account('consumer')]);
  const [producerSession, consumerSession] = await Promise.all([
    signIn(auth, producer, 'producer'),
    signIn(auth, consumer, 'consumer'),
  ]);
  await unlessConflict(producerSession.addDevice({ device_id: deviceId, name: 'The machine Motience runs on' }));
  const listing = new DemoListing(producerSession, subscriptionUrl);
  await listing.publish();
  const subscriptions = new SubscriptionsClient({ subscriptionUrl, session: consumerSession });
  await subscriptions.subscribe(producerSession.user.id);
  await consumerSession.logout();
  const describe = async (signal: AbortSignal) => {
    try {
      await listing.describe(signal);
    } finally {
      await producerSession.logout();
    }
  };
  return { producer, consumer, deviceId, describe };
}

async function signIn(auth: AuthClient, account: Demo['producer'], role: 'producer' | 'consumer'): Promise<Session> {
  const { username, password } = account;
  await unlessConflict(auth.register({ username, password, role, name: `Demo ${role}` }));
  try {
    return await auth.login({ username, password });
  } catch (error) {
    const isOther = error instanceof Refusal && error.kind === 'unauthenticated';
    throw isOther
      ? new Error(`the account ${username} has another password than the one in ${account.passwordFile}`)
      : error;
  }
}

/** Lets pass that something exists already. */
async function unlessConflict(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Refusal && error.kind === 'conflict')) throw error;
  }
}

/** The machine's name in the characters a device_id may have. */
function deviceIdOf(machine: string): string {
  return machine.replace(/[^A-Za-z0-9._:-]+/g, '-').slice(0, 128) || 'this-machine';
}
