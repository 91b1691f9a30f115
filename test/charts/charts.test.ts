import { expect, jest, test } from '@jest/globals';
import type { Chart } from '../../src/charts/chart.ts';
import { openCharts } from '../../src/charts/charts.ts';
import { optionOf } from '../../src/charts/option.ts';

/** A picture takes a second on a quiet machine; how long on another is no matter here. Milliseconds. */
const patience = 60_000;
jest.setTimeout(3 * patience);

const to = Date.UTC(2026, 10, 22, 22);
const hour = 3_600_000;
const chart: Chart = {
  title: 'Connections on portal <&>',
  subtitle: '24 h until 2026-11-22 22:00 UTC',
  unit: 'GB',
  from: to - 24 * hour,
  to,
  points: Array.from({ length: 24 }, (_, n) => {
    const value = n === 7 ? null : 10 + n;
    return { at: to - (24 - n) * hour, value, low: value, high: value };
  }),
};

/** https://www.w3.org/TR/png-3/#11IHDR */
function dimensions(png: Uint8Array): [number, number] {
  const view = new DataView(png.buffer, png.byteOffset);
  expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  return [view.getUint32(16), view.getUint32(20)];
}

test('a chart is a PNG of a phone’s width, twice as sharp, and different data look different', async () => {
  const charts = openCharts({ patience });
  const [one, another] = await Promise.all([
    charts.draw(chart),
    charts.draw({ ...chart, points: chart.points.map(point => ({ ...point, low: 1, high: 90 })) }),
  ]);
  expect(dimensions(one)).toEqual([1_440, 900]);
  expect(Buffer.compare(one, another)).not.toBe(0);
  expect(one.length).toBeLessThan(300_000);
});

test('thresholds are drawn across, each with its name', async () => {
  const lines = [{ name: 'attention from 20 GB', value: 20 }];
  const { series } = optionOf({ ...chart, lines }) as { series: { data: { value: unknown }[] }[] };
  expect(series.at(-1)!.data.map(({ value }) => value)).toEqual([
    [chart.from, 20],
    [to, 20],
  ]);
  const charts = openCharts({ patience });
  const [without, drawn] = await Promise.all([charts.draw(chart), charts.draw({ ...chart, lines })]);
  expect(Buffer.compare(without, drawn)).not.toBe(0);
});

test('a chart that cannot be drawn is an error, and the next one is drawn', async () => {
  const charts = openCharts({ patience });
  await expect(charts.draw({ ...chart, points: 'none' as never })).rejects.toThrow(
    /ended without a picture: .*TypeError/s,
  );
  expect(dimensions(await charts.draw(chart))).toEqual([1_440, 900]);
});

test('a process that does not draw its chart in time is ended', async () => {
  await expect(openCharts({ patience: 1 }).draw(chart)).rejects.toThrow('ended without a picture');
});

test('the axis of time says UTC, and labels hours and days, or months where it is long', () => {
  const labelOf = (days: number, at: number) => {
    const { xAxis } = optionOf({ ...chart, from: to - days * 24 * hour }) as {
      xAxis: { name: string; axisLabel: { formatter(at: number): string } };
    };
    return `${xAxis.axisLabel.formatter(at)} ${xAxis.name}`;
  };
  expect(labelOf(1, Date.UTC(2026, 10, 22, 4))).toBe('04:00 UTC');
  expect(labelOf(1, Date.UTC(2026, 10, 22))).toBe('Nov 22 UTC');
  expect(labelOf(7, Date.UTC(2026, 10, 22, 12))).toBe('12:00 UTC');
  expect(labelOf(300, Date.UTC(2026, 10, 1))).toBe('Nov 2026 UTC');
});

test('a point that no line leads to is a dot', () => {
  const point = (at: number, value: number | null) => ({ at, value, low: value, high: value });
  const points = [point(1, 5), point(2, null), point(3, 6), point(4, 7)];
  const { series } = optionOf({ ...chart, points }) as { series: { data: { symbol: string }[] }[] };
  expect(series.at(-1)!.data.map(({ symbol }) => symbol)).toEqual(['circle', 'none', 'none', 'none']);
});
