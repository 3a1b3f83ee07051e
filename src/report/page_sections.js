'use strict';
// The sections of the page, each from the model alone, in the order in which a reader would ask.
const sections = (() => {
  const { number, zero, table, longTable, section, fold } = dom;
  // A time of day; with its date where the run saw a time of day twice. The whole of it is one hover away.
  let long = false;
  const when = (text) => el('time', { datetime: text, title: `${show.time(text)} UTC` }, long ? show.time(text).slice(5, 16) : show.clock(text));
  const orNone = show.none;

  function lead(model) {
    long = model.run.duration_s >= 86400;
    const run = model.run, word = { passed: 'Passed', failed: 'Failed', inconclusive: 'Inconclusive' }[model.verdict];
    const part = run.whole ? null : el('p', { class: 'note' }, `Only a part of the run is reported: ${show.time(run.from)} to ${show.time(run.until)} UTC.`);
    return el('div', { class: 'lead' },
      el('p', { class: `verdict ${model.verdict}`, 'data-path': 'verdict' }, word),
      el('h1', { 'data-path': 'run.name' }, run.name),
      el('p', { class: 'when' }, `${show.time(run.started)} to ${run.started.slice(0, 10) === run.ended.slice(0, 10) ? show.clock(run.ended) : show.time(run.ended)} UTC, ${show.seconds(run.duration_s)}${run.how === 'complete' ? '' : ` (${run.how})`}`),
      el('p', { class: 'headline', 'data-path': 'headline' }, `${model.headline}.`),
      el('ul', { class: 'reasons' }, model.verdict_reasons.map((reason) => el('li', {}, reason))),
      part, run.note ? el('p', { class: 'note' }, run.note) : null, figures(model));
  }

  // A number and its unit stay on one line.
  const together = (text) => text.replace(/(\d) (?=(?:%|us|ms|s|min|h|d|B|KiB|MiB|GiB)\b|%)/g, '$1\u00a0');
  function figures(model) {
    const t = model.totals, response = t.latency.response, outage = t.latency.outage, m = t.messages;
    const tiles = [
      ['Clients', number(model, 'totals.clients.planned', show.count), `${show.count(t.clients.open_most)} open at the most`],
      ['Availability', number(model, 'totals.availability_percent', show.percent), `over ${show.rate(t.client_hours)} client-hours`],
      ['Drops', number(model, 'totals.drops', show.count), t.drops_per_client_hour === null ? '' : `${show.rate(t.drops_per_client_hour)} per client-hour`],
      ['Longest outage', number(model, 'totals.latency.outage.max_us', show.us), outage.count ? `half back within ${show.us(outage.p50_us)}` : 'no client had to come back'],
    ];
    if (response.count) tiles.push(['Response p99', number(model, 'totals.latency.response.p99_us', show.us), `p50 ${show.us(response.p50_us)}, max ${show.us(response.max_us)}`]);
    if (m.replied + m.lost > 0) tiles.push(['Replies lost', number(model, 'totals.messages.lost', show.count), `${show.percent(m.lost_percent || 0)} of ${show.count(m.replied + m.lost)}`]);
    return el('dl', { class: 'figures' }, tiles.map(([title, value, small]) => el('div', {}, el('dt', {}, title), el('dd', {}, value, el('small', {}, together(small))))));
  }

  function objectives(model) {
    if (model.slo.length === 0) return null;
    const state = (passed) => el('span', { class: `state ${passed === null ? 'unknown' : passed ? 'ok' : 'no'}` }, passed === null ? '? unknown' : passed ? '✓ held' : '✗ failed');
    const left = (item) => (item.intervals === undefined ? '–' : [item.intervals_left_out_tester_late ? `${show.count(item.intervals_left_out_tester_late)} tester late` : null, item.intervals_left_out_grace ? `${show.count(item.intervals_left_out_grace)} warm-up` : null].filter(Boolean).join(', ') || 'none');
    const rows = model.slo.map((item, i) => [
      el('code', {}, item.metric), state(item.passed), el('span', { 'data-path': `slo.${i}.value` }, item.unit ? show.slo(item, 'value') : item.note),
      `${item.op} ${item.unit ? show.slo(item, 'threshold') : item.threshold_text}${item.for_s ? ` over each ${show.seconds(item.for_s)}` : ''}`,
      item.worst_at ? [`${show.slo(item, 'worst')} at `, when(item.worst_at)] : '–', item.breached_s ? show.seconds(item.breached_s) : el('span', { class: 'zero' }, 'none'), left(item)]);
    return section('objectives', 'Objectives', 'What the config asked for, over the intervals in which the tester itself was in time.',
      table([['metric'], ['', 'keep'], ['value', 'n'], ['objective', 'keep'], ['worst', 'n', 'of one interval, or of one window where the objective has one'], ['time breached', 'n', 'intervals whose own value breaches the objective'], ['intervals left out', 'n']], rows));
  }

  function findings(model) {
    if (model.findings.length === 0) return null;
    const most = 6, stop = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
    const list = (items) => el('ul', { class: 'findings' }, items.map((item) => el('li', { class: item.severity },
      el('p', {}, item.sentence), el('p', { class: 'why' }, `${item.evidence ? `${stop(item.evidence)} ` : ''}Confidence ${Math.round(item.confidence * 100)} %${item.group ? `, group ${item.group}` : ''}.`))));
    const box = el('div', {}, list(model.findings.slice(0, most)));
    if (model.findings.length > most) box.append(el('p', {}, el('button', { type: 'button', onclick: () => box.replaceChildren(list(model.findings)) }, `Show all ${show.count(model.findings.length)} findings`)));
    return section('findings', 'Findings', 'What the analysis of the run would tell you, with its evidence.', box);
  }

  function groups(model) {
    const words = (item) => (item.kind ? `${item.kind}${item.target ? `, ${item.target}` : ''}` : ''), same = model.groups.every((item) => words(item) === words(model.groups[0]));
    const row = (item, name, path) => [el('strong', {}, name), ...(same ? [] : [words(item)]), number(model, `${path}.clients.planned`, show.count), number(model, `${path}.availability_percent`, show.percent),
      number(model, `${path}.drops`, show.count), orNone(show.rate)(item.drops_per_client_hour), show.count(item.reconnects), zero(item.connect_failures), orNone(show.us)(item.latency.outage.max_us),
      orNone(show.us)(item.latency.response.p50_us), number(model, `${path}.latency.response.p99_us`, show.us), orNone(show.us)(item.latency.response.max_us)];
    const rows = model.groups.map((item, i) => row(item, item.name, `groups.${i}`));
    if (rows.length > 1) rows.push(row(model.totals, 'All groups', 'totals'));
    const one = model.groups[0];
    return section('groups', 'Groups', same ? `${model.groups.length > 1 ? 'All of kind' : 'Of kind'} ${one.kind}${one.target ? `, on ${one.target} (${one.url})` : ''}.` : null,
      table([['group', 'keep'], ...(same ? [] : [['kind, target', 'keep']]), ['clients', 'n'], ['available', 'n'], ['drops', 'n'], ['per client-hour', 'n'], ['reconnects', 'n'],
      ['failed attempts', 'n'], ['longest outage', 'n'], ['response p50', 'n'], ['p99', 'n'], ['max', 'n']], rows, { sum: rows.length > 1, label: 'Groups' }));
  }

  // Events and mass drops as one numbered list: the numbers stand on the charts.
  function marksOf(model) {
    const quiet = new Set(['run started', 'run ended', ...(model.storms.length ? ['mass drop'] : [])]);
    const marks = model.events.filter((event) => !quiet.has(event.kind)).map((event) => ({ s: event.t_s, at: event.at, kind: event.kind, group: event.group, what: event.text }));
    const waves = []; // groups that dropped together for one reason are one mark
    for (const storm of [...model.storms].sort((a, b) => a.from_s - b.from_s)) {
      const wave = waves.find((known) => known.reason === storm.reason && known.code === storm.code && storm.from_s - known.from_s < 2);
      if (!wave) waves.push({ ...storm, groups: [storm.group] });
      else Object.assign(wave, { drops: wave.drops + storm.drops, open_before: wave.open_before + storm.open_before, until_s: Math.max(wave.until_s, storm.until_s), groups: [...wave.groups, storm.group] });
    }
    for (const wave of waves) {
      marks.push({ s: wave.from_s, at: wave.at, kind: 'mass drop', group: wave.groups.length === 1 ? wave.group : `${wave.groups.length} groups`,
        what: `${show.count(wave.drops)} of ${show.count(wave.open_before)} clients dropped within ${show.seconds(Math.max(0.001, wave.until_s - wave.from_s))}: ${wave.reason}${wave.code ? ` ${wave.code}` : ''}` });
    }
    return marks.sort((a, b) => a.s - b.s).map((mark, i) => ({ ...mark, n: i + 1 }));
  }
  function marks(model, list) {
    if (list.length === 0) return el('p', { class: 'empty' }, 'No events: nothing was marked, no mass drop, no worker lost.');
    return longTable([['#', 'n'], ['at (UTC)', 'keep'], ['into the run', 'n'], ['event', 'keep'], ['group', 'keep'], ['what', 'text']],
      list.map((mark) => [mark.n, when(mark.at), show.seconds(mark.s), mark.kind, mark.group || 'all', mark.what]), { caption: 'Events, by the numbers on the first chart' });
  }

  function storms(model) {
    if (model.storms.length === 0) return null;
    return el('div', {}, el('h3', {}, 'Mass drops'),
      longTable([['at (UTC)', 'keep'], ['group', 'keep'], ['drops', 'n'], ['of open', 'n'], ['within', 'n'], ['reason', 'keep'], ['50 % back', 'n'], ['95 % back', 'n'], ['all back', 'n'], ['peak attempts/s', 'n'], ['failed attempts', 'n']],
        model.storms.map((s) => [when(s.at), s.group, show.count(s.drops), show.count(s.open_before), show.seconds(Math.max(0.001, s.until_s - s.from_s)), `${s.side}: ${s.reason}${s.code ? ` ${s.code}` : ''}`,
          orNone(show.seconds)(s.back_50_s), orNone(show.seconds)(s.back_95_s), s.back_100_s === null ? 'not seen' : show.seconds(s.back_100_s), show.rate(s.attempts_peak_per_s), zero(s.failed_attempts)]),
        { label: 'Mass drops' }),
      el('p', { class: 'about after' }, `Return times are measured from the first drop, to the end of an interval of ${show.seconds(model.run.interval_s)}.`));
  }

  function endings(model, lane) {
    const rows = lane.totals.endings, all = rows.reduce((sum, row) => sum + row.count, 0);
    if (rows.length === 0) return el('p', { class: 'empty' }, 'No connection has ended.');
    const columns = [['stage', 'keep'], ['side', 'keep'], ['reason', 'keep'], ['code', 'keep'], ['text', 'text code'], ['count', 'n'], ['', 'keep'], ['first', 'keep'], ['last (UTC)', 'keep']];
    const used = columns.map(([title]) => (title !== 'code' && title !== 'text') || rows.some((row) => row[title] !== null && row[title] !== ''));
    return longTable(columns.filter((_, c) => used[c]),
      rows.map((row, i) => [row.stage, row.side, row.drop && row.stage === 'open' ? [row.reason, ' ', el('span', { class: 'state no', title: 'counts as a drop' }, '•')] : row.reason,
        row.code === null ? '' : `${row.code}${row.code_name ? ` ${row.code_name}` : ''}`, row.text, el('span', { 'data-path': `${lane.path}.endings.${i}.count` }, show.count(row.count)),
        el('span', { class: 'share', style: `width:${Math.max(1, Math.round((90 * row.count) / all))}px` }), when(row.first), when(row.last)].filter((_, c) => used[c])),
      { caption: 'Endings: how connections ended. A red dot marks drops.' });
  }

  function messages(model) {
    const row = (name, item, path) => {
      const m = item.messages;
      return [el('strong', {}, name), number(model, `${path}.messages.planned`, show.count), number(model, `${path}.messages.sent`, show.count), zero(m.skipped_not_open), zero(m.skipped_late), number(model, `${path}.messages.replied`, show.count),
        number(model, `${path}.messages.lost`, show.count), zero(m.late), zero(m.duplicate), zero(m.out_of_order), zero(m.corrupt), zero(m.in_flight), zero(m.incoming), show.bytes(item.bytes.sent), show.bytes(item.bytes.received)];
    };
    const rows = model.groups.map((item, i) => row(item.name, item, `groups.${i}`));
    if (rows.length > 1) rows.push(row('All groups', model.totals, 'totals'));
    const columns = [['group', 'keep'], ['planned', 'n'], ['sent', 'n'], ['skipped: not open', 'n', 'due while the client was not open'], ['skipped: late', 'n', 'a whole period had passed'], ['replied', 'n'], ['lost', 'n', 'no reply in time, or the connection ended first'],
      ['late', 'n', 'replied after `within`; part of replied'], ['duplicate', 'n'], ['out of order', 'n'], ['corrupt', 'n'], ['in flight', 'n', 'at the end'], ['incoming', 'n', 'pushed by the server, no reply'], ['bytes out', 'n'], ['bytes in', 'n']];
    const keys = [null, null, null, 'skipped_not_open', 'skipped_late', null, null, 'late', 'duplicate', 'out_of_order', 'corrupt', 'in_flight', 'incoming', null, null];
    const kept = keys.map((key) => key === null || model.groups.some((group) => group.messages[key] > 0)), none = columns.filter((_, c) => !kept[c]).map(([title]) => title);
    return [table(columns.filter((_, c) => kept[c]), rows.map((cells) => cells.filter((_, c) => kept[c])), { sum: rows.length > 1, label: 'Messages' }),
      none.length ? el('p', { class: 'about after' }, `None in any group: ${none.join(', ')}.`) : null];
  }

  const phases = [['resolve', 'Name resolution'], ['tcp', 'TCP connect'], ['tls', 'TLS handshake'], ['upgrade', 'Upgrade'], ['connect_total', 'All phases: begun to open']];
  const others = [['response', 'Response: planned time to reply'], ['service', 'Service: written to reply'], ['send_lateness', 'Send lateness: planned to written'], ['ping', 'Ping round trip'], ['rtt', 'TCP round trip (kernel)'], ['ttfb', 'First byte'],
    ['gap', 'Gap between pushes'], ['outage', 'Outage: drop to open again'], ['lifetime', 'Lifetime of open connections'], ['idle_at_drop', 'Idle time at the drop'], ['detect', 'Silent peer: time to detect']];
  function latencyTable(model, lane, list, label) {
    const known = list.filter(([key]) => lane.totals.latency[key].count > 0);
    if (known.length === 0) return el('p', { class: 'empty' }, 'Nothing was measured.');
    const most = Math.max(...known.map(([key]) => lane.totals.latency[key].p99_us));
    return table([['latency', 'keep'], ['count', 'n'], ['mean', 'n'], ['p50', 'n'], ['p90', 'n'], ['p99', 'n'], ['', 'keep'], ['p99.9', 'n'], ['max', 'n'], ['over 1 h', 'n']],
      known.map(([key, words]) => {
        const h = lane.totals.latency[key], cell = (name) => el('span', { 'data-path': `${lane.path}.latency.${key}.${name}` }, show.us(h[name]));
        return [words, show.count(h.count), show.us(h.mean_us), cell('p50_us'), cell('p90_us'), cell('p99_us'), label === 'Connect phases' ? el('span', { class: 'share', style: `width:${Math.max(1, Math.round((90 * h.p99_us) / most))}px` }) : '',
          cell('p999_us'), cell('max_us'), zero(h.overflow)];
      }), { label });
  }

  function tester(model) {
    const t = model.tester, facts = [
      ['Workers', `${show.count(t.workers)}${t.workers_lost ? `, ${show.count(t.workers_lost)} lost` : ''}`], ['CPU', `${show.percent(100 * (t.cpu_cores_mean || 0))} of a core on average; busiest worker ${show.percent(t.cpu_busiest_percent_max)}`],
      ['Event loop', `at most ${show.us(t.loop_lag_max_us)} late`], ['Messages left', t.send_lateness_p99_us === null ? 'none sent' : `${show.us(t.send_lateness_p99_us)} after their time (p99), at most ${show.us(t.send_lateness_max_us)}`],
      ['Memory', `${show.bytes(t.rss_bytes_max)}${t.rss_bytes_per_client === null ? '' : `, ${show.bytes(t.rss_bytes_per_client)} a client`}`], ['Clock', t.clock_steps || t.suspends ? `${show.plural(t.clock_steps, 'step', 'steps')}, ${show.plural(t.suspends, 'suspend', 'suspends')}` : 'no step, no suspend'],
      ['Books', [model.totals, ...model.groups].every((item) => item.books_balance !== false) ? model.totals.books : model.groups.filter((item) => item.books_balance === false).map((item) => `${item.name}: ${item.books}`).join('; ')]];
    const names = { ending_rows: 'endings beyond the cap of rows (all are counted)', event_rows: 'events beyond the cap of rows', ending_texts_folded: 'endings whose text was folded (all are counted)', values_over_one_hour: 'latencies above 1 h, counted as overflow',
      values_without_memory: 'latencies that found no memory', messages_truncated_for_matching: 'messages longer than what is matched' };
    const left = Object.entries(t.left_out).filter(([, n]) => n > 0).map(([key, n]) => `${show.count(n)} ${names[key] || key}`);
    const late = t.intervals_late ? `The tester was late in ${show.count(t.intervals_late)} of ${show.count(t.intervals)} intervals (${show.percent(t.late_percent)}); they are shaded on the charts and left out of the objectives.` : `The tester was in time in all ${show.count(t.intervals)} intervals.`;
    return [el('p', { class: 'about' }, `${late} An interval counts as late when ${t.late_rules.slice(0, -1).join(', ')} or ${t.late_rules[t.late_rules.length - 1]}.`),
      el('dl', { class: 'words' }, [...facts, ['Left out', left.length ? left.join('; ') : 'nothing: no limit was reached']].map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)])),
      t.late_spans.length ? longTable([['from (UTC)', 'keep'], ['for', 'n'], ['intervals', 'n'], ['why', 'text']], t.late_spans.map((span) => [when(span.at), show.seconds(span.until_s - span.from_s), show.count(span.intervals), span.why.join('; ')]), { caption: 'Intervals in which the tester was late', most: 10 }) : null];
  }

  function host(model) {
    const facts = (list, label) => (list.length ? table([['name'], ['value', 'text']], list.map((f) => [el('span', { title: `read from ${f.source}` }, f.name), f.value]), { label }) : el('p', { class: 'empty' }, 'None were kept.'));
    const half = Math.ceil(model.limits.length / 2);
    const u = model.host.usage, use = u.mem_total_bytes === undefined ? [] : [['CPU, whole host', `${orNone(show.percent)(u.cpu_percent_mean)} on average, ${orNone(show.percent)(u.steal_percent_mean)} stolen`],
      ['Memory', `${orNone(show.bytes)(u.mem_available_bytes_least)} available at the least, of ${show.bytes(u.mem_total_bytes)}`], ['TCP sockets', `${show.count(u.tcp_in_use_most)} in use at the most, ${show.count(u.tcp_time_wait_most)} in TIME_WAIT`],
      ['Network', `${show.bytes(u.net_bytes_in)} in, ${show.bytes(u.net_bytes_out)} out, ${show.plural(u.net_drops, 'packet', 'packets')} dropped`],
      ['Retransmits', `${show.count(u.tcp_retransmits)} of ${show.count(u.tcp_out_segments)} segments`], ['Listen drops', show.count(u.tcp_listen_drops)]];
    return [use.length ? el('dl', { class: 'words' }, use.map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)])) : null,
      el('h3', {}, 'Machine'), facts(model.host.facts, 'Machine'),
      el('h3', {}, 'Limits'), el('div', { class: 'columns' }, facts(model.limits.slice(0, half), 'Limits'), model.limits.length > 1 ? facts(model.limits.slice(half), 'Limits, continued') : null)];
  }

  const glossary = [
    ['Availability', 'Open client time over wanted client time. Wanted is what the ramp had released.'],
    ['Drop', 'An open connection that ended without the plan asking for it. Drops that the tester caused (a worker lost) are shown apart and do not count against the target.'],
    ['Drops per client-hour', 'Drops over the hours that clients were open, all added up.'],
    ['Outage', 'From a drop until that client is open again.'],
    ['Mass drop', 'More than 1 % of a group, or 50 clients, dropped within one second.'],
    ['Response', 'From the time a message was planned to its reply. It is free of coordinated omission: a stalled server cannot hide by holding up the next message.'],
    ['Service', 'From the bytes written to the reply. Response minus service is waiting on our side of the wire.'],
    ['Percentile', 'p99 is the value that 99 of 100 stayed at or below. Three significant digits, from 1 us to 1 h; the maximum is exact.'],
    ['Lost', 'No reply in time, or the connection ended before it came.'],
    ['Late', 'The reply came, after the time that the config allows (`within`).'],
    ['Stage, side', 'How far a connection had come when it ended, and who ended it: us, peer, network, host, tester.'],
    ['Late interval', 'A slice of time in which the tester itself was the bottleneck. It is left out of the objectives, and the count is shown.'],
    ['Verdict', 'Failed: an objective failed, or a group never opened because of its target. Inconclusive: the run was cut short, a worker was lost, the tester was late in more than 10 % of the intervals, or the books do not balance. Else passed.'],
    ['Books', 'Every client, connection and message is accounted for; when the sums do not agree, the report says so.'],
  ];
  function closing(model) {
    const run = model.run;
    return [fold('Configuration, with secrets masked', () => el('pre', { tabindex: '0', 'data-path': 'config' }, model.config || ''), true),
      fold('Glossary', () => el('dl', { class: 'words' }, glossary.map(([word, text]) => [el('dt', {}, word), el('dd', {}, text)])), true),
      fold('Run', () => el('dl', { class: 'words' }, [['Run', `${run.name}, ${run.id}`], ['Command', run.command_line], ['Run file', run.file], ['Seed', String(run.seed)], ['Shard', `${run.shard} of ${run.shards}`], ['Interval', show.seconds(run.interval_s)],
        ['Warm-up', run.warmup_s ? show.seconds(run.warmup_s) : 'none'], ['Version', `longhaul ${run.version}, report schema ${model.schema_version}`]].map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)])), true)];
  }

  return { lead, objectives, findings, groups, marksOf, marks, storms, endings, messages, latencyTable, phases, others, tester, host, closing };
})();
