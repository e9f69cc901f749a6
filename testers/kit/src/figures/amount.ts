/** Micro-units of an amount as the billing service writes it, such as `-12.50`. */
export function amountOf(text: string): bigint {
  const [units = '', fraction = ''] = text.split('.');
  return BigInt(units + fraction.padEnd(6, '0'));
}
