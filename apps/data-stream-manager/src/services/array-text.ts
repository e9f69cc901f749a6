/** An array of numbers as PostgreSQL reads it; the driver would escape each of them. */
export function arrayText(numbers: readonly (number | bigint | string)[]): string {
  return `{${numbers.join(',')}}`;
}
