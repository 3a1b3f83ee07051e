'use strict';
// Puts the page together: the first screen, the bar that chooses group and range, the charts and tables beneath it.
(() => {
  let model = JSON.parse(document.getElementById('model').textContent); // null: a run in progress, see page_live.js
  const { section } = dom;
  const main = document.getElementById('main');
  const parts = []; // {box, build}: built again when another group is chosen, or the model has changed
  const later = []; // {box, wanted, build}: built once, when there is something to show

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
      renewAll();
      charts.rebuild();
      if (now !== null) drawNow(now);
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

  // ---- parts ----
  const flat = (nodes) => [nodes].flat(Infinity).filter(Boolean);
  function part(build) {
    const box = el('div');
    parts.push({ box, build });
    return box;
  }
  function once(wanted, build) {
    const box = el('div');
    later.push({ box, wanted, build });
    return box;
  }
  // What a reader has opened, scrolled to or is about to copy survives the new numbers.
  function carry(old, fresh) {
    const pairs = (selector) => {
      const into = fresh.querySelectorAll(selector);
      return [...old.querySelectorAll(selector)].map((node, i) => [node, into[i]]).filter(([, node]) => node);
    };
    for (const [was, is] of pairs('.long')) if (was.dataset.all) is.expand();
    for (const [was, is] of pairs('details')) if (was.open) is.unfold();
    const scrolled = pairs('.scroll').map(([was, is]) => [is, was.scrollLeft]);
    return () => scrolled.forEach(([is, left]) => { is.scrollLeft = left; });
  }
  function renew({ box, build }) {
    const fresh = el('div', {}, flat(build())),
      chosen = getSelection();
    const same = box.isEqualNode(fresh);
    if (same || (chosen && !chosen.isCollapsed && box.contains(chosen.anchorNode))) return;
    const at = [...box.querySelectorAll('*')].indexOf(document.activeElement),
      settle = carry(box, fresh);
    if (box.isEqualNode(fresh)) return;
    box.replaceChildren(...fresh.childNodes);
    settle();
    const focus = at < 0 ? null : box.querySelectorAll('*')[at];
    if (focus) focus.focus({ preventScroll: true });
  }
  function renewAll() {
    for (const item of later) if (!item.box.firstChild && item.wanted()) item.box.append(...flat(item.build()));
    parts.forEach(renew);
  }

  // ---- the page ----
  const hasMessages = () => model.totals.messages.planned > 0 || model.totals.messages.incoming > 0;
  const thinned = () =>
    model.series.thinned
      ? ` Of every ${show.seconds(model.series.thinned * model.series.interval_s)} the charts keep the highest latency, of twice that the lowest and the highest number of clients.`
      : '';
  function takeModel(chosen) {
    const series = model.series;
    setLane(chosen);
    view.origin = Date.parse(model.run.started) / 1000;
    view.full = [series.t_s.length ? series.t_s[0] : 0, series.end_s];
    view.late = lanes.late(model);
    view.marks = tables.marksOf(model);
  }
  function layOut() {
    const put = (...nodes) => main.append(...flat(nodes));
    put(
      part(() => first.lead(model)),
      nowBox,
      part(() => first.objectives(model)),
      bar(),
    );
    put(
      section(
        'timeline',
        'Timeline',
        null,
        specs.clients(),
        part(() =>
          el(
            'p',
            { class: 'about after screen' },
            `Drag across a chart to zoom all of them, double-click to see the whole run again. Times are UTC.${thinned()}`,
          ),
        ),
        part(() => tables.marks(model, view.marks)),
        specs.drops(),
      ),
      part(() => first.figures(model)),
      part(() => first.findings(model)),
      part(() => first.groups(model)),
      once(
        () => model.shards,
        () =>
          section(
            'shards',
            'Shards',
            'Each host carried its share of the clients of every group.',
            part(() => about.shards(model)),
          ),
      ),
      once(
        () => specs.has('response_p50_us'),
        () =>
          section(
            'latency',
            'Response',
            'From the planned time of each message to its reply. Service, from the bytes written, leaves out what waited on our side.',
            specs.response(),
            specs.distribution(() => model),
          ),
      ),
      section(
        'endings',
        'Drops and endings',
        'Why connections ended, and how the clients came back.',
        specs.reasons(),
        part(() => tables.storms(model)),
        part(() => tables.endings(model, view.lane)),
        part(() => tables.logins(model)),
      ),
      once(hasMessages, () =>
        section(
          'messages',
          'Messages',
          'Planned = sent + skipped; sent = replied + lost + in flight, and what expects no reply.',
          specs.rates(),
          part(() => tables.messages(model)),
          part(() => tables.pushes(model)),
        ),
      ),
      section(
        'phases',
        'Connect phases',
        'How long each step took, over every connection that came so far.',
        part(() => tables.latencies(model, view.lane, tables.phases, 'Connect phases')),
      ),
      section(
        'latencies',
        'All latencies',
        null,
        once(
          () => specs.has('rtt_p50_us'),
          () => specs.network(),
        ),
        part(() => tables.latencies(model, view.lane, tables.others, 'All latencies')),
      ),
      once(
        () => model.server,
        () =>
          section(
            'server',
            'Server',
            null,
            part(() => about.server(model)),
            ...specs.server(model),
          ),
      ),
      section(
        'tester',
        'The tester itself',
        null,
        part(() => about.tester(model)),
        specs.cpu(),
        specs.lag(),
        specs.memory(),
      ),
      section(
        'host',
        'Host and limits',
        null,
        part(() => (model.shards ? null : about.usage(model))),
        once(
          () => view.lane.host.tcp_in_use.some((value) => value !== null),
          () => [specs.sockets(), specs.retransmits()],
        ),
        part(() => about.hosts(model)),
      ),
      el(
        'section',
        { 'aria-label': 'More' },
        part(() => about.closing(model)),
      ),
    );
    document.body.append(
      el(
        'footer',
        {},
        part(() => el('p', {}, `longhaul ${model.run.version}, run ${model.run.id}, ${model.run.file}`)),
        el('p', {}, embedded ? 'One file, no network: everything above comes from the run file.' : 'From the run file, as of its last interval.'),
      ),
    );
    renewAll();
  }
  function useTheme() {
    theme(preferred.matches ? 'dark' : 'light');
    themeButton.hidden = false;
    themeButton.addEventListener('click', () => theme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark'));
    preferred.addEventListener('change', () => theme(preferred.matches ? 'dark' : 'light'));
    addEventListener('beforeprint', () => {
      theme('light');
      document.querySelectorAll('.long.on-paper').forEach((box) => box.expand());
      charts.resize();
    });
    addEventListener('afterprint', () => charts.resize());
  }
  function begin() {
    dom.useDates(model.run.duration_s >= 86400);
    takeModel(model.groups.length === 1 ? model.groups[0].name : null);
    [view.from, view.until] = view.full;
    layOut();
  }

  // ---- a run in progress ----
  const embedded = model !== null,
    nowBox = el('div');
  let now = null;
  function drawNow(message) {
    now = message;
    if (now === null) return;
    document.title = `${now.name}: ${now.phase} - longhaul`;
    const lane = view.lane && view.lane.group !== null ? model.groups.findIndex((group) => group.name === view.lane.group) : null;
    nowBox.replaceChildren(live.now(now, lane));
  }
  function drawModel(newer, message) {
    const before = model;
    model = newer;
    drawNow(message);
    if (before === null) {
      main.replaceChildren();
      begin();
      charts.rebuild();
      return;
    }
    const whole = view.from <= view.full[0] && view.until >= view.full[1];
    dom.useDates(model.run.duration_s >= 86400);
    takeModel(view.lane.group);
    if (whole) [view.from, view.until] = view.full;
    renewAll();
    charts.refresh();
    view.listeners.forEach((listener) => listener());
  }
  const words = {
    live: 'live',
    lost: 'The connection to the run is lost. This page tries again by itself; what it shows is as of then.',
    ended: 'The run has ended; this is its last picture.',
  };
  function begun() {
    const state = el('p', { class: 'link', role: 'status' }, 'connecting');
    document.querySelector('header.top .brand').after(state);
    main.append(el('p', { class: 'empty' }, 'The first interval of the run is not over yet: charts and tables come with it.'), nowBox);
    live.follow({
      model: drawModel,
      now: drawNow,
      state: (name) => {
        state.className = `link ${name}`;
        state.textContent = words[name];
        if (name === 'ended') nowBox.replaceChildren();
      },
    });
  }

  if (embedded) begin();
  else begun();
  useTheme();
})();
