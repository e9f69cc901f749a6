const rfc3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ](?:([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60))(?:\.\d{1,64})?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Whether a text is an RFC 3339 date-time (section 5.6): a day that exists in the calendar, and second 60 only
 * where a leap second can be, at 23:59 UTC. It is passed on as sent, never converted.
 */
export function isRfc3339(text: string): boolean {
  const match = rfc3339.exec(text);
  if (!match) return false;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  if (day > 28 && day > daysInMonth(year, month)) return false;
  if (match[6] !== '60') return true;
  const offsetMinutes = match[7] ? (Number(match[8]) * 60 + Number(match[9])) * (match[7] === '-' ? -1 : 1) : 0;
  const utcMinutes = Number(match[4]) * 60 + Number(match[5]) - offsetMinutes;
  return (utcMinutes + 2 * 1440) % 1440 === 1439;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
