import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Account, request, signUp, subscribe } from './accounts.ts';
import { SocketClient } from './socket-client.ts';
import { createAdmin } from './support/create-admin.ts';
import { ask, exampleListing, listStream, topUp } from './support/market.ts';
import { findChromium, launchChromium, type Tester, TesterPages, watchForFaults } from './support/tester-pages.ts';

const chromiumPath = findChromium();
const isRequired = Boolean(process.env.CI);
if (!chromiumPath && !isRequired) {
  console.warn('\n!!! The tester pages are NOT tested: no Chromium was found. Install it, or set CHROMIUM_PATH.\n');
}

const password = 'correct horse';
const newName = (role: Tester) => `${role}-${randomBytes(5).toString('hex')}`;

describe.skipIf(!chromiumPath && !isRequired)('the tester pages in a browser', () => {
  let pages: TesterPages;
  let browser: Browser;
  let faults: string[] = [];
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    if (!chromiumPath) throw new Error('CI needs a Chromium: none was found, and CHROMIUM_PATH names none');
    [pages, browser] = await Promise.all([TesterPages.start(), launchChromium(chromiumPath)]);
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.stop();
  });

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    expect(faults).toEqual([]);
  });

  async function openPage(tester: Tester, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(10_000);
    closers.push(() => context.close());
    const page = await context.newPage();
    faults = watchForFaults(page);
    await page.goto(pages.url(tester));
    return page;
  }

  async function register(page: Page, tester: Tester, name = newName(tester), deviceId?: string): Promise<string> {
    await page.getByText('Register', { exact: true }).click();
    await page.getByLabel('Username').fill(name);
    await page.getByLabel('Password').fill(password);
    if (deviceId !== undefined) await page.getByLabel('First device').fill(deviceId);
    await page.getByRole('button', { name: `Register as a ${tester}` }).click();
    await connected(page);
    return name;
  }

  async function signIn(page: Page, account: { username: string; password: string }): Promise<void> {
    await page.getByLabel('Username').fill(account.username);
    await page.getByLabel('Password').fill(account.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  const connected = (page: Page) => page.locator('[data-testid=connection][data-phase=open]').waitFor();
  /** Waits until the gateway has said, `times` times, that readings come from here on. */
  const receiving = (page: Page, words: string, times = 1) =>
    eventually(() => page.getByTestId('connection-history').getByText(words).count(), times);
  const figure = (page: Page, name: string) => page.getByTestId(`figure-${name}`).textContent();

  async function eventually<Value>(read: () => Promise<Value>, expected: Value): Promise<void> {
    await expect.poll(read, { timeout: 30_000, interval: 50 }).toEqual(expected);
  }

  /** A producer that sends from outside of the page. */
  async function openProducer(): Promise<{ account: Account; send(data: object, deviceId?: string): void }> {
    const account = await signUp(pages.services, 'producer', ['pump', 'fan']);
    const socket = await SocketClient.open(pages.services.socketUrl('producer'), account.token);
    closers.push(async () => socket.close());
    const send = (data: object, deviceId = 'pump') =>
      socket.send({ device_id: deviceId, timestamp: new Date().toISOString(), data });
    return { account, send };
  }

  /** Sends a reading and waits until it is in the stream, as a consumer of its own sees it. */
  async function sendStored(send: (data: object) => void, producer: Account, data: object): Promise<void> {
    const witness = await signUp(pages.services, 'consumer');
    await subscribe(pages.services, witness, producer);
    const socket = await SocketClient.open(pages.services.socketUrl('consumer'), witness.token);
    closers.push(async () => socket.close());
    await eventually(async () => socket.frames('welcome').length, 1);
    send(data);
    await eventually(async () => socket.readings().length, 1);
  }

  /** The consumer page of a consumer that is subscribed to the producer. */
  async function openSubscribed(producer: Account, options?: BrowserContextOptions): Promise<Page> {
    const consumer = await signUp(pages.services, 'consumer');
    await subscribe(pages.services, consumer, producer);
    const page = await openPage('consumer', options);
    await signIn(page, consumer);
    await receiving(page, 'Receiving 1 stream.');
    return page;
  }

  const rows = (page: Page) => page.getByTestId('readings').locator('tbody tr');

  describe('signing in', () => {
    it('says next to each field what is wrong with it, and moves the focus there', async () => {
      const page = await openPage('producer');
      await page.getByText('Register', { exact: true }).click();
      await page.getByLabel('Username').fill('a b');
      await page.getByLabel('Password').fill('short');
      await page.getByLabel('First device').fill('no/slash');
      await page.getByRole('button', { name: 'Register as a producer' }).click();
      for (const [label, words] of [
        ['Username', 'Expected 3 to 64'],
        ['Password', 'Expected 7 to 256'],
        ['First device', 'Expected 1 to 128'],
      ] as const) {
        const field = page.getByLabel(label);
        await eventually(() => field.getAttribute('aria-invalid'), 'true');
        const about = await field.getAttribute('aria-describedby');
        expect(await page.locator(`[id="${about}"]`).textContent()).toContain(words);
      }
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('name')), 'username');
    });

    it('says that a name is taken next to the name', async () => {
      const { username } = await signUp(pages.services, 'consumer');
      const page = await openPage('consumer');
      await page.getByText('Register', { exact: true }).click();
      await page.getByLabel('Username').fill(username);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Register as a consumer' }).click();
      await page.getByText('This name is taken.').waitFor();
    });

    it('says when name and password do not belong together, and takes no account of the other role', async () => {
      const producer = await signUp(pages.services, 'producer', ['pump']);
      const page = await openPage('consumer');
      await signIn(page, { ...producer, password: 'something else' });
      const alert = page.getByRole('alert');
      await alert.waitFor();
      const first = await alert.textContent();
      await signIn(page, producer);
      await page.getByText('This page is for consumers').waitFor();
      expect(first).not.toContain('consumers');
      expect(await page.getByTestId('connection').count()).toBe(0);
    });

    it('keeps tokens out of addresses, cookies and storage, and forgets them at a reload', async () => {
      const page = await openPage('producer');
      const addresses: string[] = [];
      page.on('request', (sent) => addresses.push(sent.url()));
      page.on('websocket', (socket) => addresses.push(socket.url()));
      await register(page, 'producer', newName('producer'), 'pump');
      expect(addresses.some((address) => address.startsWith('ws:'))).toBe(true);
      for (const address of addresses) expect(address).not.toMatch(/token|eyJ|mrt_|bearer/i);
      const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
      expect(kept).toEqual([0, 0, '']);
      await page.reload();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    });

    it('works by keyboard alone', async () => {
      const page = await openPage('consumer');
      await page.getByLabel('Username').waitFor();
      for (let step = 0; step < 12; step += 1) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(() => document.activeElement?.getAttribute('type') === 'radio')) break;
      }
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Tab');
      await page.keyboard.type(newName('consumer'));
      await page.keyboard.press('Tab');
      await page.keyboard.type(password);
      await page.keyboard.press('Enter');
      await connected(page);
    });

    it('signs out, which closes the socket', async () => {
      const page = await openPage('producer');
      const closed = page.waitForEvent('websocket').then((socket) => socket.waitForEvent('close'));
      await register(page, 'producer', newName('producer'), 'pump');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await closed;
    });
  });

  describe('the producer tester', () => {
    it('checks JSON as it is typed, and sends nothing that is not valid', async () => {
      const page = await openPage('producer');
      await register(page, 'producer', newName('producer'), 'rpi_001');
      const sendOnce = page.getByRole('button', { name: 'Send once' });
      await eventually(() => sendOnce.isEnabled(), true);
      const editor = page.getByTestId('editor');
      const good = await editor.inputValue();
      expect(good).toContain('"device_id": "rpi_001"');
      for (const [text, problem] of [
        [good.slice(0, -3), 'expected JSON'],
        [good.replace('"data"', '"date"'), '"date" is not a field of a reading'],
        [good.replace(/"timestamp": "[^"]*"/, '"timestamp": "yesterday"'), 'timestamp: expected an RFC 3339'],
      ] as const) {
        await editor.fill(text);
        await eventually(async () => (await page.getByTestId('verdict').textContent())?.includes(problem), true);
        for (const name of ['Send once', 'Repeat', 'Send burst']) {
          expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
        }
      }
      await editor.fill(good);
      await eventually(() => sendOnce.isEnabled(), true);
    });

    it('shows each acknowledgement and refusal next to what was sent, and counts them', async () => {
      const page = await openPage('producer');
      await register(page, 'producer', newName('producer'), 'rpi_001');
      const sent = page.getByTestId('sent').locator('li');
      await page.getByRole('button', { name: 'Send once' }).click();
      await eventually(() => sent.first().getAttribute('data-status'), 'acknowledged');
      expect(await sent.first().textContent()).toMatch(/rpi_001Acknowledged in/);

      await page.getByLabel('Burst size').fill('1200');
      await page.getByRole('button', { name: 'Send burst' }).click();
      await eventually(() => sent.first().getAttribute('data-status'), 'acknowledged');
      expect(await sent.first().textContent()).toContain('1,200 readings of rpi_001');

      const editor = page.getByTestId('editor');
      await editor.fill((await editor.inputValue()).replace('rpi_001', 'rpi_999'));
      await page.getByText('rpi_999 is not among your devices').waitFor();
      await page.getByRole('button', { name: 'Send once' }).click();
      await eventually(() => sent.first().getAttribute('data-status'), 'refused');
      expect(await sent.first().textContent()).toContain('not-found');

      expect(await sent.count()).toBe(3);
      await eventually(() => figure(page, 'sent'), '1,202');
      await eventually(() => figure(page, 'stored'), '1,201');
      await eventually(() => figure(page, 'refused'), '1');
    });

    it('sends every so often until stopped, each reading with the time it is sent', async () => {
      const page = await openPage('producer');
      await register(page, 'producer', newName('producer'), 'rpi_001');
      await page.getByLabel('Interval in ms').fill('50');
      await page.getByRole('button', { name: 'Repeat' }).click();
      const sent = page.getByTestId('sent').locator('li');
      await expect.poll(() => sent.count(), { timeout: 30_000 }).toBeGreaterThan(4);
      await page.getByRole('button', { name: 'Stop' }).click();
      const count = await sent.count();
      const times = await sent.locator('pre').allTextContents();
      expect(new Set(times.map((text) => JSON.parse(text).timestamp)).size).toBeGreaterThan(3);
      await eventually(() => page.getByRole('button', { name: 'Repeat' }).isEnabled(), true);
      await eventually(() => figure(page, 'waiting'), '0');
      expect(await sent.count()).toBeLessThanOrEqual(count + 1);
      await page.getByLabel('Interval in ms').fill('1');
      await page.getByText('10 to 3,600,000').waitFor();
    });

    it('adds a device, chooses it, and refuses a second one of that name', async () => {
      const page = await openPage('producer');
      await register(page, 'producer');
      await page.getByLabel('Add your first device').fill('fan');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await eventually(
        async () => (await page.getByTestId('editor').inputValue()).includes('"device_id": "fan"'),
        true,
      );
      await page.getByRole('button', { name: 'Add device' }).click();
      await page.getByLabel('New device').fill('fan');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await eventually(() => page.getByLabel('New device').getAttribute('aria-invalid'), 'true');
      await page.getByLabel('New device').fill('pump');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await eventually(() => page.getByLabel('Device', { exact: true }).inputValue(), 'pump');
      await page.getByLabel('Device', { exact: true }).selectOption('fan');
      await page.getByRole('button', { name: 'Send once' }).click();
      await eventually(
        () => page.getByTestId('sent').locator('li').first().getAttribute('data-status'),
        'acknowledged',
      );
    });

    it('says why a session that was ended elsewhere is over', async () => {
      const account = await signUp(pages.services, 'producer', ['pump']);
      const page = await openPage('producer');
      await signIn(page, account);
      await connected(page);
      const reply = await request(`${pages.services.httpUrl('auth-api')}/me/password`, {
        method: 'PUT',
        token: account.token,
        body: { current_password: account.password, new_password: 'another password' },
      });
      expect(reply.status).toBeLessThan(300);
      await page.getByText('You were signed out').waitFor();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
    });
  });

  describe('selling on the producer tester', () => {
    /** The producer page of a producer made outside of it, whose offers can be asked for beside it. */
    async function openSeller(options?: BrowserContextOptions) {
      const account = await signUp(pages.services, 'producer', ['pump']);
      const page = await openPage('producer', options);
      const own = (call: string, body?: unknown) =>
        ask(pages.services, 'subscription-manager', call, { as: account, body });
      return { account, page, own };
    }

    /** What stands next to a field, once it is marked as wrong. */
    async function mistake(field: Locator): Promise<string | null> {
      await eventually(() => field.getAttribute('aria-invalid'), 'true');
      const about = await field.getAttribute('aria-describedby');
      return field.page().locator(`[id="${about}"]`).textContent();
    }

    const save = (page: Page, name: string) => page.getByRole('button', { name }).click();
    const status = (page: Page, words: string) =>
      eventually(() => page.getByTestId('listing-status').textContent(), words);
    const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

    it('says next to each field of the listing what the service expects, and moves the focus there', async () => {
      const { account, page } = await openSeller();
      await signIn(page, account);
      await page.getByLabel('Title').fill('Roof');
      await page.getByLabel('Tags').fill(`wind, ${'t'.repeat(41)}`);
      await page.getByLabel('Latitude').fill('north');
      await save(page, 'Save as a draft');
      for (const [label, words] of [
        ['Description', 'Expected 1 to 5000 characters.'],
        ['Category', 'Expected 1 to 40 characters.'],
        ['Tags', 'Expected 1 to 40 characters.'],
        ['Latitude', 'Expected degrees from -90 to 90.'],
      ] as const) {
        expect(await mistake(page.getByLabel(label, { exact: true }))).toBe(words);
      }
      expect(await page.getByLabel('Title').getAttribute('aria-invalid')).toBeNull();
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('name')), 'description');
      await status(page, 'Not listed');
    });

    it('lists the stream, shows it to everybody, and takes it out again', async () => {
      const { account, page, own } = await openSeller();
      const title = `Roof ${randomBytes(5).toString('hex')}`;
      const found = async () => (await own(`GET /listings?q=${encodeURIComponent(title)}`)).items;
      await signIn(page, account);
      await page.getByLabel('Title').fill(title);
      await page.getByLabel('Description').fill('Once a second.\nSince 2025.');
      await page.getByLabel('Category').fill('weather');
      await page.getByLabel('Tags').fill('Wind, rooftop');
      await page.getByLabel('Place name').fill('Lisbon');
      await page.getByLabel('Latitude').fill('38.72');
      await page.getByLabel('Longitude').fill('-9.14');
      await save(page, 'Save as a draft');
      await status(page, 'Draft');
      expect(await own('GET /listing')).toMatchObject({
        ...{ title, description: 'Once a second.\nSince 2025.', category: 'weather', tags: ['wind', 'rooftop'] },
        place: { name: 'Lisbon', region: null, latitude: 38.72, longitude: -9.14 },
      });
      expect(await found()).toEqual([]);
      await save(page, 'Publish');
      await status(page, 'Published');
      expect(await found()).toHaveLength(1);
      await save(page, 'Pause');
      await status(page, 'Paused');
      expect(await found()).toEqual([]);
    });

    it('edits by keyboard, and leaves alone what it does not ask for', async () => {
      const { account, page, own } = await openSeller();
      await own('PUT /listing', { ...exampleListing, terms: 'No resale.', approval: 'by-producer' });
      await signIn(page, account);
      await page.getByRole('button', { name: 'Edit the listing' }).press('Enter');
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('name')), 'title');
      await page.keyboard.press('ControlOrMeta+A');
      await page.keyboard.type('Pump house 8');
      await page.keyboard.press('Enter');
      await page.getByText('Pump house 8').waitFor();
      await eventually(() => focused(page), 'Edit');
      const { title, terms, approval, place } = await own('GET /listing');
      expect({ title, terms, approval, place }).toEqual({
        ...{ title: 'Pump house 8', terms: 'No resale.', approval: 'by-producer', place: exampleListing.place },
      });
    });

    it('shows readings of the past to everybody once there are some, and removes them', async () => {
      const { account, page, own } = await openSeller();
      await own('PUT /listing', exampleListing);
      await own('POST /listing/publish');
      await signIn(page, account);
      await save(page, 'Show the last 10 readings');
      await page.getByText('No reading of your stream is stored yet; send some first.').waitFor();
      await save(page, 'Send once');
      await page.locator('[data-status=acknowledged]').waitFor();
      // The platform stores readings a moment after it has acknowledged them.
      const sample = page.getByTestId('sample');
      await expect
        .poll(
          async () => {
            if ((await sample.count()) === 0) await save(page, 'Show the last 10 readings');
            return sample.count();
          },
          { timeout: 30_000 },
        )
        .toBe(1);
      expect(await sample.textContent()).toContain('"temperature":');
      const shown = await own(`GET /listings/${account.id}/preview`);
      expect(shown.readings).toHaveLength(1);
      await save(page, 'Remove the sample');
      await page.getByText('consumers see no reading before they subscribe').waitFor();
      expect((await own('GET /listing')).sample_taken_at).toBeNull();
    });

    it('offers a plan of each kind, with mistakes next to their fields', async () => {
      const { account, page, own } = await openSeller();
      await own('PUT /listing', exampleListing);
      await signIn(page, account);
      const form = page.getByRole('form', { name: 'New plan' });
      const offer = async (kind: string, fields: Record<string, string>) => {
        await page.getByRole('button', { name: 'Add a plan' }).click();
        await form.getByLabel('Name').fill(`Plan ${kind}`);
        await form.getByLabel('Kind').selectOption(kind);
        for (const [label, text] of Object.entries(fields)) await form.getByLabel(label, { exact: true }).fill(text);
        await save(page, 'Offer this plan');
      };
      await offer('per-reading', { 'Price of a reading': 'much', Trial: 'x', 'Notice in days': '367' });
      for (const [label, words] of [
        ['Price of a reading', 'Expected an amount as a decimal text'],
        ['Trial', 'Expected {"readings": N}'],
        ['Notice in days', 'Expected at most 366.'],
      ] as const) {
        expect(await mistake(form.getByLabel(label, { exact: true }))).toContain(words);
      }
      await save(page, 'Cancel');
      await offer('free', {});
      await offer('per-reading', { 'Price of a reading': '0.01', Trial: '5' });
      await offer('per-1000-readings', { 'Price of 1,000 readings': '0.25', 'Notice in days': '30' });
      await offer('per-megabyte', { 'Price of a MB': '2', 'At most a month': '20' });
      await offer('per-time', { 'Price of the time': '1.5', 'Longest silence in s': '60' });
      await offer('monthly', { 'Price of a month': '9', 'Readings included': '1000', 'Price of 1,000 more': '0.1' });
      const offered = page.getByRole('list', { name: 'Offered plans' }).locator('li');
      await eventually(() => offered.count(), 6);
      const items = await ask(pages.services, 'subscription-manager', 'GET /plans', { as: account });
      expect(items.items).toMatchObject([
        { name: 'Plan free', terms: { kind: 'free' } },
        { terms: { kind: 'per-reading', price: '0.01', currency: 'EUR', trial: { readings: 5 } } },
        { terms: { kind: 'per-1000-readings', price: '0.25', minimum_notice_days: 30 } },
        { terms: { kind: 'per-megabyte', price: '2.00', maximum_monthly_charge: '20.00' } },
        { terms: { kind: 'per-time', price: '1.50', per: 'hour' }, max_silence_seconds: 60 },
        { terms: { kind: 'monthly', quota_readings: 1000, beyond_quota: { price_per_1000_readings: '0.10' } } },
      ]);
      expect(await offered.last().textContent()).toContain(
        '9.00 EUR a month for 1,000 readings, then 0.10 EUR per 1,000',
      );
    });

    it('ends a plan by keyboard, once it was asked for twice', async () => {
      const { account, page, own } = await openSeller();
      const [kept, ended] = await listStream(pages.services, account, {}, [
        { name: 'Kept', terms: { kind: 'free' } },
        { name: 'By the reading', terms: { kind: 'per-reading', price: '0.01', currency: 'EUR' } },
      ]);
      await signIn(page, account);
      await page.getByRole('button', { name: 'End the plan By the reading' }).press('Enter');
      await eventually(() => focused(page), 'End this plan');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await eventually(() => focused(page), 'End');
      await page.keyboard.press('Enter');
      await eventually(() => focused(page), 'End this plan');
      await page.keyboard.press('Enter');
      await page.getByText('Ended plans (1)').waitFor();
      await eventually(() => focused(page), 'Add a plan');
      await page.getByText('1 plan offered').waitFor();
      const { items } = await own(`GET /producers/${account.id}/plans`);
      expect(items).toMatchObject([{ id: kept }]);
      await page.getByText('Ended plans (1)').click();
      expect(await page.locator(`[data-plan="${ended}"]`).textContent()).toContain('Ended');
    });

    it('shows what was measured, and what was earned with which plan, also while one of both is away', async () => {
      const admin = await createAdmin(pages.services);
      const { account, send } = await openProducer();
      const terms = { kind: 'per-reading', price: '0.10', currency: 'EUR' };
      const [plan] = await listStream(pages.services, account, {}, [{ name: 'By the reading', terms }]);
      const consumer = await signUp(pages.services, 'consumer');
      await topUp(pages.services, admin, consumer, '1.00');
      const body = { producer_id: account.id, plan_id: plan };
      await ask(pages.services, 'subscription-manager', 'POST /subscribe', { as: consumer, body });
      const socket = await SocketClient.open(pages.services.socketUrl('consumer'), consumer.token);
      closers.push(async () => socket.close());
      await eventually(async () => socket.frames('welcome').length, 1);
      const page = await openPage('producer');
      await signIn(page, account);
      await page.getByText('Nothing yet.').waitFor();
      for (let number = 1; number <= 4; number += 1) send({ number });
      await expect.poll(() => page.getByTestId('earned-EUR').count(), { timeout: 40_000 }).toBe(1);
      expect(await page.getByTestId('earned-EUR').textContent()).toBe('0.36');
      expect(await page.getByTestId(`sold-${plan}`).textContent()).toBe('4 readings delivered, 0.36 EUR earned');
      expect(await page.getByTestId('earnings').textContent()).toContain('0.40 charged in the last year, 0.04 of it');
      await page.getByText('of 1 over 30 d').waitFor();

      await pages.services.end('billing-api', 'SIGTERM');
      try {
        await page.reload();
        await signIn(page, account);
        await page.getByText('The billing service does not answer.').waitFor();
        await save(page, 'Pause');
        await status(page, 'Paused');
      } finally {
        await pages.services.launch('billing-api');
      }
    });
  });

  describe('the consumer tester', () => {
    it('finds a producer, subscribes, receives live, and stops at once after unsubscribing', async () => {
      const { account, send } = await openProducer();
      const page = await openPage('consumer');
      await register(page, 'consumer');
      await page.getByText('Nothing to receive yet').waitFor();
      await page.getByText('All producers', { exact: true }).click();
      await page.getByLabel('Search by name').fill(account.username.slice(0, -1).toUpperCase());
      await page.getByRole('button', { name: `Subscribe to ${account.username}` }).click();
      await page.getByTestId('subscriptions').getByText(account.username).waitFor();
      await page.getByText('Waiting for the first reading').waitFor();
      await receiving(page, `Receiving the stream of ${account.username}.`);

      send({ temperature: 24.3 });
      await eventually(() => rows(page).count(), 1);
      expect(await rows(page).first().textContent()).toMatch(
        new RegExp(`${account.username}pump1.*"temperature":24.3`),
      );

      await page.getByRole('button', { name: `Unsubscribe from ${account.username}` }).click();
      await page.getByText('No subscriptions yet').waitFor();
      send({ temperature: 99 });
      await page.getByTestId('connection-history').getByText('has ended').waitFor({ state: 'attached' });
      expect(await rows(page).count()).toBe(1);
    });

    it('offers the demo account: one click, and readings move', async () => {
      const { account, send } = await openProducer();
      const demo = await signUp(pages.services, 'consumer');
      await subscribe(pages.services, demo, account);
      pages.demoConsumer = demo;
      const page = await openPage('consumer');
      await page.getByRole('button', { name: 'Use the demo account' }).click();
      await receiving(page, 'Receiving 1 stream.');
      send({ load: 1 });
      await eventually(() => rows(page).count(), 1);
      pages.demoConsumer = undefined;
    });

    it('draws a chart per numeric field with a line per device, and shows rate and latency', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      for (const deviceId of ['pump', 'fan'])
        send({ temperature: 24.3, cpu: { load: 0.5 }, note: 'no number' }, deviceId);
      const charts = page.getByTestId('chart');
      await eventually(() => charts.count(), 2);
      const fields = await charts.evaluateAll((found) => found.map((chart) => chart.getAttribute('data-field')));
      expect(fields).toEqual(['temperature', 'cpu.load']);
      await eventually(() => charts.first().locator('.legend li').count(), 2);
      await eventually(() => charts.first().locator('canvas').count(), 1);
      await expect.poll(() => figure(page, 'rate')).not.toBe('0');
      expect(await figure(page, 'latency')).toMatch(/ms$|s$/);
    });

    it('holds the table still while paused, filters it, and goes on', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      send({ marker: 'alpha' });
      send({ marker: 'beta' }, 'fan');
      await eventually(() => rows(page).count(), 2);
      await page.getByRole('button', { name: 'Pause' }).click();
      send({ marker: 'gamma' });
      await page.getByText('Paused, 1 newer reading').waitFor();
      expect(await rows(page).count()).toBe(2);

      await page.getByLabel('Filter').fill('FAN beta');
      await eventually(() => rows(page).count(), 1);
      await page.getByLabel('Filter').fill('gamma');
      await page.getByText('Nothing matches the filter').waitFor();
      await page.getByRole('button', { name: 'Resume' }).click();
      await eventually(() => rows(page).count(), 1);
      await page.getByLabel('Filter').fill('');
      await eventually(() => rows(page).count(), 3);
    });

    it('saves what was received, byte for byte, one reading a line', async () => {
      const { account, send } = await openProducer();
      const listener = await signUp(pages.services, 'consumer');
      await subscribe(pages.services, listener, account);
      const socket = await SocketClient.open(pages.services.socketUrl('consumer'), listener.token);
      closers.push(async () => socket.close());
      await eventually(async () => [socket.closed, socket.frames('welcome').length], [undefined, 1]);
      const page = await openSubscribed(account);
      for (let number = 0; number < 5; number += 1) send({ number, text: 'ü "quoted"' });
      await eventually(async () => [socket.closed, socket.readings().length], [undefined, 5]);
      await eventually(() => rows(page).count(), 5);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download' }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^motience-readings-.*\.jsonl$/);
      const saved = await readFile(await download.path(), 'utf8');
      const received = socket.texts.filter((text) => !text.includes('"type"'));
      expect(saved).toBe(received.map((text) => `${text}\n`).join(''));
    });

    it('stays bounded and usable when thousands come', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      for (let number = 0; number < 3_000; number += 1) send({ number });
      await eventually(() => figure(page, 'received'), '3,000');
      await eventually(async () => (await rows(page).first().textContent())?.includes('"number":2999'), true);
      expect(await rows(page).count()).toBe(100);
    });

    it('says in words that the gateway stopped, and goes on once it is back', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      try {
        await pages.services.end('consumer-gateway', 'SIGTERM');
        await eventually(() => page.getByTestId('connection').textContent(), 'Reconnecting');
        await page.getByText(/(stopping or restarting|could not be reached).*Trying again/).waitFor();
      } finally {
        await pages.services.launch('consumer-gateway');
      }
      await connected(page);
      await receiving(page, 'Receiving 1 stream.', 2);
      send({ after: 'restart' });
      await eventually(() => rows(page).count(), 1);
      await page.getByText(/^History/).click();
      await page
        .getByTestId('connection-history')
        .getByText(/stopping or restarting.*code 1001/)
        .waitFor();
    });

    it('disconnects when asked to, and connects where it stopped or with what is live', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      const disconnect = async () => {
        await page.getByRole('button', { name: 'Disconnect' }).click();
        await eventually(() => page.getByTestId('connection').textContent(), 'Disconnected');
      };
      send({ marker: 'first' });
      await eventually(() => rows(page).count(), 1);
      await disconnect();
      await sendStored(send, account, { marker: 'while away' });
      await page.getByRole('button', { name: 'Resume where I stopped' }).click();
      await eventually(() => rows(page).count(), 2);
      await disconnect();
      await sendStored(send, account, { marker: 'left out' });
      await page.getByRole('button', { name: 'Start with what is live' }).click();
      await connected(page);
      await receiving(page, 'Receiving 1 stream.', 3);
      send({ marker: 'live' });
      await eventually(() => rows(page).count(), 3);
      expect(await page.getByTestId('readings').textContent()).not.toContain('left out');
    });

    it('resumes where it stopped after a reload, and says so', async () => {
      const { account, send } = await openProducer();
      const consumer = await signUp(pages.services, 'consumer');
      await subscribe(pages.services, consumer, account);
      const page = await openPage('consumer');
      await signIn(page, consumer);
      await receiving(page, 'Receiving 1 stream.');
      for (const number of [1, 2]) send({ number });
      await eventually(() => rows(page).count(), 2);
      await page.reload();
      for (const number of [3, 4]) await sendStored(send, account, { number });
      await signIn(page, consumer);
      await eventually(() => rows(page).count(), 2);
      expect(await rows(page).last().textContent()).toContain('"number":3');
      await receiving(page, `${account.username}: resumed after reading 2.`);
      const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
      expect(kept).not.toMatch(/token|eyJ|mrt_/i);
    });

    it('tells a gap in words', async () => {
      const { account, send } = await openProducer();
      const consumer = await signUp(pages.services, 'consumer');
      await subscribe(pages.services, consumer, account);
      const page = await openPage('consumer');
      await signIn(page, consumer);
      await receiving(page, 'Receiving 1 stream.');
      send({ number: 1 });
      await eventually(() => rows(page).count(), 1);
      await page.getByRole('button', { name: `Unsubscribe from ${account.username}` }).click();
      await page.getByText('No subscriptions yet').waitFor();
      for (const number of [2, 3]) await sendStored(send, account, { number });
      await subscribe(pages.services, consumer, account);
      await receiving(page, '2 readings (2 to 3) will not come: there was no active subscription then.');
      send({ number: 4 });
      await eventually(() => rows(page).count(), 2);
      await page.getByTestId('subscriptions').getByText('2 missing').waitFor();
    });
  });

  describe('the marketplace on the consumer tester', () => {
    const perReading = (trial: number) => ({
      name: 'By the reading',
      terms: { kind: 'per-reading', price: '0.01', currency: 'EUR', trial: { readings: trial } },
    });
    const newTitle = () => `Pump house ${randomBytes(5).toString('hex')}`;
    const listed = (page: Page, title: string) => page.getByTestId('listings').locator('li', { hasText: title });

    /** The consumer page of a consumer without subscriptions, with what a search in the catalogue found. */
    async function openCatalogue(title: string, options?: BrowserContextOptions) {
      const consumer = await signUp(pages.services, 'consumer');
      const page = await openPage('consumer', options);
      await signIn(page, consumer);
      await page.getByLabel('Search the catalogue').fill(title);
      await eventually(() => page.getByTestId('listings').locator('li').count(), 1);
      return { consumer, page, entry: listed(page, title) };
    }

    it('finds a listed stream by words, category, region and price, and shows what it is', async () => {
      const { account, send } = await openProducer();
      await sendStored(send, account, { bar: 1 });
      const title = newTitle();
      await listStream(pages.services, account, { title, category: 'water' }, [perReading(3)]);
      const sample = { method: 'POST', token: account.token, body: { readings: 1 } };
      const sampleUrl = `${pages.services.httpUrl('subscription-manager')}/listing/sample`;
      await eventually(async () => (await request(sampleUrl, sample)).status, 200);
      const { page, entry } = await openCatalogue(title);
      const text = await entry.textContent();
      expect(text).toContain('water · Leiden, NL-ZH');
      expect(text).toContain('0.01 EUR per reading, first 3 readings free');
      expect(text).toContain('Nothing measured yet');

      await page.getByText('Narrow it down').click();
      const narrow = async (label: string, fits: string, fitsNot: string) => {
        await page.getByLabel(label).fill(fitsNot);
        await page.getByText('Nothing is listed that fits').waitFor();
        await page.getByLabel(label).fill(fits);
        await eventually(() => listed(page, title).count(), 1);
      };
      await narrow('Category', 'Water', 'weather');
      await narrow('Region', 'nl-zh', 'PT');
      await narrow('Price at most', '10', '9.99');
      await page.getByLabel('Price at most').fill('cheap');
      await page.getByText('Expected an amount such as 0.50.').waitFor();

      await entry.getByText('About this stream').click();
      await eventually(async () => (await entry.getByTestId('sample').textContent())?.includes('{"bar":1}'), true);
      expect(await entry.textContent()).toContain('no reading measured');
    });

    it('shows the plans where one has to be named, and subscribes on the one that is chosen', async () => {
      const { account } = await openProducer();
      const title = newTitle();
      const quarterly = { name: 'By the thousand', terms: { ...perReading(1).terms, kind: 'per-1000-readings' } };
      await listStream(pages.services, account, { title }, [perReading(1), quarterly]);
      const { page, entry } = await openCatalogue(title);
      await entry.getByRole('button', { name: `Subscribe to ${title}` }).press('Enter');
      // By keyboard alone: the focus is among the plans.
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('name')), 'plan');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByTestId('subscriptions').getByText('0.01 EUR per 1,000 readings, first 1 reading free').waitFor();
      await entry.getByText('Subscribed').waitFor();

      // The same where it was found among all producers.
      await page.getByRole('button', { name: `Unsubscribe from ${account.username}` }).click();
      await page.getByText('No subscriptions yet').waitFor();
      await page.getByText('All producers', { exact: true }).click();
      await page.getByLabel('Search by name').fill(account.username);
      await page.getByRole('button', { name: `Subscribe to ${account.username}` }).click();
      await page.getByLabel('By the reading').check();
      await page.getByRole('button', { name: 'Subscribe on this plan' }).click();
      await page.getByTestId('subscriptions').getByText('0.01 EUR per reading').waitFor();
    });

    it('shows what a stream has cost and what is left, why it stands still, and goes on once there is money', async () => {
      const admin = await createAdmin(pages.services);
      const { account, send } = await openProducer();
      const title = newTitle();
      await listStream(pages.services, account, { title }, [perReading(2)]);
      const { consumer, page, entry } = await openCatalogue(title);
      await entry.getByRole('button', { name: `Subscribe to ${title}` }).click();
      await page.getByRole('button', { name: 'Subscribe on this plan' }).click();
      await receiving(page, 'Receiving the stream of');
      for (let number = 1; number <= 6; number += 1) send({ number });
      const subscription = page.getByTestId('subscriptions');
      await subscription.getByText('Stopped after reading 2: your funds are used up.').waitFor();
      expect(await subscription.textContent()).toContain('only an admin can credit your wallet');
      await eventually(() => rows(page).count(), 2);

      await topUp(pages.services, admin, consumer, '1.00');
      await eventually(() => rows(page).count(), 6);
      await subscription.getByText('Stopped').waitFor({ state: 'detached' });
      await eventually(() => page.getByTestId(`cost-${account.id}`).textContent(), '0.04 EUR');
      await eventually(() => page.getByTestId('charged-EUR').textContent(), '0.04');
      await eventually(() => page.getByTestId('balance-EUR').textContent(), '0.96');

      const statements = page.getByTestId('statements');
      await statements.getByRole('button', { name: 'Show' }).click();
      await eventually(
        async () =>
          (await statements.locator('li').allTextContents()).map((text) => text.replace(/[\d,]+ bytes/, 'N bytes')),
        [
          'Before0.00 EUR',
          `${account.username}, 0.01 EUR per reading; the first 2 readings free 6 readings, N bytes-0.04 EUR`,
          'Topped up1.00 EUR',
          'After0.96 EUR',
        ],
      );
      for (const format of ['CSV', 'PDF']) {
        const [file] = await Promise.all([
          page.waitForEvent('download'),
          statements.getByRole('button', { name: `Save as ${format}` }).click(),
        ]);
        expect(file.suggestedFilename()).toMatch(new RegExp(`^statement-2\\d{3}-\\d\\d\\.${format.toLowerCase()}$`));
        expect((await readFile(await file.path())).length).toBeGreaterThan(100);
      }
    });

    it('sets, raises and lifts spending limits, for all streams or one, and says what was spent of each', async () => {
      const admin = await createAdmin(pages.services);
      const { account, send } = await openProducer();
      const title = newTitle();
      await listStream(pages.services, account, { title }, [perReading(1)]);
      const { consumer, page, entry } = await openCatalogue(title);
      await topUp(pages.services, admin, consumer, '1.00');
      await page.getByText('Set a limit').click();
      const form = page.getByRole('form', { name: 'Spending limit' });
      const set = async (amount: string, period: string, stream: string) => {
        await form.getByLabel('Each').selectOption(period);
        await form.getByLabel('For').selectOption(stream);
        await form.getByLabel('At most').fill(amount);
        await page.getByRole('button', { name: 'Set the limit' }).click();
      };
      await set('-1', 'day', 'All streams');
      await page.getByText('Expected an amount that is not negative.').waitFor();
      await eventually(() => page.evaluate(() => document.activeElement?.getAttribute('name')), 'limits.0.amount');
      const limits = page.getByTestId('limits').locator('li');
      await set('0.03', 'day', 'All streams');
      await eventually(() => limits.count(), 1);
      // What is given out already may still be spent, so there is a limit before anything is received.
      await entry.getByRole('button', { name: `Subscribe to ${title}` }).click();
      await page.getByRole('button', { name: 'Subscribe on this plan' }).click();
      await receiving(page, 'Receiving the stream of');
      await set('20', 'month', account.username);
      await eventually(() => limits.count(), 2);

      for (let number = 1; number <= 6; number += 1) send({ number });
      const subscription = page.getByTestId('subscriptions');
      await subscription.getByText('your spending limit is reached').waitFor();
      await eventually(() => rows(page).count(), 4);
      await eventually(
        async () => (await limits.allTextContents()).sort(),
        [`0.03 EUR a day, all streams 0.03 spentLift`, `20.00 EUR a month, ${account.username} 0.03 spentLift`],
      );

      // The same again is instead of it, and lets the rest come.
      await set('0.50', 'day', 'All streams');
      await eventually(() => rows(page).count(), 6);
      await page.getByRole('button', { name: 'Lift the limit of 0.50 EUR a day' }).press('Enter');
      await eventually(() => limits.count(), 1);
      await eventually(() => page.evaluate(() => document.activeElement?.textContent), 'Set a limit');
      const left = await ask(pages.services, 'billing-api', 'GET /limits', { as: consumer });
      expect(left.limits).toMatchObject([{ currency: 'EUR', period: 'month', amount: '20.00' }]);
    });

    it('goes on without the billing service, says that it is away, and catches up', async () => {
      const { account, send } = await openProducer();
      const page = await openSubscribed(account);
      await page.getByText('Nothing you receive costs anything').waitFor();
      await pages.services.end('billing-api', 'SIGTERM');
      try {
        await page.reload();
        const consumer = await signUp(pages.services, 'consumer');
        await subscribe(pages.services, consumer, account);
        await signIn(page, consumer);
        await receiving(page, 'Receiving 1 stream.');
        await page.getByText('The billing service does not answer').waitFor();
        send({ number: 1 });
        await eventually(() => rows(page).count(), 1);
      } finally {
        await pages.services.launch('billing-api');
      }
      await page.getByText('Nothing you receive costs anything').waitFor({ timeout: 30_000 });
      expect(await page.getByText('The billing service does not answer').count()).toBe(0);
    });
  });

  describe('on a phone', () => {
    const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

    it.each(['light', 'dark'] as const)('nothing is wider than the screen (%s)', async (colorScheme) => {
      const { account, send } = await openProducer();
      const consumer = await openSubscribed(account, { ...phone, colorScheme });
      const plan = { name: 'n'.repeat(100), terms: { kind: 'per-reading', price: '1234567.123456', currency: 'EUR' } };
      const title = `${'t'.repeat(100)}${randomBytes(5).toString('hex')}`;
      await listStream(pages.services, account, { title, tags: ['t'.repeat(40)] }, [plan]);
      await consumer.getByLabel('Search the catalogue').fill(title);
      await consumer.getByLabel(`About ${title}`).click();
      await consumer.getByRole('button', { name: 'Change the plan of' }).click();
      send({ a_rather_long_name_of_a_field_that_has_to_fit: 1, text: 'x'.repeat(2_000) });
      await eventually(() => rows(consumer).count(), 1);
      const producer = await openPage('producer', { ...phone, colorScheme });
      await register(producer, 'producer', newName('producer'), 'd'.repeat(128));
      await producer.getByRole('button', { name: 'Send once' }).click();
      await producer.locator('[data-status=acknowledged]').waitFor();
      await producer.getByRole('button', { name: 'Add a plan' }).click();
      const seller = await openPage('producer', { ...phone, colorScheme });
      await signIn(seller, account);
      await seller.getByRole('button', { name: 'End the plan' }).click();
      await seller.getByRole('button', { name: 'Edit the listing' }).waitFor();
      for (const page of [consumer, producer, seller]) {
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
      }
      const backgrounds = await consumer.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(backgrounds).toBe(colorScheme === 'dark' ? 'rgb(14, 19, 18)' : 'rgb(245, 247, 246)');
    });
  });
});
