/** What a line chart shows; plain data, as it goes to another thread. */
export interface Chart {
  /** `Connections on portal` */
  readonly title: string;
  /** Below the title. */
  readonly subtitle: string;
  /** What the values are: `GB`, `transactions per second`. */
  readonly unit: string;
  /** Milliseconds since 1970: where the axis of time begins and ends, whether or not there are points. */
  readonly from: number;
  readonly to: number;
  /** Thresholds, drawn across with their names. */
  readonly lines?: readonly { readonly name: string; readonly value: number }[];
  /** In order of time; a value of null interrupts the line. */
  readonly points: readonly ChartPoint[];
}

export interface ChartPoint {
  readonly at: number;
  readonly value: number | null;
  /** Lowest and highest of the span that the value stands for. */
  readonly low: number | null;
  readonly high: number | null;
}

/** Makes a picture of a chart. */
export interface Charts {
  /** A PNG. */
  draw(chart: Chart): Promise<Uint8Array>;
}
