import { randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StripeStandIn } from '../apps/billing-api/src/testing/stripe-stand-in.ts';
import { findChromium, launchChromium, TesterPages, watchForFaults } from './support/tester-pages.ts';

const chromiumPath = findChromium();

describe.skipIf(!chromiumPath && !process.env.CI)('paying on the consumer tester', () => {
  let standIn: StripeStandIn;
  let pages: TesterPages;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    if (!chromiumPath) throw new Error('CI needs a Chromium: none was found, and CHROMIUM_PATH names none');
    standIn = await StripeStandIn.start();
    [pages, browser] = await Promise.all([TesterPages.start(standIn.environment), launchChromium(chromiumPath)]);
    const context = await browser.newContext();
    context.setDefaultTimeout(10_000);
    // What Stripe shows is Stripe's; it leads back where it was told to.
    await context.route('https://checkout.stripe.test/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<a href="${checkout().get('success_url')}">Pay</a>` }),
    );
    page = await context.newPage();
    faults = watchForFaults(page);
    await page.goto(pages.url('consumer'));
    await page.getByText('Register', { exact: true }).click();
    await page.getByLabel('Username').fill(`payer-${randomBytes(5).toString('hex')}`);
    await page.getByLabel('Password').fill('correct horse');
    await page.getByRole('button', { name: 'Register as a consumer' }).click();
    await page.getByLabel('Top up by').waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await pages?.stop();
    await standIn?.close();
  });

  /** The last checkout that was asked for. */
  function checkout(): URLSearchParams {
    const last = standIn.requests.at(-1);
    if (!last) throw new Error('no checkout was asked for');
    return last.body;
  }

  async function topUp(amount: string): Promise<void> {
    await page.getByLabel('Top up by').fill(amount);
    await page.getByRole('button', { name: 'Top up' }).click();
  }

  it('says next to the amount what is wrong with it, and asks for no checkout', async () => {
    for (const [amount, words] of [
      ['0', 'Expected an amount above 0.'],
      ['much', 'Expected an amount as a decimal text such as "12.50", or as an integer.'],
    ] as const) {
      await topUp(amount);
      await page.getByText(words).waitFor();
      expect(await page.getByLabel('Top up by').getAttribute('aria-invalid')).toBe('true');
    }
    expect(standIn.requests).toEqual([]);
  });

  it('says when the provider does not answer, and goes on when it does', async () => {
    standIn.status = 500;
    await topUp('5.00');
    await page.getByText('The payment provider does not answer as expected; try again.').waitFor({ timeout: 20_000 });
    expect(await page.getByText('Continue to the payment').count()).toBe(0);
    standIn.status = 200;
    await topUp('5.00');
    await page.getByText('Continue to the payment').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('leads to the checkout over that amount and back, and shows what was paid', async () => {
    const asked = standIn.requests.length;
    await topUp('12.50');
    await expect.poll(() => standIn.requests.length, { timeout: 30_000 }).toBe(asked + 1);
    const [paying] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByText('Continue to the payment').click(),
    ]);
    await paying.waitForURL('https://checkout.stripe.test/**');
    expect(checkout().get('line_items[0][price_data][unit_amount]')).toBe('1250');
    expect(checkout().get('line_items[0][price_data][currency]')).toBe('eur');

    const object = {
      object: 'checkout.session',
      metadata: { top_up_id: checkout().get('metadata[top_up_id]') },
      payment_status: 'paid',
      payment_intent: 'pi_of_this_test',
      currency: 'eur',
      amount_total: 1_250,
    };
    const told = await fetch(`${pages.services.httpUrl('billing-api')}/webhooks/stripe`, {
      method: 'POST',
      ...standIn.signed({ id: 'evt_of_this_test', type: 'checkout.session.completed', object }),
    });
    expect(told.status).toBe(200);
    await paying.getByText('Pay').click();
    await paying.waitForURL(pages.url('consumer'));
    await expect
      .poll(
        () =>
          page
            .getByTestId('balance-EUR')
            .textContent({ timeout: 1_000 })
            .catch(() => null),
        { timeout: 30_000 },
      )
      .toBe('12.50');
    expect(faults).toEqual([]);
  });
});
