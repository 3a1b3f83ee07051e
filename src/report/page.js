'use strict';
// Puts the page together: the first screen, the bar that chooses group and range, the charts and tables beneath it.
(() => {
  const model = JSON.parse(document.getElementById('model').textContent);
  const { section } = dom;
  const main = document.getElementById('main');
  const redraw = []; // what depends on the group chosen

  // ---- theme ----
  const themeButton = document.getElementById('theme');
  function theme(name) {
    document.documentElement.dataset.theme = name;
    themeButton.textContent = name === 'dark' ? 'Light' : 'Dark';
    themeButton.setAttribute('aria-label', `Switch to the ${name === 'dark' ? 'light' : 'dark'} theme`);
    charts.rebuild();
  }
  const preferred = matchMedia('(prefers-color-scheme: dark)');

  // ---- the charts ----
  const L = () => charts.view.lane;
  const line = (label, key, color, more) => ({ label, values: L()[key], color, ...more });
  const has = (key) => L()[key].some((value) => value !== null);
  let planned = true, failures = false;

  const clients = () => charts.time({ id: 'clients', title: 'Clients', unit: 'clients at the end of each interval', format: show.count, whole: true, numbered: true, atEnd: true,
    parts: () => [line('open', 'open', '--accent', { width: 2, fill: true }), line('wanted', 'wanted', '--soft', { dash: true }),
      line('connecting', 'connecting', '--c2', { width: 1.2, rare: true }), line('waiting', 'waiting', '--c5', { width: 1.2, rare: true })] });
  const drops = () => charts.time({ id: 'drops', title: 'Drops and reconnects', unit: 'connections', format: show.count, bars: true, low: true, whole: true, suggestedMax: 4,
    parts: () => [line('drops', 'drops', '--bad'), line('reconnects', 'reconnects', '--accent-2')] });
  const response = () => charts.time({ id: 'response', title: 'Latency over time', unit: 'percentiles of each interval', format: show.us, log: true, logOn: true, bands: true,
    tools: [{ label: 'Service instead of response', get: () => !planned, set: (on) => { planned = !on; } }],
    parts: () => (planned
      ? [line('p50', 'response_p50_us', '--accent-2', { width: 1.6, dash: true }), line('p90', 'response_p90_us', '--accent-2', { width: 2 }), line('p99', 'response_p99_us', '--accent', { width: 2.2 }), line('max', 'response_max_us', '--quiet', { width: 1, upper: true })]
      : [line('service p50', 'service_p50_us', '--accent-2', { width: 1.6 }), line('service p99', 'service_p99_us', '--accent', { width: 2.2 }), line('response p99', 'response_p99_us', '--quiet', { dash: true })]) });
  const reasons = () => charts.time({ id: 'endings', title: 'Endings by reason', unit: 'connections', format: show.count, bars: true, stacked: true, low: true, whole: true, suggestedMax: 4,
    tools: [{ label: 'With failed attempts', get: () => failures, set: (on) => { failures = on; } }], parts: (lane) => lane.endings(!failures) });
  const rates = () => charts.time({ id: 'messages', title: 'Messages', unit: 'a second', format: show.rate, low: true, bands: true,
    parts: (lane) => [{ label: 'sent', values: lane.perSecond('sent'), color: '--accent' }, { label: 'replied', values: lane.perSecond('replied'), color: '--c3', dash: true }, { label: 'lost', values: lane.perSecond('lost'), color: '--bad', rare: true, upper: true },
      { label: 'incoming', values: lane.perSecond('incoming'), color: '--c5', off: lane.totals.messages.incoming === 0 }] });
  const network = () => charts.time({ id: 'network', title: 'Network beside server', unit: 'round trip of the kernel, and the whole service time', format: show.us, log: true, logOn: true, bands: true,
    parts: () => [line('TCP round trip p50', 'rtt_p50_us', '--c3'), line('TCP round trip p99', 'rtt_p99_us', '--c3', { dash: true }), line('service p50', 'service_p50_us', '--accent-2'), line('service p99', 'service_p99_us', '--accent', { dash: true })] });
  const cpu = () => charts.time({ id: 'cpu', title: 'CPU', unit: 'percent', format: show.percent, axis: (v) => `${v} %`, low: true, bands: true, suggestedMax: 100,
    parts: (lane) => [{ label: 'busiest worker, of one core', values: lane.tester.cpu_busiest_percent, color: '--accent' }, { label: 'whole host', values: lane.host.cpu_percent, color: '--quiet', dash: true }, { label: 'stolen', values: lane.host.steal_percent, color: '--c2', off: true }] });
  const lag = () => charts.time({ id: 'lag', title: 'How late the tester was', unit: 'most of each interval', format: show.us, log: true, logOn: false, low: true, bands: true,
    parts: (lane) => [{ label: 'event loop', values: lane.tester.loop_lag_max_us, color: '--c2', upper: true }, { label: 'messages left, p99', values: lane.send_lateness_p99_us, color: '--accent', upper: true }] });
  const memory = () => charts.time({ id: 'memory', title: 'Memory', unit: 'resident, all workers together', format: show.bytes, low: true, binary: true,
    parts: (lane) => [{ label: 'memory', values: lane.tester.rss_bytes, color: '--accent' }] });
  const distribution = () => charts.percentiles({ id: 'distribution', title: 'Latency by percentile', unit: 'each further nine has the same room',
    curves: () => [['response', 'response', '--accent'], ['service', 'service', '--accent-2', true], ['ping', 'ping', '--c3', true], ['TCP round trip', 'rtt', '--c5', true]]
      .filter(([, key]) => L().totals.latency[key].count > 0)
      .map(([label, key, color, dash]) => ({ label, color, dash, count: L().totals.latency[key].count, points: L().totals.latency[key].curve })),
    table: () => sections.latencyTable(model, L(), sections.others, 'Latency by percentile') });

  // ---- the bar ----
  function bar() {
    const view = charts.view;
    const zoom = (factor) => {
      const middle = (view.from + view.until) / 2, half = ((view.until - view.from) / 2) * factor;
      charts.setRange(middle - half, middle + half);
    };
    const move = (share) => charts.setRange(view.from + share * (view.until - view.from), view.until + share * (view.until - view.from));
    const button = (label, hint, action) => el('button', { type: 'button', 'aria-label': hint, title: hint, onclick: action }, label);
    const back = button('◀', 'Earlier', () => move(-0.5)), on = button('▶', 'Later', () => move(0.5)), out = button('−', 'Zoom out', () => zoom(2));
    const all = button('Whole run', 'Show the whole run', () => charts.setRange(...view.full)), range = el('span', { class: 'range', role: 'status' });
    const choose = el('select', { id: 'group' }, model.groups.length > 1 ? el('option', { value: '' }, `All ${model.groups.length} groups`) : null, model.groups.map((group, i) => el('option', { value: String(i + 1) }, group.name)));
    choose.addEventListener('change', () => {
      setLane(choose.value === '' ? null : model.groups[Number(choose.value) - 1].name);
      charts.rebuild();
      redraw.forEach((again) => again());
    });
    const tell = () => {
      const whole = view.from <= view.full[0] && view.until >= view.full[1];
      range.textContent = whole ? `Whole run, ${show.seconds(view.until - view.from)}` : `${charts.moment(view.from)} to ${charts.moment(view.until)}, ${show.seconds(view.until - view.from)}`;
      [back, on, out, all].forEach((item) => { item.disabled = whole; });
    };
    view.listeners.push(tell);
    tell();
    return el('div', { class: 'bar', role: 'group', 'aria-label': 'Group and time shown' }, el('label', { for: 'group' }, 'Group'), choose, button('+', 'Zoom in', () => zoom(0.5)), out, back, on, all, range);
  }
  function setLane(name) {
    charts.view.lane = lanes.make(model, name);
  }
  // A part of the page that is built again when another group is chosen.
  function byGroup(build) {
    const box = el('div');
    const again = () => box.replaceChildren(build());
    redraw.push(again);
    again();
    return box;
  }

  function begin() {
    const series = model.series, end = series.end_s, view = charts.view;
    setLane(model.groups.length === 1 ? model.groups[0].name : null);
    view.origin = Date.parse(model.run.started) / 1000;
    view.full = [series.t_s.length ? series.t_s[0] : 0, end];
    [view.from, view.until] = view.full;
    view.late = lanes.late(model);
    view.marks = sections.marksOf(model);
    const thinned = series.thinned ? ` Of every ${show.seconds(series.thinned * series.interval_s)} the charts keep the highest latency, of twice that the lowest and the highest number of clients.` : '';
    const messages = model.totals.messages.planned > 0 || model.totals.messages.incoming > 0;
    const put = (...nodes) => main.append(...nodes.flat().filter(Boolean));

    put(sections.lead(model), sections.objectives(model), bar());
    put(section('timeline', 'Timeline', `Drag across a chart to zoom all of them, double-click to see the whole run again. Times are UTC.${thinned}`, clients(), drops(), sections.marks(model, view.marks)));
    put(sections.findings(model), sections.groups(model));
    if (has('response_p50_us')) put(section('latency', 'Response', 'From the planned time of each message to its reply. Service, from the bytes written, leaves out what waited on our side.', response(), distribution()));
    put(section('endings', 'Drops and endings', 'Why connections ended, and how the clients came back.', reasons(), sections.storms(model), byGroup(() => sections.endings(model, L()))));
    if (messages) put(section('messages', 'Messages', 'Planned = sent + skipped; sent = replied + lost + in flight, and what expects no reply.', rates(), sections.messages(model)));
    put(section('phases', 'Connect phases', 'How long each step took, over every connection that came so far.', byGroup(() => sections.latencyTable(model, L(), sections.phases, 'Connect phases'))));
    put(section('latencies', 'All latencies', null, has('rtt_p50_us') ? network() : null, byGroup(() => sections.latencyTable(model, L(), sections.others, 'All latencies'))));
    put(section('tester', 'The tester itself', null, sections.tester(model), cpu(), lag(), memory()));
    put(section('host', 'Host and limits', null, sections.host(model)));
    put(el('section', { 'aria-label': 'More' }, sections.closing(model)));
    document.body.append(el('footer', {}, el('p', {}, `longhaul ${model.run.version}, run ${model.run.id}, ${model.run.file}`), el('p', {}, 'One file, no network: everything above comes from the run file.')));
    theme(preferred.matches ? 'dark' : 'light');
    themeButton.hidden = false;
    themeButton.addEventListener('click', () => theme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'));
    preferred.addEventListener('change', () => theme(preferred.matches ? 'dark' : 'light'));
    addEventListener('beforeprint', () => {
      theme('light');
      charts.resize();
    });
    addEventListener('afterprint', () => charts.resize());
  }
  begin();
})();
