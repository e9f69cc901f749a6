import { type FieldText, numberIn } from './listing-body.ts';

/** The plan as the service takes it, from fields that bear the service's names; what is empty is left out. */
export function planBody(text: FieldText): object {
  const kind = text('terms.kind');
  return {
    name: text('name'),
    terms: filled({ kind, ...(kind === 'free' ? {} : paidTerms(kind, text)), ...noticeOf(text) }),
    ...filled({ max_silence_seconds: numberIn(text('max_silence_seconds')) }),
  };
}

function paidTerms(kind: string, text: FieldText): object {
  const trial = text('terms.trial');
  const beyond = text('terms.beyond_quota');
  return {
    price: text('terms.price'),
    currency: text('terms.currency'),
    ...(kind === 'per-time' ? { per: text('terms.per') } : {}),
    ...(kind === 'monthly'
      ? {
          quota_readings: numberIn(text('terms.quota_readings')),
          beyond_quota: beyond === '' ? 'stop' : { price_per_1000_readings: beyond },
        }
      : {}),
    ...(trial === '' ? {} : { trial: { [text('trial_of')]: numberIn(trial) } }),
    maximum_monthly_charge: text('terms.maximum_monthly_charge'),
  };
}

function noticeOf(text: FieldText): object {
  return { minimum_notice_days: numberIn(text('terms.minimum_notice_days')) };
}

function filled(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}
