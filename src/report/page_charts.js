'use strict';
// Charts over time: their data in the range of the view, their looks, their caption, legend and table.
const charts = (() => {
  const plain = []; // charts that do not run over time: {chart, build}
  const { color, clock, moment, point } = view;

  // ---- data of one chart in the range of the view ----
  const T = () => view.lane.t;
  const H = () => view.lane.ends;
  // Clients: every low and high is a point of the line. Latencies and the like, where there are more values than pixels: the
  // median as a line within a band from the lowest to the highest, else noise would paint the chart full.
  function lineSets(spec, width) {
    const [first, last] = thin.span(T(), view.from, view.until);
    const parts = spec.parts(view.lane).map((part) => (part.rare ? { ...part, values: thin.unless0(part.values) } : part));
    if (spec.bands && last - first > width / 2)
      return parts.flatMap((part) => bandSets(spec, part, thin.bins(first, last, Math.floor(width / 3))));
    const kept = thin.indices(
      parts.map((part) => part.values),
      first,
      last,
      Math.max(50, Math.floor(width / 2)),
    );
    const x = (i) => (spec.atEnd ? H()[i] : (T()[i] + H()[i]) / 2);
    return parts.map((part) =>
      dataset(
        part,
        spec,
        kept.map((i) => ({ x: x(i), y: part.values[i] })),
      ),
    );
  }
  function bandSets(spec, part, bins) {
    const at = (f) =>
      bins.map((bin) => ({ x: (T()[bin.from] + H()[bin.until - 1]) / 2, y: f(bin), range: thin.extremes(part.values, bin) }));
    const high = at((bin) => thin.extremes(part.values, bin)[1]);
    if (part.upper) return [dataset(part, spec, high)];
    const low = at((bin) => thin.extremes(part.values, bin)[0]),
      bare = { borderWidth: 0, pointHoverRadius: 0, helper: true };
    const middle = {
      ...dataset(
        part,
        spec,
        at((bin) => thin.middle(part.values, bin)),
      ),
      order: 0,
    };
    return [
      { ...dataset(part, spec, low), ...bare, fill: false, order: 2 },
      { ...dataset(part, spec, high), ...bare, order: 2, backgroundColor: `${color(part.color)}30`, fill: '-1' },
      middle,
    ];
  }
  function barSets(spec, width) {
    const parts = spec.parts(view.lane);
    let [first, last] = thin.span(T(), view.from, view.until);
    while (first < last && H()[first] <= view.from) first++;
    while (last > first && T()[last - 1] >= view.until) last--;
    const bins = thin.bins(first, last, Math.max(24, Math.min(140, Math.floor(width / 7))));
    spec.binSeconds = bins.length ? H()[bins[0].until - 1] - T()[bins[0].from] : 0;
    return parts.map((part) =>
      dataset(
        part,
        spec,
        bins.map((bin) => ({ x: (T()[bin.from] + H()[bin.until - 1]) / 2, y: thin.sum(part.values, bin) || null })),
      ),
    );
  }

  // A value between two unknown ones, or the only one, has no line to stand on.
  function loneRadii(data) {
    const unknown = (point) => !point || point.y === null;
    const radii = data.map((point, i) => (!unknown(point) && unknown(data[i - 1]) && unknown(data[i + 1]) ? 2.5 : 0));
    return radii.some((radius) => radius > 0) ? radii : 0;
  }
  function dataset(part, spec, data) {
    const paint = color(part.color);
    const base = {
      label: part.label,
      data,
      borderColor: paint,
      backgroundColor: paint,
      hidden: spec.off.has(part.label),
      format: part.format || spec.format,
    };
    if (spec.bars)
      return {
        ...base,
        borderWidth: 0,
        categoryPercentage: 1,
        barPercentage: 0.9,
        stack: spec.stacked ? 'all' : part.label,
        minBarLength: 2,
        barThickness: 4,
      };
    return {
      ...base,
      borderWidth: part.width || 1.6,
      borderDash: part.dash ? [5, 4] : [],
      pointRadius: loneRadii(data),
      pointHitRadius: 8,
      pointHoverRadius: 3,
      stepped: part.stepped || false,
      spanGaps: false,
      fill: part.fill ? { target: 'origin', above: `${paint}1f` } : false,
    };
  }

  function options(spec) {
    const ink = color('--soft'),
      grid = color('--grid'),
      font = { family: color('--sans'), size: 12 };
    const logarithmic = spec.log && spec.logOn;
    return {
      animation: false,
      parsing: false,
      normalized: true,
      maintainAspectRatio: false,
      responsive: true,
      numbered: spec.numbered,
      interaction: { mode: 'index', intersect: false, axis: 'x' },
      layout: { padding: { top: spec.numbered ? 16 : 4, right: 4 } },
      onResize: () => requestAnimationFrame(() => spec.item && spec.item.refresh()),
      onHover: (event, active, chart) =>
        point(active.length ? chart.data.datasets[active[0].datasetIndex].data[active[0].index].x : null),
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: color('--bg'),
          titleColor: color('--ink'),
          bodyColor: color('--ink'),
          footerColor: ink,
          borderColor: color('--line'),
          borderWidth: 1,
          padding: 10,
          boxWidth: 10,
          boxHeight: 2,
          titleFont: { ...font, weight: '600' },
          bodyFont: font,
          footerFont: { ...font, weight: '400' },
          filter: (item) => item.parsed.y !== null && !item.dataset.helper,
          callbacks: {
            title: (items) => (items.length ? `${moment(items[0].parsed.x)}  (${show.seconds(items[0].parsed.x)} in)` : ''),
            label: (item) => ` ${item.dataset.label}: ${item.dataset.format(item.parsed.y)}${rangeOf(item)}`,
            footer: (items) => near(items.length ? items[0].parsed.x : null),
          },
        },
      },
      scales: {
        x: {
          type: 'linear',
          min: view.from,
          max: view.until,
          stacked: spec.stacked,
          offset: false,
          grid: { color: grid, drawTicks: true, offset: false, tickColor: color('--line'), borderColor: color('--line') },
          ticks: {
            color: ink,
            font,
            maxRotation: 0,
            autoSkip: false,
            callback: (value, _, list) => clock(value, list.step || 60),
          },
          afterBuildTicks: (axis) => {
            const { step, at } = thin.ticks(
              view.from,
              view.until,
              Math.max(2, Math.floor((axis.width || 600) / 84)),
              view.origin,
            );
            axis.ticks = at.map((value) => ({ value }));
            axis.ticks.step = step;
          },
        },
        y: {
          type: logarithmic ? 'logarithmic' : 'linear',
          stacked: spec.stacked,
          beginAtZero: !logarithmic,
          suggestedMax: spec.suggestedMax,
          suggestedMin: 0,
          afterFit: (axis) => {
            axis.width = Math.max(axis.width, 64);
          },
          grid: { color: grid, drawTicks: false, drawBorder: false },
          afterDataLimits: (axis) => {
            if (logarithmic && axis.max > 0) [axis.min, axis.max] = thin.widened(Math.max(1, axis.min), Math.max(1, axis.max));
          },
          afterBuildTicks: (axis) => {
            if (logarithmic) axis.ticks = thin.decades(Math.max(1, axis.min), axis.max).map((value) => ({ value }));
            else if (spec.binary) axis.ticks = thin.binary(axis.max).map((value) => ({ value }));
          },
          ticks: {
            color: ink,
            font,
            padding: 6,
            autoSkip: !logarithmic,
            maxTicksLimit: 6,
            precision: spec.whole ? 0 : undefined,
            callback: (value) => (spec.axis ? spec.axis(value) : spec.format(value).replace(/\.0+(?= )/, '')),
          },
        },
      },
    };
  }
  function rangeOf(item) {
    const [low, high] = item.raw.range || [0, 0];
    return low === high ? '' : `  (${item.dataset.format(low)} to ${item.dataset.format(high)})`;
  }
  const near = (s) => {
    if (s === null) return '';
    const reach = (view.until - view.from) / 200;
    const hits = view.marks
      .filter((mark) => Math.abs(mark.s - s) <= reach)
      .slice(0, 3)
      .map((mark) => `${mark.n}  ${mark.what}`);
    if (view.late.some(([from, until]) => s >= from && s <= until))
      hits.push('the tester was late here: left out of the objectives');
    return hits.map((text) => (text.length > 70 ? `${text.slice(0, 69)}…` : text));
  };

  // ---- a chart with its caption, legend and table ----
  function time(spec) {
    spec.off = new Set(
      spec
        .parts(view.lane)
        .filter((part) => part.off)
        .map((part) => part.label),
    );
    const canvas = el('canvas', {
      role: 'img',
      'aria-label': `${spec.title}, ${spec.unit}, over time. The same values are in the table below.`,
    });
    const tools = el(
      'span',
      { class: 'tools' },
      (spec.tools || []).map((tool) => toolButton(spec, tool)),
    );
    if (spec.log)
      tools.append(
        toolButton(spec, {
          label: 'Log scale',
          get: () => spec.logOn,
          set: (on) => {
            spec.logOn = on;
          },
        }),
      );
    const unit = el('span', { class: 'unit' }, spec.unit),
      keys = el('ul', { class: 'keys', 'aria-label': 'Curves shown' });
    const figure = el(
      'figure',
      { id: `chart-${spec.id}` },
      el('figcaption', {}, el('strong', {}, spec.title), unit, tools),
      el('div', { class: spec.low ? 'plot low' : 'plot' }, canvas),
      keys,
      dom.fold('Table of these values', () => valueTable(spec)),
    );
    const item = { spec, canvas, figure, keys, unit };
    spec.item = item;
    item.build = () => {
      if (item.chart) item.chart.destroy();
      item.chart = new Chart(canvas, {
        type: spec.bars ? 'bar' : 'line',
        data: { datasets: [] },
        options: options(spec),
        plugins: [view.marksPlugin],
      });
      item.refresh();
    };
    item.refresh = () => {
      const chart = item.chart,
        width = chart.chartArea ? chart.chartArea.width : 600;
      const parts = spec.parts(view.lane);
      chart.data.datasets = spec.bars ? barSets(spec, width) : lineSets(spec, width);
      if (spec.bars) {
        const thick = Math.max(1, (width * spec.binSeconds) / (view.until - view.from) / (spec.stacked ? 1 : parts.length) - 1);
        chart.data.datasets.forEach((set) => {
          set.barThickness = Math.min(thick, 40);
        });
        unit.textContent = `${spec.unit}, per ${show.seconds(spec.binSeconds)}`;
      }
      chart.options.scales.x.min = view.from;
      chart.options.scales.x.max = view.until;
      chart.update('none');
      legend(item, parts);
    };
    view.zoomable(item);
    view.items.push(item);
    return figure;
  }
  function toolButton(spec, tool) {
    const button = el('button', { type: 'button', 'aria-pressed': String(!!tool.get()) }, tool.label);
    button.addEventListener('click', () => {
      tool.set(!tool.get());
      button.setAttribute('aria-pressed', String(!!tool.get()));
      spec.item.build();
    });
    return button;
  }
  function legend(item, parts) {
    const { spec, keys } = item,
      names = parts.map((part) => part.label).join('\n') + view.late.length;
    if (keys.dataset.names === names) return;
    keys.dataset.names = names;
    keys.replaceChildren(
      ...parts.map((part) => {
        const button = el(
          'button',
          { type: 'button', 'aria-pressed': String(!spec.off.has(part.label)) },
          el('i', { class: spec.bars ? 'block' : part.dash ? 'dash' : null, style: `border-top-color: var(${part.color})` }),
          part.label,
        );
        button.addEventListener('click', () => {
          if (!spec.off.delete(part.label)) spec.off.add(part.label);
          button.setAttribute('aria-pressed', String(!spec.off.has(part.label)));
          item.refresh();
        });
        return el('li', {}, button);
      }),
      ...(view.late.length ? [el('li', { class: 'shade' }, el('i'), 'tester late')] : []),
    );
  }
  function valueTable(spec) {
    let [first, last] = thin.span(T(), view.from, view.until);
    const bins = thin.bins(first, last, 48),
      parts = spec.parts(view.lane);
    const range = (part, bin) => {
      const [low, high] = thin.extremes(part.values, bin),
        f = part.format || spec.format;
      return low === null ? '–' : low === high ? f(low) : `${f(low)} to ${f(high)}`;
    };
    const rows = bins.map((bin) => [
      moment(T()[bin.from]),
      ...parts.map((part) => (spec.bars ? (part.format || spec.format)(thin.sum(part.values, bin)) : range(part, bin))),
    ]);
    const each = bins.length ? show.seconds(H()[bins[0].until - 1] - T()[bins[0].from]) : '';
    return dom.table([['from', 'keep'], ...parts.map((part) => [part.label, 'n'])], rows, {
      caption: `${spec.title}, ${spec.unit}: one row for each ${each}`,
    });
  }

  const every = () => [...view.items, ...plain];
  const rebuild = () => every().forEach((item) => item.build());
  // After new values: charts that came with them are made, those over time keep their zoom.
  const refresh = () => every().forEach((item) => (item.chart && item.refresh ? item.refresh() : item.build()));
  const resize = () => every().forEach((item) => item.chart && item.chart.resize());
  return { plain, time, options, dataset, rebuild, refresh, resize };
})();
