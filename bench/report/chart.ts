export interface Bar {
  label: string;
  value: number;
  /** Shown at its end. */
  text: string;
  isOurs: boolean;
}

const width = 640;
const labelWidth = 150;
const textWidth = 110;
const rowHeight = 26;
const top = 34;

/** Horizontal bars as an SVG that reads on light and dark pages. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const scale = (width - labelWidth - textWidth) / longest;
  const rows = bars.map(({ label, value, text, isOurs }, at) => {
    const y = top + at * rowHeight;
    const length = Math.max(1, value * scale);
    return [
      `<text x="${labelWidth - 8}" y="${y + 14}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="18" rx="2" fill="${isOurs ? '#2f7ed8' : '#9aa5b1'}"/>`,
      `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${y + 14}">${escapeXml(text)}</text>`,
    ].join('');
  });
  const height = top + bars.length * rowHeight + 4;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    '<style>text{font:13px system-ui,sans-serif;fill:#57606a}@media (prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>',
    `<text x="8" y="18" style="font-weight:600">${escapeXml(title)}</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
