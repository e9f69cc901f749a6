import { FigureStrip, formatCount, formatRate, formatSpan } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Sending } from './sending.ts';

/** Counts and rate of what was sent. */
export function SendingFigures({ sending }: { sending: Sending }) {
  const second = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => {
      second.value += 1;
    }, 500);
    return () => clearInterval(timer);
  }, [second]);
  second.value;
  sending.pulse.beats.value;
  const { sent, acknowledged, refused, queued } = sending.counts;
  const { ackMs } = sending.log;
  return (
    <FigureStrip
      label="Counts and rate"
      figures={[
        { label: 'Sent', value: formatCount(sent) },
        { label: 'Stored', value: formatCount(acknowledged), title: 'Acknowledged: durably stored by the platform' },
        { label: 'Refused', value: formatCount(refused), tone: refused > 0 ? 'bad' : 'plain' },
        { label: 'Waiting', value: formatCount(queued), title: 'Not acknowledged yet' },
        {
          label: 'Rate',
          value: formatRate(sending.rate.perSecond(performance.now())),
          unit: '/s',
          title: 'Acknowledged per second, over the last 3 s',
        },
        {
          label: 'Ack time',
          value: ackMs === undefined ? '–' : formatSpan(ackMs),
          title: 'From sending to the newest acknowledgement',
        },
      ]}
    />
  );
}
