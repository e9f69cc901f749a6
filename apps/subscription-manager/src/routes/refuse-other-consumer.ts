import { Refusal } from '@motience/protocol';

/** The consumer is always the token's; a request that names another one is refused. */
export function refuseOtherConsumer(own: string, named: string | undefined): void {
  if (named !== undefined && named !== own) {
    throw new Refusal('forbidden', 'consumer_id: expected your own account; it can be left out');
  }
}
