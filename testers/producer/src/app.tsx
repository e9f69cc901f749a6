import type { Session } from '@motience/sdk';
import { Account, ConnectionPill, type PageConfig, PageShell, SignInCard } from '@motience/testers-kit';
import { useEffect, useMemo } from 'preact/hooks';
import { Sending } from './sending/sending.ts';
import { Workbench } from './workbench.tsx';

/** The producer tester. */
export function App({ config }: { config: PageConfig }) {
  const account = useMemo(() => new Account(config.auth_url, 'producer'), [config]);
  const state = account.state.value;
  if (state.phase === 'signed-in') return <SignedIn config={config} account={account} session={state.session} />;
  return (
    <PageShell name="Producer" account={account}>
      <SignInCard
        account={account}
        title="Send readings"
        lead="Connect as a producer, write a reading, and watch the gateway acknowledge it."
        demo={config.demo?.producer}
        demoLead="A producer whose device is the machine Motience runs on. What you send goes into its stream."
      />
    </PageShell>
  );
}

function SignedIn({ config, account, session }: { config: PageConfig; account: Account; session: Session }) {
  const sending = useMemo(() => new Sending(config.producer_gateway_url, session), [config, session]);
  useEffect(() => {
    sending.connect();
    return () => void sending.disconnect();
  }, [sending]);
  return (
    <PageShell name="Producer" account={account} status={<ConnectionPill watch={sending.watch} />}>
      <Workbench config={config} session={session} sending={sending} />
    </PageShell>
  );
}
