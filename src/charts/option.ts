import type { EChartsCoreOption } from 'echarts/core';
import type { Chart } from './chart.ts';

/** Large enough to be read on a phone, where a picture is about 360 points wide. */
export const size = { width: 720, height: 450 };

const ink = '#1d1c1d';
const faint = '#616061';
const grid = '#e4e4e4';
const line = '#1264a3';
const limit = '#c01343';

/** The chart in ECharts' words. https://echarts.apache.org/en/option.html */
export function optionOf({ title, subtitle, unit, from, to, points, lines = [] }: Chart): EChartsCoreOption {
  const banded = points.some(({ low, high }) => low !== high);
  const text = (fontSize: number, color: string) => ({ fontFamily: 'DejaVu Sans', fontSize, color });
  return {
    animation: false,
    useUTC: true,
    backgroundColor: '#ffffff',
    title: {
      text: title,
      subtext: subtitle,
      left: 20,
      top: 14,
      itemGap: 8,
      textStyle: { ...text(22, ink), fontWeight: 'normal' },
      subtextStyle: text(15, faint),
    },
    grid: { left: 24, right: 32, top: 118, bottom: 44, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'time',
      min: from,
      max: to,
      name: 'UTC',
      nameLocation: 'middle',
      nameGap: 34,
      nameTextStyle: text(15, faint),
      splitNumber: 5,
      axisLabel: { ...text(15, ink), hideOverlap: true, formatter: timeFormat(to - from) },
      axisLine: { lineStyle: { color: faint } },
    },
    yAxis: {
      type: 'value',
      min: 0,
      name: unit,
      nameLocation: 'end',
      nameGap: 14,
      nameTextStyle: { ...text(15, faint), align: 'left' },
      splitNumber: 4,
      axisLabel: text(15, ink),
      splitLine: { lineStyle: { color: grid } },
    },
    series: [
      ...(banded
        ? [
            band('low', points, ({ low }) => low, 0),
            band('high', points, ({ low, high }) => (high ?? 0) - (low ?? 0), 0.18),
          ]
        : []),
      {
        type: 'line',
        data: points.map(({ at, value }, index) => ({ value: [at, value], ...(alone(points, index) ? dot : noDot) })),
        showSymbol: true,
        itemStyle: { color: line },
        connectNulls: false,
        lineStyle: { width: 2.5, color: line },
        areaStyle: banded ? undefined : { color: line, opacity: 0.1 },
      },
      ...lines.map(({ name, value }) => ({
        type: 'line',
        data: [
          // A point of no size carries the name, which stands below the line: above the highest is the unit.
          { value: [from, value], label: { ...text(14, limit), show: true, position: [6, 6], formatter: name } },
          { value: [to, value], ...noDot },
        ],
        symbol: 'circle',
        symbolSize: 0.1,
        showSymbol: true,
        showAllSymbol: true,
        itemStyle: { color: limit },
        lineStyle: { width: 1.5, type: 'dashed', color: limit },
      })),
    ],
  };
}

const dot = { symbol: 'circle', symbolSize: 7 };
const noDot = { symbol: 'none' };

/** Without a neighbour no line leads to it, and it would not be seen. */
function alone(points: Chart['points'], index: number): boolean {
  return (points[index - 1]?.value ?? null) === null && (points[index + 1]?.value ?? null) === null;
}

/** Two of these stacked, the lower without a colour, are the band between lowest and highest. */
function band(
  name: string,
  points: Chart['points'],
  of: (point: Chart['points'][number]) => number | null,
  opacity: number,
) {
  return {
    name,
    type: 'line',
    stack: 'band',
    stackStrategy: 'all',
    data: points.map(point => [point.at, point.value === null ? null : of(point)]),
    showSymbol: false,
    lineStyle: { opacity: 0 },
    areaStyle: { color: line, opacity },
  };
}

/** The date at midnight and the time between, as far as the axis shows it; months where it is long. */
function timeFormat(milliseconds: number): (at: number) => string {
  const days = milliseconds / 86_400_000;
  const month: Intl.DateTimeFormatOptions = { timeZone: 'UTC', month: 'short' };
  const day = new Intl.DateTimeFormat('en-US', { ...month, day: 'numeric' });
  if (days > 62) return at => new Intl.DateTimeFormat('en-US', { ...month, year: 'numeric' }).format(at);
  return at => (at % 86_400_000 === 0 ? day.format(at) : new Date(at).toISOString().slice(11, 16));
}
