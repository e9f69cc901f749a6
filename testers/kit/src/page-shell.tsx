import type { ComponentChildren } from 'preact';
import type { Account } from './account/account.ts';
import { Button } from './parts/button.tsx';

interface PageShellProps {
  /** Whose tester it is. */
  name: 'Producer' | 'Consumer';
  account: Account;
  /** Beside the account, such as the connection. */
  status?: ComponentChildren;
  children: ComponentChildren;
}

/** What frames each page: its name, who is signed in, and the content. */
export function PageShell({ name, account, status, children }: PageShellProps) {
  const state = account.state.value;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="page-head">
        <div class="brand">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <circle cx="12" cy="12" r="2.6" />
            <path d="M6.7 17.3a7.5 7.5 0 0 1 0-10.6M17.3 6.7a7.5 7.5 0 0 1 0 10.6" />
            <path d="M3.5 20.5a12 12 0 0 1 0-17M20.5 3.5a12 12 0 0 1 0 17" />
          </svg>
          <span class="brand-name">Motience</span>
          <span class="brand-page">
            {name} <span class="brand-tester">tester</span>
          </span>
        </div>
        {state.phase === 'signed-in' ? (
          <div class="who">
            {status}
            <span class="who-name" data-testid="username" title={`Account ${state.session.user.id}`}>
              {state.session.user.username}
            </span>
            <Button tone="quiet" small onClick={() => void account.signOut()}>
              Sign out
            </Button>
          </div>
        ) : null}
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
