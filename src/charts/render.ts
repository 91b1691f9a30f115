/** A process that draws the chart that it is sent, sends the picture back and ends. */
import { fileURLToPath } from 'node:url';
import { Resvg } from '@resvg/resvg-js';
import { LineChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Chart } from './chart.ts';
import { optionOf, size } from './option.ts';

/** Pixels of a point: sharp on a phone's screen. */
const zoom = 2;

/** CSS's shorthand for a font, which resvg does not read. */
const shorthand = /style="font: normal normal (\d+px) ([^"]+)"/g;

use([LineChart, GridComponent, TitleComponent, SVGRenderer]);

process.once('message', chart => {
  const picture = pngOf(chart as Chart);
  process.send?.(picture, () => process.exit());
});

function pngOf(chart: Chart): Uint8Array {
  const canvas = init(null, undefined, { renderer: 'svg', ssr: true, ...size });
  canvas.setOption(optionOf(chart));
  const font = fileURLToPath(import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'));
  const svg = canvas.renderToSVGString().replaceAll(shorthand, 'style="font-size:$1;font-family:$2"');
  canvas.dispose();
  const drawn = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: zoom },
    font: { fontFiles: [font], loadSystemFonts: false, defaultFontFamily: 'DejaVu Sans' },
  });
  return new Uint8Array(drawn.render().asPng());
}
