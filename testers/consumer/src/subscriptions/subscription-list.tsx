import {
  Button,
  Card,
  Empty,
  formatCount,
  formatRate,
  formatSpan,
  Notice,
  plural,
  Sparkline,
} from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import type { Receiving } from '../receiving/receiving.ts';
import type { Spending } from '../spending/spending.ts';
import { SubscriptionMoney } from '../spending/subscription-money.tsx';
import type { Subscriptions } from './subscriptions.ts';

interface SubscriptionListProps {
  subscriptions: Subscriptions;
  receiving: Receiving;
  spending: Spending;
  /** Beats twice a second, for rates that fall while nothing comes. */
  beat: number;
}

/** The consumer's subscriptions, each with its stream's figures. */
export function SubscriptionList({ subscriptions, receiving, spending }: SubscriptionListProps) {
  const ending = useSignal<string | undefined>(undefined);
  const list = subscriptions.list.value;
  const now = performance.now();

  const unsubscribe = async (producerId: string) => {
    ending.value = producerId;
    await subscriptions.unsubscribe(producerId);
    ending.value = undefined;
  };

  return (
    <Card
      title="Subscriptions"
      flush
      aside={list === undefined || list.length === 0 ? undefined : formatCount(list.length)}
    >
      {subscriptions.problem.value === undefined ? null : (
        <div class="inset">
          <Notice tone="bad">{subscriptions.problem.value}</Notice>
        </div>
      )}
      {list?.length === 0 ? (
        <Empty title="No subscriptions yet">Find a stream and subscribe; its readings start at once.</Empty>
      ) : null}
      <ul class="streams" data-testid="subscriptions">
        {list?.map((subscription) => {
          const { producer_id, producer_username } = subscription;
          const figures = receiving.feed.stream(producer_id);
          const latency = figures?.latency.median;
          return (
            <li key={producer_id} data-producer={producer_id}>
              <div class="stream-head">
                <span class="stream-name" title={`Producer ${producer_id}`}>
                  {producer_username}
                </span>
                <Button
                  small
                  tone="quiet"
                  label={`Unsubscribe from ${producer_username}`}
                  busy={ending.value === producer_id}
                  disabled={ending.value !== undefined}
                  onClick={() => void unsubscribe(producer_id)}
                >
                  Unsubscribe
                </Button>
              </div>
              <SubscriptionMoney subscription={subscription} receiving={receiving} spending={spending} />
              {figures === undefined ? null : (
                <>
                  <Sparkline
                    values={figures.rate.history(now)}
                    label={`Readings of ${producer_username} over a minute`}
                  />
                  <p class="stream-figures">
                    <span>{formatRate(figures.rate.perSecond(now))} /s</span>
                    <span>{plural(figures.received, 'reading')}</span>
                    {latency === undefined ? null : <span title="Median latency">{formatSpan(latency)}</span>}
                    {figures.missing === 0 ? null : <span class="bad">{formatCount(figures.missing)} missing</span>}
                  </p>
                </>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
