import { Button, Card, Empty, Field, formatCount, formatSpan, formatTime, plural } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { latencyOf } from '../receiving/latency.ts';
import type { StoredReading } from '../receiving/reading-store.ts';
import type { Receiving } from '../receiving/receiving.ts';
import { saveFile } from '../save-file.ts';
import type { Subscriptions } from '../subscriptions/subscriptions.ts';
import { filterFor } from './filter.ts';

const shownRows = 100;

interface ReadingTableProps {
  receiving: Receiving;
  subscriptions: Subscriptions;
  isConnected: boolean;
}

/** The newest readings, live; held still while paused. */
export function ReadingTable({ receiving, subscriptions, isConnected }: ReadingTableProps) {
  const filter = useSignal('');
  receiving.pulse.beats.value;
  const { store } = receiving.feed;
  const pausedAt = receiving.pausedAt.value;
  const nameOf = (producerId: string) => subscriptions.nameOf(producerId);
  const rows = store.newest(shownRows, filterFor(filter.value, nameOf), pausedAt);

  const download = () => {
    const stamp = new Date().toISOString().replace(/[:.]/g, '-');
    saveFile(`motience-readings-${stamp}.jsonl`, new Blob(store.toJsonLines(), { type: 'application/x-ndjson' }));
  };

  return (
    <Card title="Readings" flush aside={<Kept receiving={receiving} />}>
      <div class="table-tools">
        <Field
          label="Filter"
          name="filter"
          keyboard="search"
          value={filter.value}
          placeholder="Producer, device or anything in the data"
          onInput={(value) => {
            filter.value = value;
          }}
        />
        <div class="tool-buttons">
          <Button
            pressed={pausedAt !== undefined}
            onClick={() => (pausedAt === undefined ? receiving.pause() : receiving.resume())}
          >
            {pausedAt === undefined ? 'Pause' : 'Resume'}
          </Button>
          <Button disabled={store.size === 0} onClick={download}>
            Download
          </Button>
          <Button tone="quiet" disabled={store.size === 0} onClick={() => receiving.clear()}>
            Clear
          </Button>
        </div>
      </div>
      {rows.length === 0 ? (
        <NothingToShow isFiltered={filter.value.trim() !== '' && store.size > 0} isConnected={isConnected} />
      ) : (
        <div class="table-frame">
          <table data-testid="readings">
            <caption class="visually-hidden">The newest readings, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Received</th>
                <th scope="col">Producer</th>
                <th scope="col">Device</th>
                <th scope="col" class="number">
                  Seq
                </th>
                <th scope="col" class="number">
                  Latency
                </th>
                <th scope="col">Data</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={row.number} row={row} producer={nameOf(row.reading.producer_id)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Row({ row, producer }: { row: StoredReading; producer: string }) {
  const { reading, receivedAt } = row;
  const latency = latencyOf(reading.timestamp, receivedAt);
  const data = JSON.stringify(reading.data);
  return (
    <tr>
      <td class="time">{formatTime(receivedAt)}</td>
      <td class="name" title={producer}>
        {producer}
      </td>
      <td class="name" title={reading.device_id}>
        {reading.device_id}
      </td>
      <td class="number">{reading.seq}</td>
      <td class="number" title={reading.timestamp}>
        {latency === undefined ? '–' : formatSpan(latency)}
      </td>
      <td class="data">
        <details>
          <summary>{data}</summary>
          <pre>{row.text}</pre>
        </details>
      </td>
    </tr>
  );
}

function Kept({ receiving }: { receiving: Receiving }) {
  receiving.pulse.beats.value;
  const { store } = receiving.feed;
  const pausedAt = receiving.pausedAt.value;
  if (pausedAt !== undefined) {
    return <span data-testid="paused">Paused, {plural(store.total - pausedAt, 'newer reading')}</span>;
  }
  if (store.total === 0) return null;
  return (
    <span>
      {store.total > store.size ? `Last ${formatCount(store.size)} kept` : `${plural(store.size, 'reading')} kept`}
    </span>
  );
}

function NothingToShow({ isFiltered, isConnected }: { isFiltered: boolean; isConnected: boolean }) {
  if (isFiltered)
    return <Empty title="Nothing matches the filter">Readings that match appear here as they come.</Empty>;
  if (!isConnected) return <Empty title="Not connected">Readings appear here once the connection is open.</Empty>;
  return (
    <Empty title="Waiting for the first reading">
      It appears here as soon as a device of a producer you are subscribed to sends one.
    </Empty>
  );
}
