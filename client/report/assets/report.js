'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const {campaign, summary, niches, lineage} = data;
  const charts = [];  // functions that draw one each; called again when colours change
  let drawn = [];

  // Every text of the data goes through textContent: it is never read as HTML.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    for (const child of children) element.append(child);
    return element;
  };
  const find = (id) => document.getElementById(id);
  const put = (id, text) => { find(id).textContent = text; };
  const known = (value) => value !== null && value !== undefined;
  const percent = (share) => known(share) ? (100 * share).toFixed(1) : '–';
  const whole = (value) => Math.round(value).toLocaleString('en');
  const plural = (count, word) => `${whole(count)} ${count === 1 ? word : word === 'child' ? 'children' : `${word}s`}`;
  const duration = (seconds) => {
    if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`;
  };
  const nameOf = (candidate) => {
    const seeds = data.seeds.filter((seed) => !seed.base);
    return candidate < 0 && seeds[candidate + seeds.length]
      ? `seed ${seeds[candidate + seeds.length].name}` : `candidate ${whole(candidate)}`;
  };

  // rows: lists of cells, the first of which heads its row. numbers: from which
  // column on cells are numbers.
  const table = (caption, head, rows, numbers = 1, classes = []) => {
    const kind = (column) => column >= numbers ? {class: 'number'} : {};
    const body = make('tbody');
    rows.forEach((row, index) => {
      const line = make('tr', classes[index] ? {class: classes[index]} : {});
      row.forEach((cell, column) => line.append(column === 0
        ? make('th', {scope: 'row', ...kind(column)}, String(cell))
        : make('td', kind(column), String(cell))));
      body.append(line);
    });
    const titles = head.map((title, column) => make('th', {scope: 'col', ...kind(column)}, title));
    return make('table', {}, make('caption', {}, caption),
                make('thead', {}, make('tr', {}, ...titles)), body);
  };

  // Colours that differ in lightness, too; lines differ in their dashes, areas
  // in their hatching.
  const isDark = () => !printing && matchMedia('(prefers-color-scheme: dark)').matches;
  let printing = false;
  const palettes = {
    light: ['#0b608a', '#c2571a', '#3f7d20', '#7a4fa3', '#a0770b', '#b3315f', '#4a5a63', '#118a7e'],
    dark: ['#6cc0ea', '#f29a5c', '#94d06a', '#c6a2ee', '#e5c35a', '#f08cb0', '#aab8c0', '#5ed3c6'],
  };
  const colour = (index) => {
    const palette = isDark() ? palettes.dark : palettes.light;
    return palette[index % palette.length];
  };
  const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
  const dash = (index) => dashes[index % dashes.length];
  const ink = () => isDark() ? '#e8ecee' : '#1d2326';
  const grid = () => isDark() ? '#384249' : '#d9dee2';
  // Seed k's area: plain, then hatched in four ways.
  const fill = (index) => {
    if (index === 0) return colour(index);
    const size = 8;
    const tile = make('canvas', {width: size, height: size});
    const pen = tile.getContext('2d');
    pen.fillStyle = colour(index);
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = isDark() ? '#1d2327' : '#ffffff';
    pen.lineWidth = 1.6;
    pen.beginPath();
    const lines = [
      [[0, 8, 8, 0], [-2, 2, 2, -2], [6, 10, 10, 6]], [[4, 0, 4, 8]],
      [[0, 0, 8, 8], [-2, 6, 2, 10], [6, -2, 10, 2]], [[0, 4, 8, 4]]];
    for (const [fromX, fromY, toX, toY] of lines[(index - 1) % lines.length]) {
      pen.moveTo(fromX, fromY);
      pen.lineTo(toX, toY);
    }
    pen.stroke();
    return pen.createPattern(tile, 'repeat');
  };

  // A chart with its heading, what it says in words, and its data as a table.
  const addChart = (id, title, words, config, dataTable, low = false) => {
    const canvas = make('canvas', {role: 'img', 'aria-label': `${title}. ${words}`});
    find(id).append(
      make('h3', {}, title),
      make('div', {class: low ? 'canvas low' : 'canvas'}, canvas),
      make('details', {}, make('summary', {}, 'Data as a table'),
           make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title}, dataTable)));
    charts.push(() => drawn.push(new Chart(canvas, config())));
  };
  const axis = (title, more = {}) => ({
    title: {display: title !== '', text: title, color: ink()},
    ticks: {color: ink(), maxRotation: 40, autoSkipPadding: 12, ...more.ticks},
    grid: {color: grid(), drawBorder: false},
    ...more.axis,
  });
  const options = (scales, more = {}) => ({
    animation: false, responsive: true, maintainAspectRatio: false, scales,
    interaction: {mode: 'nearest', axis: 'x', intersect: false},
    ...more.options,
    plugins: {
      legend: {position: 'bottom', labels: {color: ink(), boxWidth: 30, boxHeight: 9, ...more.legend}},
      tooltip: more.tooltip || {},
    },
  });
  const percentTicks = {ticks: {callback: (value) => `${Math.round(1000 * value) / 10} %`}};
  // A value holds up to the next point.
  const line = (label, points, index) => ({
    label, data: points, borderColor: colour(index), backgroundColor: colour(index),
    borderDash: dash(index), borderWidth: 2, pointRadius: 0, pointStyle: 'line', stepped: 'before',
  });
  const lineLegend = {legend: {usePointStyle: true, pointStyleWidth: 34}};
  const evaluationsAxis = (more = {}) => axis('evaluations', {
    axis: {type: 'linear', min: 0, max: Math.max(1, summary.evaluations), ...more}});

  const showHeader = () => {
    put('name', campaign.name);
    put('description', campaign.description);
    const best = summary.best;
    const seedBest = Math.max(...summary.seeds.map((seed) => seed.search_accuracy));
    const gain = 100 * (best.search_accuracy - seedBest);
    put('outcome', `${summary.state.toLowerCase()} after ${whole(summary.evaluations)} of ` +
      `${plural(summary.budget_evaluations, 'evaluation')}. The winner, ${nameOf(best.candidate)}, solves ` +
      `${percent(best.search_accuracy)} % of the search datapoints` +
      (known(best.holdout_accuracy) ? ` and ${percent(best.holdout_accuracy)} % of the holdout` : '') +
      `; the best seed solves ${percent(seedBest)} % of the search datapoints ` +
      `(${gain >= 0 ? '+' : '−'}${Math.abs(gain).toFixed(1)} points).`);
    find('outcome').textContent = find('outcome').textContent.replace(/^./, (letter) => letter.toUpperCase());
    const notes = [];
    if (campaign.message) notes.push(campaign.message);
    if (summary.quarantined > 0) notes.push(`${plural(summary.quarantined, 'child')} given up after repeated failures.`);
    if (summary.conflicts > 0) notes.push(`${plural(summary.conflicts, 'chunk')} reported twice with different scores.`);
    if (summary.nan_chunks > 0) notes.push(`${plural(summary.nan_chunks, 'chunk')} with a logit that was NaN.`);
    if (notes.length > 0) { put('notice', notes.join(' ')); find('notice').hidden = false; }
    put('origin', `Campaign ${campaign.uid}` + (campaign.created ? `, created ${campaign.created}` : '') +
      `. Archive digest ${summary.archive_digest}. Written by merganser report.`);
  };

  const showNumbers = () => {
    const possible = summary.datapoint_evaluations_possible;
    const saved = possible > 0 ? 1 - summary.datapoint_evaluations / possible : 0;
    const number = (name, value, small = '') => find('numbers').append(make('div', {},
      make('dt', {}, name), make('dd', {}, value, ' ', make('small', {}, small))));
    number('best, search', `${percent(summary.best.search_accuracy)} %`);
    if (known(summary.best.holdout_accuracy)) number('best, holdout', `${percent(summary.best.holdout_accuracy)} %`);
    number('mean of the members', `${percent(data.curve[data.curve.length - 1].mean)} %`);
    number('coverage', `${percent(summary.coverage)} %`, 'solved by somebody');
    number('entropy', summary.entropy.toFixed(3), 'bits per datapoint');
    number('evaluations', whole(summary.evaluations));
    number('accepted', whole(summary.accepted), 'entered the archive');
    number('rejected early', whole(summary.rejected_early));
    number('work saved', `${percent(Math.max(0, saved))} %`, 'of the datapoints');
    number('active time', duration(campaign.active_seconds));
    number('speed', summary.evaluations_per_second < 10 ? summary.evaluations_per_second.toFixed(2) : whole(summary.evaluations_per_second), 'evaluations/s');
    if (campaign.device_class) number('device class', '', campaign.device_class);
  };

  const showScores = () => {
    const rows = [];
    const classes = [];
    const add = (name, scored, kind) => {
      rows.push([name, percent(scored.search_accuracy), percent(scored.holdout_accuracy)]);
      classes.push(kind);
      for (const task of scored.tasks || []) {
        rows.push([task.name, percent(task.search_accuracy), percent(task.holdout_accuracy)]);
        classes.push('task');
      }
    };
    add(`winner (${nameOf(summary.best.candidate)})`, summary.best, 'winner');
    for (const seed of summary.seeds) add(`seed ${seed.name}`, seed, '');
    find('scores').append(table('Scores, %', ['model', 'search', 'holdout'], rows, 1, classes));
    const tasks = summary.best.tasks || [];
    if (tasks.length === 0) return;
    const models = [{name: 'winner', tasks}, ...summary.seeds.map(({name, tasks: of}) => ({name, tasks: of || []}))];
    const held = tasks.every((task) => known(task.holdout_accuracy));
    const scoreOf = (task) => task && (held ? task.holdout_accuracy : task.search_accuracy);
    const kind = held ? 'holdout' : 'search';
    addChart('tasks-chart', `Score by task, ${kind} datapoints`, `${models.length} models on ${tasks.length} tasks.`,
      () => ({type: 'bar',
        data: {labels: tasks.map((task) => task.name), datasets: models.map((model, index) => ({
          label: model.name, data: tasks.map((task, t) => scoreOf(model.tasks[t])),
          backgroundColor: fill(index), borderColor: colour(index), borderWidth: 1, maxBarThickness: 90}))},
        options: options({x: axis('', {}), y: axis('', {...percentTicks, axis: {min: 0, max: 1}})},
          {options: {interaction: {mode: 'index', intersect: false}}})}),
      table(`Scores on ${kind} datapoints, %`, ['model', ...tasks.map((task) => task.name)],
        models.map((model) => [model.name, ...tasks.map((task, t) => percent(scoreOf(model.tasks[t])))])), true);
  };

  const showCurves = () => {
    const last = {...data.curve[data.curve.length - 1], evaluations: summary.evaluations};
    const curve = [...data.curve, last];
    const points = (field) => curve.map((point) => ({x: point.evaluations, y: point[field]}));
    const holdout = summary.curve.filter((point) => known(point.holdout_accuracy))
      .map((point) => ({x: point.evaluations, y: point.holdout_accuracy}));
    if (holdout.length > 0) holdout.push({x: summary.evaluations, y: holdout[holdout.length - 1].y});
    addChart('score-curve', 'Scores over evaluations',
      `The best member goes from ${percent(curve[0].best)} % to ${percent(last.best)} %, ` +
      `the mean from ${percent(curve[0].mean)} % to ${percent(last.mean)} %.`,
      () => ({type: 'line',
        data: {datasets: [line('best, search', points('best'), 0),
          ...(holdout.length > 0 ? [line('best, holdout', holdout, 1)] : []),
          line('mean of the members', points('mean'), 2)]},
        options: options({x: evaluationsAxis(), y: axis('', percentTicks)}, lineLegend)}),
      table('At changes of the archive; scores in %', ['evaluations', 'best', 'mean'],
        curve.map((point) => [whole(point.evaluations), percent(point.best), percent(point.mean)]), 0));
    addChart('diversity-curve', 'Diversity over evaluations',
      `Coverage ends at ${percent(last.coverage)} %, entropy at ${last.entropy.toFixed(3)} bits.`,
      () => ({type: 'line',
        data: {datasets: [line('coverage (share of the datapoints)', points('coverage'), 0),
          line('entropy (bits per datapoint)', points('entropy'), 1)]},
        options: options({x: evaluationsAxis(), y: axis('', {axis: {min: 0, max: 1}})}, lineLegend)}),
      table('At changes of the archive', ['evaluations', 'coverage, %', 'entropy, bits'],
        curve.map((point) => [whole(point.evaluations), percent(point.coverage), point.entropy.toFixed(3)]), 0));
  };

  const showNiches = () => {
    const most = 60;
    const members = niches.members.slice(0, most);
    const level = (value) => (0.04 + 0.96 * value).toFixed(3);
    const hint = find('niches-hint');
    hint.append(`Each row is a member of the archive, each column a group of datapoints of one task: those that few ` +
      `members solve on the left, those that all solve on the right. The stronger a cell's colour, the more of the group the ` +
      `member solves. Share is the part of all the datapoints' worth that the member holds. ` +
      (niches.members.length > most ? `The ${most} of ${niches.members.length} members with the largest share. ` : ''), '0 % ');
    const scale = make('span', {class: 'scale', 'aria-hidden': 'true'});
    for (const value of [0, 0.25, 0.5, 0.75, 1]) scale.append(make('i', {style: `--level: ${level(value)}`}));
    hint.append(scale, ' 100 %');
    const first = (index) => index === 0 || niches.groups[index].task !== niches.groups[index - 1].task;
    const heads = data.tasks.map((task, index) => [task.name, niches.groups.filter((group) => group.task === index).length])
      .filter(([, columns]) => columns > 0)
      .map(([name, columns]) => make('th', {class: 'group', scope: 'colgroup', colspan: columns, title: name}, name));
    const cell = (value, index, text) => make('td', {class: first(index) ? 'cell first' : 'cell',
      style: `--level: ${level(value)}`, title: text}, make('span', {class: 'hidden'}, text));
    const body = make('tbody');
    for (const member of members) {
      body.append(make('tr', {}, make('th', {scope: 'row'}, nameOf(member.candidate)),
        make('td', {class: 'number'}, percent(member.score)), make('td', {class: 'number'}, percent(member.share)),
        ...member.groups.map((value, index) => cell(value, index,
          `${percent(value)} % of ${plural(niches.groups[index].datapoints, 'datapoint')}`))));
    }
    const population = niches.members.length;
    body.append(make('tr', {}, make('th', {scope: 'row'}, 'members that solve it'), make('td'), make('td'),
      ...niches.groups.map((group, index) => cell(population ? Math.min(1, group.load / population) : 0, index,
        `${group.load.toFixed(1)} of ${population}`))));
    find('niches').append(make('table', {class: 'niches'},
      make('caption', {}, 'Members and groups of datapoints'),
      make('thead', {}, make('tr', {}, make('th', {scope: 'col'}, 'member'),
        make('th', {scope: 'col', class: 'number'}, 'score, %'), make('th', {scope: 'col', class: 'number'}, 'share, %'),
        ...heads)), body));
  };

  const showLayers = () => {
    const names = data.seeds.map((seed) => seed.base ? `${seed.name} (base)` : seed.name);
    const winner = lineage.candidates.find((found) => found.candidate === summary.best.candidate) || {};
    const shares = winner.shares || [];
    find('seed-table').append(table('The seeds, and their share of the winner',
      ['seed', 'source', 'licence', 'share, %'], data.seeds.map((seed, index) =>
        [names[index], seed.source, seed.licence || '–', percent(shares[index])]), 3));
    if (data.layers.length === 0) {
      put('layers-hint', 'The children of this campaign mutate: they are made of noise as well as of seeds, so ' +
        'that no share of a seed can be told.');
      return;
    }
    put('layers-hint', "From the model's first layer to its last: a seed's share is the mean size of its " +
      'coefficients among all.');
    addChart('layers-chart', 'Share of each seed along the depth of the model',
      `${plural(data.layers.length, 'layer')}, ${plural(names.length, 'seed')}.`,
      () => ({type: 'bar',
        data: {labels: data.layers.map((layer) => layer.name), datasets: names.map((name, index) => ({
          label: name, data: data.layers.map((layer) => layer.shares[index]), backgroundColor: fill(index),
          borderColor: colour(index), borderWidth: 1, categoryPercentage: 0.96, barPercentage: 0.96}))},
        options: options({x: axis('layer', {axis: {stacked: true}}),
          y: axis('', {...percentTicks, axis: {stacked: true, min: 0, max: 1}})},
          {options: {interaction: {mode: 'index', intersect: false}}})}),
      table('Share of each seed, %', ['layer', ...names],
        data.layers.map((layer) => [layer.name, ...layer.shares.map(percent)])), true);
  };

  const showLineage = () => {
    const all = new Map(lineage.candidates.map((found) => [found.candidate, found]));
    const at = (found) => ({x: found.evaluations, y: found.score, candidate: found.candidate});
    const edges = (parent) => lineage.candidates.flatMap((found) => {
      const from = found.parents && all.get(found.parents[parent]);
      return from ? [at(from), at(found), {x: NaN, y: NaN}] : [];
    });
    const children = lineage.candidates.filter((found) => found.parents);
    const seeds = lineage.candidates.filter((found) => !found.parents);
    const isWinner = (found) => found.candidate === summary.best.candidate;
    const shown = children.length + seeds.length;
    put('lineage-hint', `${plural(lineage.all, 'candidate')} led to the winner, itself and ` +
      `${plural(seeds.length, 'seed')} included` + (shown < lineage.all ? `; the youngest ${shown} are shown` : '') +
      '. Each point is a candidate at the evaluation at which it entered the archive; lines lead to it from its parents.');
    const edgeLine = (label, parent, index, width) => ({type: 'line', label, data: edges(parent),
      borderColor: colour(index), borderWidth: width, borderDash: parent === 0 ? [] : [4, 3], pointRadius: 0,
      pointStyle: 'line', pointHitRadius: 0, spanGaps: false, order: 2});
    const pointsOf = (label, of, index, pointStyle, radius) => ({type: 'scatter', label, data: of.map(at),
      backgroundColor: colour(index), borderColor: isDark() ? '#1d2327' : '#ffffff', borderWidth: 1, pointStyle, radius,
      hoverRadius: radius + 2, order: 1});
    const tooltip = {filter: (item) => item.raw.candidate !== undefined && item.dataset.type === 'scatter', callbacks: {
      title: () => '', label: (item) => `${nameOf(item.raw.candidate)}: ${percent(item.raw.y)} %`}};
    addChart('lineage-chart', 'Ancestors by the evaluation at which they came',
      `From ${plural(seeds.length, 'seed')} over ${plural(children.length, 'child')} to the winner.`,
      () => ({type: 'scatter',
        data: {datasets: [
          pointsOf('seed', seeds, 1, 'triangle', 7),
          pointsOf('ancestor', children.filter((found) => !isWinner(found)), 0, 'circle', 3.5),
          pointsOf('winner', lineage.candidates.filter(isWinner), 5, 'rectRot', 9),
          edgeLine('from parent A', 0, 6, 1), edgeLine('from parent B', 1, 4, 1)]},
        options: options({x: evaluationsAxis({min: undefined}), y: axis('score, search', percentTicks)},
          {tooltip, legend: {usePointStyle: true, pointStyleWidth: 14}, options: {interaction: {mode: 'nearest', intersect: true}}})}),
      table('Ancestors, oldest first', ['candidate', 'parent A', 'parent B', 'evaluations', 'score, %', 'mix', 'split, % of the model',
        ...data.seeds.map((seed) => `${seed.name}, %`)],
        lineage.candidates.map((found) => [nameOf(found.candidate),
          found.parents ? nameOf(found.parents[0]) : '–',
          found.parents && found.parents.length > 1 ? nameOf(found.parents[1]) : '–',
          whole(found.evaluations), percent(found.score),
          (found.crossings || []).map((crossing) => crossing.mix.toFixed(3)).join(' ') || '–',
          (found.crossings || []).map((crossing) => percent(crossing.split)).join(' ') || '–',
          ...data.seeds.map((seed, index) => found.shares ? percent(found.shares[index]) : '–')]), 3));
  };

  const showSettings = () => {
    find('settings').append(table('Search and schedule', ['setting', 'value'],
      data.settings.map((setting) => [setting.name, setting.value]), 9));
    find('tasks').append(table('Tasks', ['task', 'kind', 'weight', 'search', 'holdout'],
      data.tasks.map((task) => [task.name, task.kind, task.weight, whole(task.search), whole(task.holdout)]), 2));
  };

  const draw = () => {
    for (const chart of drawn) chart.destroy();
    drawn = [];
    for (const chart of charts) chart();
    document.documentElement.dataset.charts = String(drawn.length);
  };

  for (const show of [showHeader, showNumbers, showScores, showCurves, showNiches, showLayers, showLineage, showSettings]) show();
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  // Paper is light.
  addEventListener('beforeprint', () => { printing = true; draw(); });
  addEventListener('afterprint', () => { printing = false; draw(); });
})();
