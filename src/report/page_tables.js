'use strict';
// Tables beside the charts: events, mass drops, endings, messages, latencies.
const tables = (() => {
  const { number, zero, table, longTable, when } = dom;

  // Events and mass drops as one numbered list: the numbers stand on the charts.
  function marksOf(model) {
    const quiet = new Set(['run started', 'run ended', ...(model.storms.length ? ['mass drop'] : [])]);
    const marks = model.events
      .filter((event) => !quiet.has(event.kind) && !(event.kind === 'run stopping' && event.text === 'the duration is over'))
      .map((event) => ({ s: event.t_s, at: event.at, kind: event.kind, group: event.group, what: event.text }));
    const waves = []; // groups that dropped together for one reason are one mark
    for (const storm of [...model.storms].sort((a, b) => a.from_s - b.from_s)) {
      const wave = waves.find(
        (known) =>
          known.reason === storm.reason && known.code === storm.code && storm.from_s - known.from_s < 2 && !known.groups.includes(storm.group),
      );
      if (!wave) waves.push({ ...storm, groups: [storm.group] });
      else
        Object.assign(wave, {
          drops: wave.drops + storm.drops,
          open_before: wave.open_before + storm.open_before,
          until_s: Math.max(wave.until_s, storm.until_s),
          groups: [...wave.groups, storm.group],
        });
    }
    for (const wave of waves) {
      marks.push({
        s: wave.from_s,
        at: wave.at,
        kind: 'mass drop',
        group: wave.groups.length === 1 ? wave.group : `${wave.groups.length} groups`,
        what: `${show.count(wave.drops)} of ${show.count(wave.open_before)} clients dropped within ${show.seconds(Math.max(0.001, wave.until_s - wave.from_s))}: ${wave.reason}${wave.code ? ` ${wave.code}` : ''}`,
      });
    }
    return marks.sort((a, b) => a.s - b.s).map((mark, i) => ({ ...mark, n: i + 1 }));
  }
  function marks(model, list) {
    if (list.length === 0) return el('p', { class: 'empty' }, 'No events: nothing was marked, no mass drop, no worker lost.');
    return longTable(
      [
        ['#', 'n'],
        ['at (UTC)', 'keep'],
        ['into the run', 'n'],
        ['event', 'keep'],
        ['group', 'who'],
        ['what', 'text'],
      ],
      list.map((mark) => [mark.n, when(mark.at), show.seconds(mark.s), mark.kind, mark.group || 'all', mark.what]),
      { caption: 'Events, by the numbers on the first chart', cards: 'list' },
    );
  }

  // The way back of one storm: open clients as a line, attempts as bars, from the second before the first drop on.
  function wayBack(storm) {
    const curve = storm.curve;
    if (!curve || curve.open.length < 2) return '';
    const width = 150,
      height = 28,
      ns = 'http://www.w3.org/2000/svg',
      n = curve.open.length,
      full = Math.max(1, ...curve.open),
      most = Math.max(1, ...curve.attempts),
      x = (i) => (width * i) / (n - 1),
      y = (part) => (height - 1) * (1 - part) + 0.5;
    const svg = document.createElementNS(ns, 'svg');
    const shape = (tag, attributes) => {
      const node = document.createElementNS(ns, tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      svg.append(node);
    };
    const words = `open clients over ${show.seconds((n - 1) * curve.step_s)}, at least ${show.count(Math.min(...curve.open))}, in the end ${show.count(curve.open[n - 1])}; at most ${show.rate(most / curve.step_s)} attempts/s (bars)`;
    for (const [name, value] of Object.entries({ class: 'curve', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': words }))
      svg.setAttribute(name, value);
    const title = document.createElementNS(ns, 'title');
    title.append(words);
    svg.append(title);
    curve.attempts.forEach((count, i) => {
      if (count) shape('rect', { class: 'attempts', x: x(i) - width / n, y: y(count / most), width: width / n, height: height - y(count / most) });
    });
    shape('polyline', { class: 'open', points: curve.open.map((open, i) => `${x(i).toFixed(1)},${y(open / full).toFixed(1)}`).join(' ') });
    return svg;
  }
  const SPREADS = {
    even: 'even',
    capped: 'rate cap',
    bunched: 'bunched',
  };

  function storms(model) {
    if (model.storms.length === 0) return null;
    const within = (s) => (s > 0 ? `< ${show.seconds(s)}` : show.seconds(s));
    return el(
      'div',
      {},
      el('h3', {}, 'Mass drops'),
      longTable(
        [
          ['at (UTC)', 'keep'],
          ['group', 'who'],
          ['drops', 'n'],
          ['of open', 'n'],
          ['within', 'n'],
          ['reason', 'keep'],
          ['50 % back', 'n', 'counted at the end of a second (or interval): they were back within it'],
          ['95 % back', 'n'],
          ['all back', 'n'],
          ['the way back', 'keep'],
          ['peak attempts/s', 'n'],
          ['drawn evenly', 'n', 'what the peak would be with the waits of the policy drawn evenly between nothing and their full length'],
          ['spread', 'keep', 'even: as the waits of the policy allow; rate cap: held down by run.connect_rate; bunched: more than half above even'],
          ['failed attempts', 'n'],
          ['held back', 'n', 'most clients that waited for the connect-rate cap at once'],
        ],
        model.storms.map((s) => [
          when(s.at),
          s.group,
          show.count(s.drops),
          show.count(s.open_before),
          show.seconds(Math.max(0.001, s.until_s - s.from_s)),
          `${s.side}: ${s.reason}${s.code ? ` ${s.code}` : ''}`,
          show.none(within)(s.back_50_s),
          show.none(within)(s.back_95_s),
          s.back_100_s === null ? (s.overtaken ? 'not before the next' : 'not seen') : within(s.back_100_s),
          wayBack(s),
          show.rate(s.attempts_peak_per_s),
          show.none(show.rate)(s.even_peak_per_s),
          SPREADS[s.spread] || '',
          zero(s.failed_attempts),
          zero(s.queued_peak),
        ]),
        { label: 'Mass drops' },
      ),
      el(
        'p',
        { class: 'about after' },
        `Return times are measured from the first drop, to the end of ${
          model.storms.every((s) => s.resolution_s === model.run.interval_s) ? 'an interval' : 'a tick'
        } of ${show.seconds(model.storms[0].resolution_s)}.`,
      ),
    );
  }

  function endings(model, lane) {
    const rows = lane.totals.endings,
      all = rows.reduce((sum, row) => sum + row.count, 0);
    if (rows.length === 0) return el('p', { class: 'empty' }, 'No connection has ended.');
    const columns = [
      ['stage', 'keep'],
      ['side', 'keep'],
      ['reason', 'keep'],
      ['code', 'keep'],
      ['text', 'text code'],
      ['count', 'n'],
      ['', 'keep'],
      ['first', 'keep'],
      ['last (UTC)', 'keep'],
    ];
    const used = columns.map(
      ([title]) => (title !== 'code' && title !== 'text') || rows.some((row) => row[title] !== null && row[title] !== ''),
    );
    return longTable(
      columns.filter((_, c) => used[c]),
      rows.map((row, i) =>
        [
          row.stage,
          row.side,
          row.drop && row.stage === 'open'
            ? [row.reason, ' ', el('span', { class: 'state no', title: 'counts as a drop' }, '•')]
            : row.reason,
          row.code === null ? '' : `${row.code}${row.code_name ? ` ${row.code_name}` : ''}`,
          row.text,
          el('span', { 'data-path': `${lane.path}.endings.${i}.count` }, show.count(row.count)),
          el('span', { class: 'share', style: `width:${Math.max(1, Math.round((90 * row.count) / all))}px` }),
          when(row.first),
          when(row.last),
        ].filter((_, c) => used[c]),
      ),
      { caption: 'Endings: how connections ended. A red dot marks drops.' },
    );
  }

  function messages(model) {
    const row = (name, item, path) => {
      const m = item.messages;
      return [
        el('strong', {}, name),
        number(model, `${path}.messages.planned`, show.count),
        number(model, `${path}.messages.sent`, show.count),
        zero(m.skipped_not_open),
        zero(m.skipped_late),
        number(model, `${path}.messages.replied`, show.count),
        number(model, `${path}.messages.lost`, show.count),
        zero(m.late),
        zero(m.duplicate),
        zero(m.out_of_order),
        zero(m.corrupt),
        zero(m.failed),
        zero(m.in_flight),
        zero(m.incoming),
        show.bytes(item.bytes.sent),
        show.bytes(item.bytes.received),
      ];
    };
    const rows = model.groups.map((item, i) => row(item.name, item, `groups.${i}`));
    if (rows.length > 1) rows.push(row('All groups', model.totals, 'totals'));
    const columns = [
      ['group', 'who'],
      ['planned', 'n'],
      ['sent', 'n'],
      ['skipped: not open', 'n', 'due while the client was not open'],
      ['skipped: late', 'n', 'a whole period had passed; response counts the wait of those behind another'],
      ['replied', 'n'],
      ['lost', 'n', 'no reply in time, or the connection ended first'],
      ['late replies', 'n', 'replied after `within`; part of replied'],
      ['duplicate', 'n'],
      ['out of order', 'n'],
      ['corrupt', 'n'],
      ['failed', 'n', 'a check of the config; part of replied'],
      ['in flight', 'n', 'at the end'],
      ['incoming', 'n', 'pushed by the server, no reply'],
      ['bytes out', 'n'],
      ['bytes in', 'n'],
    ];
    const keys = [
      null,
      null,
      null,
      'skipped_not_open',
      'skipped_late',
      null,
      null,
      'late',
      'duplicate',
      'out_of_order',
      'corrupt',
      'failed',
      'in_flight',
      'incoming',
      null,
      null,
    ];
    const kept = keys.map((key) => key === null || model.groups.some((group) => group.messages[key] > 0)),
      none = columns.filter((_, c) => !kept[c]).map(([title]) => title);
    return [
      table(
        columns.filter((_, c) => kept[c]),
        rows.map((cells) => cells.filter((_, c) => kept[c])),
        { sum: rows.length > 1, label: 'Messages' },
      ),
      none.length ? el('p', { class: 'about after' }, `None in any group: ${none.join(', ')}.`) : null,
    ];
  }

  // Logins, for the groups that have them; why some failed stands with the endings.
  function logins(model) {
    const counted = model.groups.map((group, i) => [group, `groups.${i}`]).filter(([group]) => group.logins);
    if (counted.length === 0) return null;
    const row = (name, path) => {
      const cell = (key, f = show.count) => number(model, `${path}.logins.${key}`, f),
        took = (key) => number(model, `${path}.latency.login.${key}`, show.us);
      return [
        el('strong', {}, name),
        cell('begun'),
        cell('succeeded'),
        cell('failed'),
        cell('dropped'),
        cell('peak_per_s', show.rate),
        took('p50_us'),
        took('p99_us'),
        took('max_us'),
      ];
    };
    const rows = counted.map(([group, path]) => row(group.name, path));
    if (counted.length > 1) rows.push(row('All groups', 'totals'));
    const columns = [
      ['group', 'keep'],
      ['logins', 'n', 'requests begun'],
      ['succeeded', 'n'],
      ['failed', 'n', 'why stands with the endings of stage login'],
      ['dropped', 'n', 'no longer wanted, or the run was over'],
      ['peak a second', 'n'],
      ['p50', 'n'],
      ['p99', 'n'],
      ['max', 'n'],
    ];
    return table(columns, rows, { sum: counted.length > 1, label: 'Logins', caption: 'Logins: requests that clients make before they connect' });
  }

  // What the checks of pushes found, for the groups that have such checks.
  function pushes(model) {
    const checked = model.groups.map((group, i) => [group, `groups.${i}`]).filter(([group]) => group.incoming);
    if (checked.length === 0) return null;
    const row = (name, item, path) => {
      const m = item.incoming,
        cell = (key, f = show.count) => number(model, `${path}.incoming.${key}`, f),
        delay = (key) => number(model, `${path}.latency.delay.${key}`, show.us);
      return [
        el('strong', {}, name),
        cell('received'),
        cell('missing'),
        zero(m.gaps),
        zero(m.out_of_order),
        zero(m.duplicate),
        zero(m.missing_away),
        zero(m.undecided),
        zero(m.restarts),
        zero(m.unreadable),
        cell('silences'),
        cell('longest_silence_us', show.us),
        delay('p50_us'),
        delay('p99_us'),
        delay('max_us'),
        zero(m.untimed),
        m.checks || '',
      ];
    };
    const rows = checked.map(([group, path]) => row(group.name, group, path));
    if (rows.length > 1) rows.push(row('All groups', model.totals, 'totals'));
    const columns = [
      ['group', 'keep'],
      ['received', 'n'],
      ['missing', 'n', 'numbers that a jump left out, and that never came'],
      ['jumps', 'n', 'over one or more numbers'],
      ['out of order', 'n', 'came after a higher number'],
      ['duplicate', 'n'],
      ['missed away', 'n', 'passed between two connections of a client'],
      ['undecided', 'n', 'too late to tell whether the number was new'],
      ['begun anew', 'n', 'sequences'],
      ['unreadable', 'n', 'no number where there should be one'],
      ['silences', 'n', 'of open clients, longer than gap_max'],
      ['longest', 'n', 'time without a push'],
      ['delay p50', 'n'],
      ['p99', 'n'],
      ['max', 'n'],
      ['no time', 'n', 'no timestamp where there should be one'],
      ['checks', 'text'],
    ];
    const keys = { 4: 'out_of_order', 5: 'duplicate', 6: 'missing_away', 7: 'undecided', 8: 'restarts', 9: 'unreadable', 15: 'untimed' };
    const delays = model.totals.latency.delay,
      ahead = model.totals.latency.delay_ahead,
      timed = delays.count + ahead.count > 0;
    const kept = columns.map((_, c) =>
      keys[c] ? checked.some(([group]) => group.incoming[keys[c]] > 0) : c < 12 || c > 14 || timed,
    );
    return [
      table(
        columns.filter((_, c) => kept[c]),
        rows.map((cells) => cells.filter((_, c) => kept[c])),
        { sum: rows.length > 1, label: 'Pushes', caption: 'Pushes: what the server sent unasked' },
      ),
      timed
        ? el(
            'p',
            { class: 'about after', id: 'delay-caveat' },
            'The delay is from a push’s own timestamp to its arrival, by the sender’s clock and ours: it is off by as much as the two differ.',
            ahead.count
              ? ` ${show.plural(ahead.count, 'timestamp was', 'timestamps were')} ahead of our clock, by up to ${show.us(ahead.max_us)}, and not part of it: the clocks differ by at least that.`
              : null,
          )
        : null,
    ];
  }

  const phases = [
    ['resolve', 'Name resolution'],
    ['tcp', 'TCP connect'],
    ['tunnel', 'Proxy: asked to answered'],
    ['tls', 'TLS handshake'],
    ['upgrade', 'Upgrade'],
    ['connect_total', 'All phases: begun to open'],
  ];
  const others = [
    ['response', 'Response: planned time to reply'],
    ['service', 'Service: written to reply'],
    ['send_lateness', 'Send lateness: planned to written'],
    ['ping', 'Ping round trip'],
    ['rtt', 'TCP round trip (kernel)'],
    ['ttfb', 'First byte'],
    ['gap', 'Gap between pushes'],
    ['silence', 'Silence of pushes, over gap_max'],
    ['delay', 'One-way delay of pushes, by two clocks'],
    ['delay_ahead', 'Timestamps of pushes ahead of our clock'],
    ['outage', 'Outage: drop to open again'],
    ['planned_outage', 'Outage by plan: disturbance to open again'],
    ['lifetime', 'Lifetime of open connections'],
    ['idle_at_drop', 'Idle time at the drop'],
    ['detect', 'Silent peer: time to detect'],
  ];
  function latencyTable(model, lane, list, label) {
    const known = list.filter(([key]) => lane.totals.latency[key].count > 0);
    if (known.length === 0) return el('p', { class: 'empty' }, 'Nothing was measured.');
    const most = Math.max(...known.map(([key]) => lane.totals.latency[key].p99_us));
    return table(
      [
        ['latency', 'keep'],
        ['count', 'n'],
        ['mean', 'n'],
        ['p50', 'n'],
        ['p90', 'n'],
        ['p99', 'n'],
        ['', 'keep'],
        ['p99.9', 'n'],
        ['max', 'n'],
        ['over 1 h', 'n'],
      ],
      known.map(([key, words]) => {
        const h = lane.totals.latency[key],
          cell = (name) => el('span', { 'data-path': `${lane.path}.latency.${key}.${name}` }, show.us(h[name]));
        return [
          words,
          show.count(h.count),
          show.us(h.mean_us),
          cell('p50_us'),
          cell('p90_us'),
          cell('p99_us'),
          label === 'Connect phases'
            ? el('span', { class: 'share', style: `width:${Math.max(1, Math.round((90 * h.p99_us) / most))}px` })
            : '',
          cell('p999_us'),
          cell('max_us'),
          zero(h.overflow),
        ];
      }),
      { label },
    );
  }

  return { marksOf, marks, storms, endings, messages, logins, pushes, latencies: latencyTable, phases, others };
})();
