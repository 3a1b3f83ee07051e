'use strict';
// Elements and tables. Text goes in as text nodes alone: what a peer sent can never become markup.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

const dom = (() => {
  // A number of the model, marked with where it came from: a test compares the page with the JSON by these marks.
  const number = (model, path, f) => {
    const value = path.split('.').reduce((at, key) => (at === null || at === undefined ? at : at[key]), model);
    return el('span', { 'data-path': path }, show.none(f)(value));
  };
  const zero = (n, f = show.count) => (n ? f(n) : el('span', { class: 'zero' }, f(0)));

  // A time of day; with its date where the run saw a time of day twice. The whole of it is one hover away.
  let dated = false;
  const useDates = (on) => {
    dated = on;
  };
  const when = (text) =>
    el('time', { datetime: text, title: `${show.time(text)} UTC` }, dated ? show.time(text).slice(5, 16) : show.clock(text));

  // columns: [title, class, title attribute]; a row is a list of cells (strings or nodes). The first cell heads its row.
  function table(columns, rows, options = {}) {
    const head = el(
      'tr',
      {},
      columns.map(([title, kind, hint]) => el('th', { scope: 'col', class: kind === 'n' ? 'n' : null, title: hint }, title)),
    );
    const body = rows.map((row, r) =>
      el(
        'tr',
        { class: options.sum && r === rows.length - 1 ? 'sum' : null },
        row.map((cell, c) =>
          c === 0
            ? el('th', { scope: 'row', class: columns[c][1] }, cell)
            : el('td', { class: columns[c][1], 'data-label': options.cards && columns[c][0] ? columns[c][0] : null }, cell),
        ),
      ),
    );
    const whole = el(
      'table',
      { class: options.cards ? `cards ${options.cards === 'list' ? 'list' : ''}`.trim() : null },
      options.caption ? el('caption', {}, options.caption) : null,
      el('thead', {}, head),
      el('tbody', {}, body),
    );
    return el(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': options.label || options.caption || columns[0][0] },
      whole,
    );
  }

  // Many rows are shown in steps, so that a table of thousands does not bury the page.
  function longTable(columns, rows, options = {}) {
    const most = options.most || 25;
    if (rows.length <= most) return table(columns, rows, options);
    const box = el('div', { class: 'long' });
    box.expand = () => {
      box.dataset.all = 'yes';
      box.replaceChildren(table(columns, rows, options));
    };
    const more = el('button', { type: 'button', onclick: box.expand }, `Show all ${show.count(rows.length)} rows`),
      paper = el('span', { class: 'paper' }, `The first ${show.count(most)} of ${show.count(rows.length)} rows.`);
    box.append(table(columns, rows.slice(0, most), options), el('p', {}, more, paper));
    return box;
  }

  const section = (id, title, about, ...children) =>
    el(
      'section',
      { id, 'aria-labelledby': `${id}-title` },
      el('h2', { id: `${id}-title` }, title),
      about ? el('p', { class: 'about' }, about) : null,
      ...children,
    );
  const fold = (title, build, big) => {
    const box = el('details', { class: big ? 'big' : 'table' }, el('summary', {}, title));
    box.unfold = () => {
      box.open = true;
      if (box.children.length === 1) box.append(build());
    };
    box.addEventListener('toggle', () => {
      if (!big) box.querySelectorAll(':scope > :not(summary)').forEach((old) => old.remove());
      if (box.open && box.children.length === 1) box.append(build());
    });
    return box;
  };
  return { number, zero, when, useDates, table, longTable, section, fold };
})();
