import {
  Card,
  ConnectionCard,
  Empty,
  FigureStrip,
  formatCount,
  formatRate,
  formatSpan,
  type PageConfig,
} from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ChartGrid } from './charts/chart-grid.tsx';
import type { FieldChart } from './charts/field-history.ts';
import { Finder } from './finding/finder.tsx';
import type { Catalogue } from './market/catalogue.ts';
import type { PlanChooser } from './market/plan-chooser.ts';
import { ReadingTable } from './readings/reading-table.tsx';
import type { Receiving } from './receiving/receiving.ts';
import type { Spending } from './spending/spending.ts';
import { WalletCard } from './spending/wallet-card.tsx';
import { StatementCard } from './statements/statement-card.tsx';
import type { Statements } from './statements/statements.ts';
import { SubscriptionList } from './subscriptions/subscription-list.tsx';
import type { Subscriptions } from './subscriptions/subscriptions.ts';

interface DashboardProps {
  config: PageConfig;
  receiving: Receiving;
  subscriptions: Subscriptions;
  catalogue: Catalogue;
  chooser: PlanChooser;
  spending: Spending;
  statements: Statements;
  accountId: string;
}

/** Subscriptions beside what they bring. */
export function Dashboard(props: DashboardProps) {
  const { config, receiving, subscriptions, catalogue, chooser, spending, statements, accountId } = props;
  const beat = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => {
      beat.value += 1;
    }, 500);
    return () => clearInterval(timer);
  }, [beat]);
  receiving.pulse.beats.value;
  const isConnected = receiving.watch.current.value.state.phase === 'open';
  const canResume = !isConnected && receiving.canResume;
  const { feed, pausedAt } = receiving;
  const isPaused = pausedAt.value !== undefined;
  const charts = useRef<readonly FieldChart[]>([]);
  if (!isPaused) charts.current = feed.fields.charts(Date.now());
  const latency = feed.latency.median;
  const hasNothing = subscriptions.list.value?.length === 0 && feed.store.total === 0;

  return (
    <div class="dashboard">
      <h1 class="visually-hidden">Receive readings</h1>
      <SubscriptionList subscriptions={subscriptions} receiving={receiving} spending={spending} beat={beat.value} />
      <div class="stack received">
        <FigureStrip
          label="Counts, rate and latency"
          figures={[
            { label: 'Received', value: formatCount(feed.store.total) },
            {
              label: 'Rate',
              value: formatRate(feed.rate.perSecond(performance.now())),
              unit: '/s',
              title: 'Readings per second, over the last 3 s',
            },
            {
              label: 'Latency',
              value: latency === undefined ? '–' : formatSpan(latency),
              title: 'Median of the last hundred, from each reading’s timestamp to now; as good as both clocks agree',
            },
            { label: 'Streams', value: formatCount(subscriptions.list.value?.length ?? 0) },
          ]}
        />
        {hasNothing ? (
          <Card title="Readings">
            <Empty title="Nothing to receive yet">
              Subscribe to a stream: its readings, and a chart of every number in them, appear here live.
            </Empty>
          </Card>
        ) : (
          <>
            <ChartGrid receiving={receiving} charts={charts.current} />
            <ReadingTable receiving={receiving} subscriptions={subscriptions} isConnected={isConnected} />
          </>
        )}
      </div>
      <div class="stack">
        <Finder subscriptions={subscriptions} catalogue={catalogue} chooser={chooser} />
        <WalletCard spending={spending} subscriptions={subscriptions} accountId={accountId} />
        <StatementCard statements={statements} />
        <ConnectionCard
          watch={receiving.watch}
          address={config.consumer_gateway_url}
          connectLabel={canResume ? 'Resume where I stopped' : 'Connect'}
          onConnect={() => receiving.connect()}
          onConnectAnew={canResume ? () => receiving.connectLive() : undefined}
          onDisconnect={() => void receiving.disconnect()}
        />
      </div>
    </div>
  );
}
