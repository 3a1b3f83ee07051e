'use strict';
// The first screen and what follows it: verdict, headline, figures, objectives, findings, groups. From the model alone.
const first = (() => {
  const { number, zero, table, section, when } = dom;

  // A number and its unit stay on one line.
  const together = (text) => text.replace(/(\d) (?=(?:%|us|ms|s|min|h|d|B|KiB|MiB|GiB)\b|%)/g, '$1\u00a0');

  function lead(model) {
    const run = model.run,
      going = run.how === 'in progress',
      word = (going ? { passed: 'Running', failed: 'Running: failed so far', inconclusive: 'Running: not certain so far' } : { passed: 'Passed', failed: 'Failed', inconclusive: 'Inconclusive' })[model.verdict];
    const part = run.whole
      ? null
      : el(
          'p',
          { class: 'note' },
          `Only a part of the run is reported: ${show.time(run.from)} to ${show.time(run.until)} UTC.`,
        );
    return el(
      'div',
      { class: 'lead' },
      el(
        'div',
        { class: 'name' },
        el('h1', { 'data-path': 'run.name' }, run.name),
        el('p', { class: `verdict ${going && model.verdict === 'passed' ? 'running' : model.verdict}`, 'data-path': 'verdict' }, word),
      ),
      el(
        'p',
        { class: 'when' },
        `${show.time(run.started)} to ${run.started.slice(0, 10) === run.ended.slice(0, 10) ? show.clock(run.ended) : show.time(run.ended)} UTC, ${show.seconds(run.duration_s)}${run.how === 'complete' ? '' : ` (${run.how})`}`,
      ),
      part,
      el('p', { class: 'headline', 'data-path': 'headline' }, together(`${model.headline}.`)),
      el(
        'ul',
        { class: 'reasons' },
        model.verdict_reasons.map((reason) => el('li', {}, reason)),
      ),
      el(
        'dl',
        { class: 'words brief' },
        [
          ['Ran', 'ran'],
          ['Drops', 'drops'],
          ['Latency', 'latency'],
          ['Tester', 'tester'],
        ].map(([word, key]) => [el('dt', {}, word), el('dd', { 'data-path': `brief.${key}` }, together(model.brief[key]))]),
      ),
      run.note ? el('p', { class: 'note' }, run.note) : null,
    );
  }

  function figures(model) {
    const t = model.totals,
      response = t.latency.response,
      outage = t.latency.outage,
      m = t.messages;
    const tiles = [
      ['Clients', number(model, 'totals.clients.planned', show.count), `${show.count(t.clients.open_most)} open at the most`],
      [
        'Availability',
        number(model, 'totals.availability_percent', show.percent),
        `over ${show.rate(t.client_hours)} client-hours`,
      ],
      [
        'Drops',
        number(model, 'totals.drops', show.count),
        t.drops_per_client_hour === null ? '' : `${show.rate(t.drops_per_client_hour)} per client-hour`,
      ],
      [
        'Longest outage',
        number(model, 'totals.latency.outage.max_us', show.us),
        outage.count ? `half back within ${show.us(outage.p50_us)}` : 'no client had to come back',
      ],
    ];
    if (response.count)
      tiles.push([
        'Response p99',
        number(model, 'totals.latency.response.p99_us', show.us),
        `p50 ${show.us(response.p50_us)}, max ${show.us(response.max_us)}`,
      ]);
    if (m.replied + m.lost > 0)
      tiles.push([
        'Replies lost',
        number(model, 'totals.messages.lost', show.count),
        `${show.percent(m.lost_percent || 0)} of ${show.count(m.replied + m.lost)}`,
      ]);
    return el(
      'dl',
      { class: 'figures' },
      tiles.map(([title, value, small]) =>
        el('div', {}, el('dt', {}, title), el('dd', {}, value, el('small', {}, together(small)))),
      ),
    );
  }

  function objectives(model) {
    if (model.slo.length === 0) return null;
    const state = (passed) =>
      el(
        'span',
        { class: `state ${passed === null ? 'unknown' : passed ? 'ok' : 'no'}` },
        passed === null ? '? unknown' : passed ? '✓ held' : '✗ failed',
      );
    const left = (item) =>
      item.intervals === undefined
        ? '–'
        : [
            item.intervals_left_out_tester_late ? `${show.count(item.intervals_left_out_tester_late)} tester late` : null,
            item.intervals_left_out_grace ? `${show.count(item.intervals_left_out_grace)} warm-up` : null,
          ]
            .filter(Boolean)
            .join(', ') || 'none';
    const rows = model.slo.map((item, i) => [
      el('code', {}, item.metric),
      state(item.passed),
      el('span', { 'data-path': `slo.${i}.value` }, item.unit ? show.slo(item, 'value') : item.note),
      `${item.op} ${item.unit ? show.slo(item, 'threshold') : item.threshold_text}${item.for_s ? ` over each ${show.seconds(item.for_s)}` : ''}`,
      item.worst_at ? [`${show.slo(item, 'worst')} at `, when(item.worst_at)] : '–',
      item.breached_s ? show.seconds(item.breached_s) : el('span', { class: 'zero' }, 'none'),
      left(item),
    ]);
    return section(
      'objectives',
      'Objectives',
      'What the config asked for, over the intervals in which the tester itself was in time.',
      table(
        [
          ['metric'],
          ['', 'keep'],
          ['value', 'n'],
          ['objective', 'keep'],
          ['worst', 'n', 'of one interval, or of one window where the objective has one'],
          ['time breached', 'n', 'intervals whose own value breaches the objective'],
          ['intervals left out', 'n'],
        ],
        rows,
        { cards: true, label: 'Objectives' },
      ),
    );
  }

  function findings(model) {
    if (model.findings.length === 0) return null;
    const most = 6,
      stop = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
    const list = (items) =>
      el(
        'ul',
        { class: 'findings' },
        items.map((item) =>
          el(
            'li',
            { class: item.severity },
            el('p', {}, item.sentence),
            el(
              'p',
              { class: 'why' },
              `${item.evidence ? `${stop(item.evidence)} ` : ''}Confidence ${Math.round(item.confidence * 100)} %${item.group ? `, group ${item.group}` : ''}.`,
            ),
          ),
        ),
      );
    const box = el('div', { class: 'long on-paper' }, list(model.findings.slice(0, most)));
    box.expand = () => {
      box.dataset.all = 'yes';
      box.replaceChildren(list(model.findings));
    };
    if (model.findings.length > most)
      box.append(
        el('p', {}, el('button', { type: 'button', onclick: box.expand }, `Show all ${show.count(model.findings.length)} findings`)),
      );
    return section('findings', 'Findings', 'What the analysis of the run would tell you, with its evidence.', box);
  }

  function groups(model) {
    const words = (item) => (item.kind ? `${item.kind}${item.target ? `, ${item.target}` : ''}` : ''),
      same = model.groups.every((item) => words(item) === words(model.groups[0]));
    const row = (item, name, path) => [
      el('strong', {}, name),
      ...(same ? [] : [words(item)]),
      number(model, `${path}.clients.planned`, show.count),
      number(model, `${path}.availability_percent`, show.percent),
      number(model, `${path}.drops`, show.count),
      show.none(show.rate)(item.drops_per_client_hour),
      show.count(item.reconnects),
      zero(item.connect_failures),
      show.none(show.us)(item.latency.outage.max_us),
      show.none(show.us)(item.latency.response.p50_us),
      number(model, `${path}.latency.response.p99_us`, show.us),
      show.none(show.us)(item.latency.response.max_us),
    ];
    const rows = model.groups.map((item, i) => row(item, item.name, `groups.${i}`));
    if (rows.length > 1) rows.push(row(model.totals, 'All groups', 'totals'));
    const one = model.groups[0];
    return section(
      'groups',
      'Groups',
      same
        ? `${model.groups.length > 1 ? 'All of kind' : 'Of kind'} ${one.kind}${one.target ? `, on ${one.target} (${one.url})` : ''}.`
        : null,
      table(
        [
          ['group', 'who'],
          ...(same ? [] : [['kind, target', 'keep']]),
          ['clients', 'n'],
          ['available', 'n'],
          ['drops', 'n'],
          ['per client-hour', 'n'],
          ['reconnects', 'n'],
          ['failed attempts', 'n'],
          ['longest outage', 'n'],
          ['response p50', 'n'],
          ['p99', 'n'],
          ['max', 'n'],
        ],
        rows,
        { sum: rows.length > 1, label: 'Groups' },
      ),
    );
  }

  return { lead, figures, objectives, findings, groups };
})();
