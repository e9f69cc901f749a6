import type { Session } from '@motience/sdk';
import { Card, Notice, type PageConfig } from '@motience/testers-kit';
import { useEffect, useMemo } from 'preact/hooks';
import { EarningsView } from './earnings-view.tsx';
import { ListingSection } from './listing-section.tsx';
import { OwnOffers } from './own-offers.ts';
import { PlanSection } from './plan-section.tsx';
import { Selling } from './selling.ts';

/** Offers the producer's stream: what it is, what it costs, what was measured of it, and what it has earned. */
export function SellCard({ config, session }: { config: PageConfig; session: Session }) {
  const selling = useMemo(() => new Selling(new OwnOffers(config, session)), [config, session]);
  useEffect(() => {
    selling.start();
    return () => selling.stop();
  }, [selling]);
  const listing = selling.listing.value;
  const problem = selling.problem.value;

  return (
    <div class="sell-card">
      <Card title="Sell this stream">
        {problem === undefined ? null : (
          <Notice tone="warn">The marketplace does not answer: {problem}. Sending goes on.</Notice>
        )}
        {listing === undefined ? (
          <p class="muted">{problem === undefined ? 'Loading…' : ''}</p>
        ) : (
          <div class="selling">
            <ListingSection selling={selling} listing={listing === 'none' ? undefined : listing} />
            <div class="stack">
              <PlanSection selling={selling} />
              <EarningsView selling={selling} />
            </div>
          </div>
        )}
      </Card>
    </div>
  );
}
