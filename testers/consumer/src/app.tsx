import type { Session } from '@motience/sdk';
import { Account, ConnectionPill, isFree, type PageConfig, PageShell, SignInCard } from '@motience/testers-kit';
import { effect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { Dashboard } from './dashboard.tsx';
import { Catalogue } from './market/catalogue.ts';
import { PlanChooser } from './market/plan-chooser.ts';
import { Receiving } from './receiving/receiving.ts';
import { SavedPositions } from './receiving/saved-positions.ts';
import { Billing } from './spending/billing.ts';
import { Spending } from './spending/spending.ts';
import { Statements } from './statements/statements.ts';
import { Subscriptions } from './subscriptions/subscriptions.ts';

/** The consumer tester. */
export function App({ config }: { config: PageConfig }) {
  const account = useMemo(() => new Account(config.auth_url, 'consumer'), [config]);
  const state = account.state.value;
  if (state.phase === 'signed-in') return <SignedIn config={config} account={account} session={state.session} />;
  return (
    <PageShell name="Consumer" account={account}>
      <SignInCard
        account={account}
        title="Receive readings"
        lead="Connect as a consumer, subscribe to producers, and watch their readings arrive."
        demo={config.demo?.consumer}
        demoLead="A consumer already subscribed to the machine Motience runs on: moving data, one click away."
      />
    </PageShell>
  );
}

function SignedIn({ config, account, session }: { config: PageConfig; account: Account; session: Session }) {
  const { subscriptions, receiving, catalogue, chooser, spending, statements } = useMemo(() => {
    const made = new Subscriptions(config.subscription_url, session);
    const saved = new SavedPositions(sessionStorage, session.user.id);
    const receiving = new Receiving(config.consumer_gateway_url, session, made, saved);
    return {
      subscriptions: made,
      receiving,
      catalogue: new Catalogue(config.subscription_url, session),
      chooser: new PlanChooser(made),
      spending: new Spending(new Billing(config.billing_url, session), {
        costsMoney: () => made.list.value?.some(({ plan }) => plan !== null && !isFree(plan)) ?? false,
        onCredit: () => receiving.credited(),
      }),
      statements: new Statements(config.billing_url, session),
    };
  }, [config, session]);
  useEffect(() => {
    let isGone = false;
    // Names first, so that charts are labelled by them from the start.
    void subscriptions.load().then(() => {
      if (!isGone) receiving.connect();
    });
    spending.start();
    // What is subscribed to may have begun to cost money.
    const unwatch = effect(() => {
      if (subscriptions.list.value) spending.look();
    });
    const save = () => receiving.save();
    addEventListener('pagehide', save);
    return () => {
      isGone = true;
      unwatch();
      spending.stop();
      removeEventListener('pagehide', save);
      void receiving.disconnect();
    };
  }, [subscriptions, receiving, spending]);
  return (
    <PageShell name="Consumer" account={account} status={<ConnectionPill watch={receiving.watch} />}>
      <Dashboard
        config={config}
        receiving={receiving}
        subscriptions={subscriptions}
        catalogue={catalogue}
        chooser={chooser}
        spending={spending}
        statements={statements}
        accountId={session.user.id}
      />
    </PageShell>
  );
}
