'use strict';
// The percentile plot, in the manner of HdrHistogram: each further nine of the tail gets the same room.
const percentiles = (() => {
  function make(spec) {
    const canvas = el('canvas', {
      role: 'img',
      'aria-label': `${spec.title}, ${spec.unit}. The same values are in the table below.`,
    });
    const item = { logOn: true };
    const button = el('button', { type: 'button', 'aria-pressed': 'true' }, 'Log scale');
    button.addEventListener('click', () => {
      item.logOn = !item.logOn;
      button.setAttribute('aria-pressed', String(item.logOn));
      item.build();
    });
    const keys = el('ul', { class: 'keys' });
    const figure = el(
      'figure',
      { id: `chart-${spec.id}` },
      el(
        'figcaption',
        {},
        el('strong', {}, spec.title),
        el('span', { class: 'unit' }, spec.unit),
        el('span', { class: 'tools' }, button),
      ),
      el('div', { class: 'plot' }, canvas),
      keys,
      dom.fold('Table of these values', () => spec.table()),
    );
    // The maximum of so many values stands where their number ends; no percentile is known beyond it.
    const end = (count) => Math.log10(Math.max(count, 10));
    const place = (p, count) => (p >= 100 ? end(count) : -Math.log10(1 - p / 100));
    item.build = () => {
      if (item.chart) item.chart.destroy();
      const curves = spec.curves(),
        far = Math.max(2, ...curves.map((curve) => place(100, curve.count)));
      const time_ = charts.options({ format: show.us, log: true, logOn: item.logOn, off: new Set() });
      const names = ['0', '90', '99', '99.9', '99.99', '99.999', '99.9999', '99.99999'];
      time_.scales.x = {
        ...time_.scales.x,
        min: 0,
        max: far,
        afterBuildTicks: (axis) => {
          axis.ticks = [0, 0.30103, 1, 2, 3, 4, 5, 6, 7].filter((v) => v <= far).map((value) => ({ value }));
        },
        ticks: {
          ...time_.scales.x.ticks,
          callback: (value) => (value > 0 && value < 1 ? 'p50' : `p${names[Math.round(value)]}`),
        },
      };
      time_.onHover = undefined;
      time_.interaction = { mode: 'nearest', intersect: false, axis: 'x' };
      time_.plugins.tooltip.callbacks = {
        title: (items) => (items.length ? `${items[0].raw.p >= 100 ? 'maximum' : `percentile ${items[0].raw.p}`}` : ''),
        label: (hit) => ` ${hit.dataset.label}: ${show.us(hit.parsed.y)}`,
      };
      item.chart = new Chart(canvas, {
        type: 'line',
        options: time_,
        data: {
          datasets: curves.map((curve) => ({
            ...charts.dataset(
              { ...curve, width: curve.width || 2 },
              { off: new Set(), format: show.us },
              curve.points
                .filter(([p]) => p >= 100 || place(p, curve.count) < end(curve.count))
                .map(([p, y]) => ({ x: place(p, curve.count), y, p })),
            ),
          })),
        },
      });
      keys.replaceChildren(
        ...curves.map((curve) =>
          el(
            'li',
            { class: 'shade' },
            el('i', {
              class: curve.dash ? 'dash' : null,
              style: `height:0;background:none;border-top:${curve.dash ? '2px dashed' : '3px solid'} var(${curve.color})`,
            }),
            curve.label,
          ),
        ),
      );
    };
    charts.plain.push(item);
    return figure;
  }

  return { make };
})();
