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

  // ---- the bar ----
  function bar() {
    const zoom = (factor) => {
      const middle = (view.from + view.until) / 2,
        half = ((view.until - view.from) / 2) * factor;
      view.setRange(middle - half, middle + half);
    };
    const move = (share) =>
      view.setRange(view.from + share * (view.until - view.from), view.until + share * (view.until - view.from));
    const button = (label, hint, action) =>
      el('button', { type: 'button', 'aria-label': hint, title: hint, onclick: action }, label);
    const back = button('◀', 'Earlier', () => move(-0.5)),
      on = button('▶', 'Later', () => move(0.5)),
      out = button('−', 'Zoom out', () => zoom(2));
    const all = button('Whole run', 'Show the whole run', () => view.setRange(...view.full)),
      range = el('span', { class: 'range', role: 'status' });
    const choose = el(
      'select',
      { id: 'group' },
      model.groups.length > 1 ? el('option', { value: '' }, `All ${model.groups.length} groups`) : null,
      model.groups.map((group, i) => el('option', { value: String(i + 1) }, group.name)),
    );
    choose.addEventListener('change', () => {
      setLane(choose.value === '' ? null : model.groups[Number(choose.value) - 1].name);
      charts.rebuild();
      redraw.forEach((again) => again());
    });
    const tell = () => {
      const whole = view.from <= view.full[0] && view.until >= view.full[1];
      range.textContent = whole
        ? `Whole run, ${show.seconds(view.until - view.from)}`
        : `${view.moment(view.from)} to ${view.moment(view.until)}, ${show.seconds(view.until - view.from)}`;
      [back, on, out, all].forEach((item) => {
        item.disabled = whole;
      });
    };
    view.listeners.push(tell);
    tell();
    return el(
      'div',
      { class: 'bar', role: 'group', 'aria-label': 'Group and time shown' },
      el('label', { for: 'group' }, 'Group'),
      choose,
      button('+', 'Zoom in', () => zoom(0.5)),
      out,
      back,
      on,
      all,
      range,
    );
  }
  function setLane(name) {
    view.lane = lanes.make(model, name);
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
    const series = model.series,
      end = series.end_s;
    dom.useDates(model.run.duration_s >= 86400);
    setLane(model.groups.length === 1 ? model.groups[0].name : null);
    view.origin = Date.parse(model.run.started) / 1000;
    view.full = [series.t_s.length ? series.t_s[0] : 0, end];
    [view.from, view.until] = view.full;
    view.late = lanes.late(model);
    view.marks = tables.marksOf(model);
    const thinned = series.thinned
      ? ` Of every ${show.seconds(series.thinned * series.interval_s)} the charts keep the highest latency, of twice that the lowest and the highest number of clients.`
      : '';
    const messages = model.totals.messages.planned > 0 || model.totals.messages.incoming > 0;
    const put = (...nodes) => main.append(...nodes.flat().filter(Boolean));

    put(first.lead(model), first.objectives(model), bar());
    put(
      section(
        'timeline',
        'Timeline',
        `Drag across a chart to zoom all of them, double-click to see the whole run again. Times are UTC.${thinned}`,
        specs.clients(),
        specs.drops(),
        tables.marks(model, view.marks),
      ),
    );
    put(first.findings(model), first.groups(model));
    if (specs.has('response_p50_us'))
      put(
        section(
          'latency',
          'Response',
          'From the planned time of each message to its reply. Service, from the bytes written, leaves out what waited on our side.',
          specs.response(),
          specs.distribution(model),
        ),
      );
    put(
      section(
        'endings',
        'Drops and endings',
        'Why connections ended, and how the clients came back.',
        specs.reasons(),
        tables.storms(model),
        byGroup(() => tables.endings(model, view.lane)),
      ),
    );
    if (messages)
      put(
        section(
          'messages',
          'Messages',
          'Planned = sent + skipped; sent = replied + lost + in flight, and what expects no reply.',
          specs.rates(),
          tables.messages(model),
          tables.pushes(model),
        ),
      );
    put(
      section(
        'phases',
        'Connect phases',
        'How long each step took, over every connection that came so far.',
        byGroup(() => tables.latencies(model, view.lane, tables.phases, 'Connect phases')),
      ),
    );
    put(
      section(
        'latencies',
        'All latencies',
        null,
        specs.has('rtt_p50_us') ? specs.network() : null,
        byGroup(() => tables.latencies(model, view.lane, tables.others, 'All latencies')),
      ),
    );
    put(section('tester', 'The tester itself', null, about.tester(model), specs.cpu(), specs.lag(), specs.memory()));
    put(section('host', 'Host and limits', null, about.host(model)));
    put(el('section', { 'aria-label': 'More' }, about.closing(model)));
    document.body.append(
      el(
        'footer',
        {},
        el('p', {}, `longhaul ${model.run.version}, run ${model.run.id}, ${model.run.file}`),
        el('p', {}, 'One file, no network: everything above comes from the run file.'),
      ),
    );
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
