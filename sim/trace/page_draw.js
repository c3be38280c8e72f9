'use strict';
// The data: columns of moments, differences where that is shorter, and what lasts.
const D = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const N = D.m.at.length;
const at = new Float64Array(N), event = new Float64Array(N), cause = new Int32Array(N);
const host = Int16Array.from(D.m.host), what = Uint8Array.from(D.m.what);
const level = Uint8Array.from(D.m.level), words = Int32Array.from(D.m.words);
for (let i = 0, t = 0, e = 0; i < N; ++i) {
  at[i] = t += D.m.at[i];
  event[i] = e += D.m.event[i];
  cause[i] = D.m.back[i] ? i - D.m.back[i] : -1;
}
const KIND = Object.fromEntries(D.kinds.map((name, i) => [name, i]));
const END = Math.max(D.about.time, N ? at[N - 1] : 1, 1);
// Effects of each moment, as lists threaded through two arrays.
const firstEffect = new Int32Array(N).fill(-1), nextEffect = new Int32Array(N).fill(-1);
for (let i = N - 1; i >= 0; --i) {
  if (cause[i] < 0) continue;
  nextEffect[i] = firstEffect[cause[i]];
  firstEffect[cause[i]] = i;
}
const transitions = Int32Array.from(D.transitions);
// Messages: an arrival and the send that caused it.  `reach` rises, for a binary search.
D.messages = [];
for (let i = 0; i < N; ++i) {
  if (what[i] !== KIND.arrive || cause[i] < 0 || what[cause[i]] !== KIND.send) continue;
  const s = cause[i];
  D.messages.push({ n: i, from: at[s], to: at[i], host: host[s], toHost: host[i], end: i });
}
D.messages.sort((a, b) => a.from - b.from);
for (let k = 0, reach = 0; k < D.messages.length; ++k) D.messages[k].reach = reach = Math.max(reach, D.messages[k].to);

// --- what is drawn -------------------------------------------------------------------
const SIGNS = {
  fault: ['⚡', 'misfortune begins', '--fault-ink'], fault_end: ['☼', 'misfortune over, or healed', '--fault-ink'],
  up: ['▲', 'process up', '--good'], down: ['▼', 'process gone', '--bad'],
  role: ['★', 'leads, or leads no longer', '--role'], mark: ['◆', 'the engine said so', '--ink'],
  commit: ['●', 'record committed', '--commit'], apply: ['✓', 'record applied', '--commit'],
  append: ['⊕', 'record appended', '--commit'], seal: ['■', 'loglet sealed', '--role'],
  trim: ['✁', 'log trimmed', '--commit'], invoke: ['▶', 'a client asks', '--answered'],
  retry: ['↻', 'asks again', '--answered'], answer: ['◀', 'is told', '--answered'],
  check: ['✘', 'a check failed', '--bad'], send: ['→', 'sent', '--message'],
  arrive: ['←', 'arrived', '--message'], drop: ['✂', 'lost on its way', '--warn'],
  disk: ['▤', 'disk asked or answered', '--soft'], spawn: ['+', 'fiber started', '--soft'],
  cancel: ['⊗', 'fiber told to give up', '--soft'], digest: ['#', 'digest', '--soft'],
};
const GROUPS = [
  ['faults', 'misfortunes', '--fault', []],
  ['ops', 'operations', '--answered', []],
  ['roles', 'roles', '--role', []],
  ['marks', 'marks', '--ink', ['mark', 'role', 'seal', 'trim', 'check']],
  ['log', 'log and apply', '--commit', ['append', 'commit', 'apply']],
  ['messages', 'messages', '--message', []],
  ['disk', 'disk', '--soft', ['disk', 'drop']],
];
const shown = { faults: true, ops: true, roles: true, marks: true, log: true, messages: true, disk: false };
const dotKinds = new Uint8Array(D.kinds.length);
function updateKinds() {
  dotKinds.fill(0);
  for (const [key, , , kinds] of GROUPS) for (const k of kinds) if (shown[key]) dotKinds[KIND[k]] = 1;
}

// --- lanes ----------------------------------------------------------------------------
const AXIS = 26, GUTTER = 118;
const lanes = [], laneOf = new Array(D.hosts.length).fill(null);
const faultRows = [];
{
  const ends = [];
  D.faults.forEach((f, i) => {
    let row = ends.findIndex((end) => end <= f.from);
    if (row < 0) row = ends.length;
    ends[row] = Math.max(f.to, f.from + END / 60);
    faultRows[i] = row;
  });
  const busy = new Set([...D.lives, ...D.ops, ...D.messages.slice(0, 20000)].map((s) => s.host));
  const roleRows = (h) => new Set(D.roles.filter((r) => r.host === h).map((r) => r.of)).size;
  if (D.faults.length) lanes.push({ kind: 'faults', name: 'misfortunes', rows: Math.min(ends.length, 5) || 1 });
  D.hosts.forEach((h, i) => { if (i && !h.helper) lanes.push({ kind: 'node', name: h.name, host: i, roles: Math.min(roleRows(i), 8) }); });
  const has = (i) => D.ops.some((o) => o.host === i);
  D.hosts.forEach((h, i) => { if (i && h.helper && !has(i) && busy.has(i)) lanes.push({ kind: 'helper', name: h.name, host: i }); });
  D.hosts.forEach((h, i) => { if (i && h.helper && has(i)) lanes.push({ kind: 'client', name: h.name, host: i }); });
  for (const lane of lanes) if (lane.host) laneOf[lane.host] = lane;
}
function layOut(height) {
  const base = (l) => l.kind === 'faults' ? 10 + l.rows * 17 : l.kind === 'node' ? 66 + l.roles * 9 : l.kind === 'client' ? 30 : 24;
  const total = lanes.reduce((sum, l) => sum + base(l) + 6, 0);
  const spare = Math.max(0, height - AXIS - total);
  const growing = lanes.filter((l) => l.kind !== 'faults').length || 1;
  let y = AXIS + 2;
  for (const lane of lanes) {
    lane.y = y - scroll;
    lane.h = base(lane) + (lane.kind === 'faults' ? 0 : Math.min(spare / growing, lane.kind === 'node' ? 60 : 22));
    y += lane.h + 6;
  }
  return y;
}
let scroll = 0, contentHeight = 0;
const middle = (h) => (laneOf[h] ? laneOf[h].y + (laneOf[h].kind === 'node' ? 24 : laneOf[h].h / 2) : AXIS);

// --- view -----------------------------------------------------------------------------
const canvas = $('lanes'), overview = $('overview');
let from = 0, to = END * 1.01, W = 800, H = 400, ratio = 1;
let chosen = -1, hover = null, hits = new Uint8Array(0), hitList = [], hitAt = -1, C = {};
const x = (t) => GUTTER + (t - from) / (to - from) * (W - GUTTER);
const timeAt = (px) => from + (px - GUTTER) / (W - GUTTER) * (to - from);
const firstAt = (t) => { let lo = 0, hi = N; while (lo < hi) { const m = (lo + hi) >> 1; at[m] < t ? lo = m + 1 : hi = m; } return lo; };
function setView(a, b) {
  const least = 20000, span = Math.min(Math.max(b - a, least), END * 1.05);
  a = Math.max(-END * 0.02, Math.min(a, END * 1.03 - span));
  from = a; to = a + span; redraw();
}
const zoom = (factor, t) => setView(t - (t - from) * factor, t + (to - t) * factor);
const pan = (part) => setView(from + (to - from) * part, to + (to - from) * part);
function show(i, near) {
  const span = to - from;
  if (near && span > END / 20) return setView(at[i] - END / 60, at[i] + END / 60);
  if (at[i] < from + span * .05 || at[i] > to - span * .05) setView(at[i] - span / 2, at[i] + span / 2);
  else redraw();
}
const fmtTime = (ns, step) => {
  const s = ns / 1e9, digits = step === undefined ? 6 : Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9))));
  return s.toFixed(digits) + ' s';
};

let pending = false;
function redraw() { if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); } }
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['ground', 'panel', 'ink', 'soft', 'line', 'lane', 'grid', 'up', 'up-edge', 'down', 'down-edge', 'fault', 'fault-ink', 'bad', 'good', 'warn', 'answered', 'refused', 'unknown', 'open', 'message', 'chain', 'role', 'commit', 'chosen']) C[name] = style.getPropertyValue('--' + name).trim();
}
const colour = (variable) => C[variable.replace('--', '')] || C.ink;
function size(c) {
  const box = c.getBoundingClientRect();
  ratio = window.devicePixelRatio || 1;
  c.width = Math.round(box.width * ratio); c.height = Math.round(box.height * ratio);
  return [box.width, box.height];
}

let drawn = [];  // what may be hovered: {x0, x1, y0, y1, i, text} or {line: [x0, y0, x1, y1], i}
function draw() {
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  contentHeight = layOut(H);
  drawn = [];
  g.fillStyle = C.ground; g.fillRect(0, 0, W, H);
  g.font = '12px system-ui, "DejaVu Sans", sans-serif'; g.textBaseline = 'middle';
  for (const lane of lanes) { g.fillStyle = C.lane; g.fillRect(GUTTER, lane.y, W - GUTTER, lane.h); }
  drawAxis(g);
  g.save(); g.beginPath(); g.rect(GUTTER, AXIS, W - GUTTER, H - AXIS); g.clip();
  drawLives(g);
  if (shown.faults) drawFaults(g);
  if (shown.roles) drawRoles(g);
  if (shown.messages) drawMessages(g);
  if (shown.ops) drawOperations(g);
  drawDots(g);
  drawChain(g);
  drawVerdict(g);
  g.restore();
  drawNames(g);
  drawOverview();
}

function drawAxis(g) {
  const span = to - from, target = span / Math.max(2, (W - GUTTER) / 110);
  const power = 10 ** Math.floor(Math.log10(target));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= target) || 10 * power;
  g.fillStyle = C.soft; g.textAlign = 'center';
  for (let t = Math.ceil(Math.max(from, 0) / step) * step; t <= to; t += step) {
    const px = x(t);
    if (px < GUTTER) continue;
    g.fillStyle = C.grid; g.fillRect(px, AXIS, 1, H);
    g.fillStyle = C.soft; if (px > GUTTER + 24 && px < W - 24) g.fillText(fmtTime(t, step), px, 13);
  }
}

function drawNames(g) {
  g.fillStyle = C.ground; g.fillRect(0, 0, GUTTER, H);
  g.fillStyle = C.line; g.fillRect(GUTTER - 1, 0, 1, H);
  g.textAlign = 'right';
  for (const lane of lanes) {
    g.fillStyle = C.ink; g.font = (lane.kind === 'node' ? '600 13px' : '12px') + ' system-ui, "DejaVu Sans", sans-serif';
    g.fillText(lane.name, GUTTER - 12, lane.y + (lane.kind === 'node' ? 22 : lane.h / 2));
    if (lane.kind === 'node' && D.hosts[lane.host].shards > 1) {
      g.font = '11px system-ui, "DejaVu Sans", sans-serif'; g.fillStyle = C.soft;
      g.fillText(D.hosts[lane.host].shards + ' shards', GUTTER - 12, lane.y + 38);
    }
  }
  g.font = '12px system-ui, "DejaVu Sans", sans-serif'; g.fillStyle = C.ground; g.fillRect(0, 0, GUTTER, AXIS);
}

const bar = (g, span, y, h, fill, edge) => {
  const x0 = Math.max(x(span.from), GUTTER - 4), x1 = Math.min(Math.max(x(span.to), x(span.from) + 1.5), W + 4);
  g.fillStyle = fill; g.fillRect(x0, y, x1 - x0, h);
  if (edge) { g.fillStyle = edge; g.fillRect(x0, y, x1 - x0, 1.5); }
  return [x0, x1];
};
const label = (g, text, x0, x1, y, ink) => {
  const left = Math.max(x0, GUTTER) + 5, room = Math.min(x1, W) - left - 4;
  if (room < 14) return;
  g.fillStyle = ink; g.textAlign = 'left';
  let shownText = text;
  if (g.measureText(text).width > room) {
    if (room < 34) return;
    while (shownText.length > 1 && g.measureText(shownText + '…').width > room) shownText = shownText.slice(0, Math.floor(shownText.length * .85));
    shownText += '…';
  }
  g.fillText(shownText, left, y);
};
const inView = (span) => span.to >= from && span.from <= to;

function drawLives(g) {
  const last = {};
  for (const life of D.lives) {
    const lane = laneOf[life.host];
    if (!lane) continue;
    const node = lane.kind === 'node', y = node ? lane.y + 12 : lane.y + lane.h - 6, h = node ? 24 : 4;
    if (node && last[life.host] && last[life.host].to < life.from) gap(g, last[life.host], life.from, y, h);
    last[life.host] = life;
    if (!inView(life)) continue;
    const [x0, x1] = bar(g, life, y, h, C.up, node ? C['up-edge'] : null);
    if (node) label(g, 'process ' + life.incarnation, x0, x1, y + 13, C.ink);
    drawn.push({ x0, x1, y0: y, y1: y + h, i: life.begin, text: `${lane.name}, process ${life.incarnation}\nup from ${fmtTime(life.from)} to ${life.end < 0 ? 'the end of the run' : fmtTime(life.to) + (life.power ? ', when the power went' : ', when it crashed')}` });
  }
  for (const h of Object.keys(last)) if (last[h].end >= 0 && laneOf[h].kind === 'node') gap(g, last[h], END, laneOf[h].y + 12, 24);
}
function gap(g, life, until, y, h) {
  const span = { from: life.to, to: until };
  if (!inView(span)) return;
  const [x0, x1] = bar(g, span, y, h, C.down, C['down-edge']);
  label(g, life.power ? 'down: power lost' : 'down: crashed', x0, x1, y + 13, C.ink);
  drawn.push({ x0, x1, y0: y, y1: y + h, i: life.end, text: `${D.hosts[life.host].name} is down: ${life.power ? 'power lost' : 'crashed'}\nfor ${((until - life.to) / 1e6).toFixed(1)} ms` });
}

function drawFaults(g) {
  const lane = lanes.find((l) => l.kind === 'faults');
  D.faults.forEach((f, n) => {
    if (!inView({ from: f.from, to: Math.max(f.to, f.from) })) return;
    const row = Math.min(faultRows[n], lane.rows - 1), y = lane.y + 5 + row * 17;
    const momentary = f.to <= f.from;
    for (const h of f.hosts) {
      const target = laneOf[h];
      if (!target || momentary) continue;
      g.globalAlpha = .13; g.fillStyle = C.fault; g.fillRect(x(f.from), target.y, Math.max(x(f.to) - x(f.from), 1), target.h); g.globalAlpha = 1;
    }
    let x0, x1;
    if (momentary) {
      x0 = x(f.from) - 1; x1 = x0 + 3;
      g.fillStyle = C.fault; g.beginPath(); g.moveTo(x0 + 1, y); g.lineTo(x0 + 6, y + 7); g.lineTo(x0 + 1, y + 14); g.lineTo(x0 - 4, y + 7); g.fill();
    } else {
      g.globalAlpha = .55; [x0, x1] = bar(g, f, y, 14, C.fault); g.globalAlpha = 1;
    }
    const next = D.faults.findIndex((o, m) => m > n && faultRows[m] === faultRows[n]);
    const free = next < 0 ? W : x(D.faults[next].from) - 6;
    const textAt = momentary ? x0 + 6 : x0;
    label(g, f.name.replaceAll('_', ' '), textAt, Math.max(momentary ? free : x1, Math.min(free, x1 + 140)), y + 7.5, C['fault-ink']);
    drawn.push({ x0: x0 - 3, x1: Math.max(x1, x0 + 4), y0: y, y1: y + 14, i: f.begin, text: `${f.detail}\n${fmtTime(f.from)}${momentary ? '' : ' to ' + fmtTime(f.to)}` });
  });
  for (const t of D.healed) if (t >= from && t <= to) {
    g.strokeStyle = C.good; g.setLineDash([5, 4]); g.beginPath(); g.moveTo(x(t), AXIS); g.lineTo(x(t), H); g.stroke(); g.setLineDash([]);
    label(g, 'healed', x(t), x(t) + 70, lane ? lane.y + lane.h - 8 : AXIS + 8, C.good);
  }
}

function drawRoles(g) {
  const rows = {};
  for (const role of D.roles) {
    const lane = laneOf[role.host];
    if (!lane || lane.kind !== 'node') continue;
    const row = (rows[role.host] ??= []);
    let n = row.indexOf(role.of);
    if (n < 0) n = row.push(role.of) - 1;
    if (n >= 8 || !inView(role)) continue;
    const y = lane.y + lane.h - 6 - (Math.min(lane.roles, 8) - n) * 9;
    g.globalAlpha = .35 + .4 * (role.epoch % 2); const [x0, x1] = bar(g, role, y, 6, C.role); g.globalAlpha = 1;
    drawn.push({ x0, x1, y0: y - 1, y1: y + 7, i: role.begin, text: `${lane.name} leads ${role.of}, epoch ${role.epoch}` });
  }
}

function arrow(g, x0, y0, x1, y1, head) {
  g.beginPath(); g.moveTo(x0, y0); g.lineTo(x1, y1); g.stroke();
  if (!head) return;
  const a = Math.atan2(y1 - y0, x1 - x0);
  g.beginPath(); g.moveTo(x1, y1); g.lineTo(x1 - 6 * Math.cos(a - .4), y1 - 6 * Math.sin(a - .4)); g.lineTo(x1 - 6 * Math.cos(a + .4), y1 - 6 * Math.sin(a + .4)); g.fill();
}
let messageNote = '';
function drawMessages(g) {
  const drawable = 700, list = D.messages, inside = [];
  let lo = 0, hi = list.length;
  while (lo < hi) { const m = (lo + hi) >> 1; list[m].reach < from ? lo = m + 1 : hi = m; }
  for (let i = lo; i < list.length && list[i].from <= to; ++i) {
    const m = list[i];
    if (m.to >= from && m.host !== m.toHost && laneOf[m.host] && laneOf[m.toHost]) inside.push(m);
  }
  const every = Math.max(1, Math.ceil(inside.length / drawable));
  messageNote = inside.length === 0 ? 'no messages here' : every === 1 ? `${inside.length} messages` : `one in ${every} of ${inside.length} messages`;
  const few = inside.length < 120;
  g.lineWidth = 1; g.strokeStyle = g.fillStyle = C.message;
  // Always the same ones, wherever one looks: by their own number.
  for (const m of inside) {
    if (every > 1 && m.n % every !== 0) continue;
    g.globalAlpha = few ? .8 : .28;
    const line = [x(m.from), middle(m.host), x(m.to), middle(m.toHost)];
    arrow(g, ...line, few);
    drawn.push({ line, i: m.end, text: null });
  }
  g.globalAlpha = 1;
}

const OUTCOME = ['answered', 'refused', 'unknown', 'open'];
const OUTCOME_WORDS = ['answered', 'refused', 'fate unknown', 'never answered'];
function drawOperations(g) {
  for (const op of D.ops) {
    const lane = laneOf[op.host];
    if (!lane || !inView(op)) continue;
    const h = Math.min(18, lane.h - 10), y = lane.y + (lane.h - h) / 2 - 2;
    const [x0, x1] = bar(g, op, y, h, C[OUTCOME[op.outcome]]);
    g.fillStyle = C.lane; g.fillRect(x1 - .5, y, .5, h);
    label(g, op.name + (op.retries ? ' ↻' + op.retries : ''), x0, x1, y + h / 2 + .5, '#fff');
    drawn.push({ x0, x1: Math.max(x1, x0 + 3), y0: y, y1: y + h, i: op.begin, text: `${op.name} ${op.detail}\n${OUTCOME_WORDS[op.outcome]} after ${((op.to - op.from) / 1e6).toFixed(2)} ms${op.retries ? ', asked ' + (op.retries + 1) + ' times' : ''}` });
  }
}

// Dots of one colour and lane that fall on one pixel are drawn once.
function drawDots(g) {
  const taken = new Map(), begin = firstAt(from), end = firstAt(to);
  g.textAlign = 'center';
  for (let i = begin; i < end; ++i) {
    if (!dotKinds[what[i]] || what[i] === KIND.check) continue;
    const lane = laneOf[host[i]];
    if (!lane) continue;
    const px = Math.round(x(at[i])), log = GROUPS[4][3].includes(D.kinds[what[i]]), quiet = level[i] === 0;
    const y = lane.kind !== 'node' ? lane.y + lane.h / 2 : log ? lane.y + 44 : what[i] === KIND.disk ? lane.y + 53 : lane.y + 6;
    const key = (y * 16 + (log ? what[i] % 4 : level[i])) * 8192 + px;
    if (taken.has(key)) continue;
    taken.set(key, i);
    g.fillStyle = level[i] === 3 ? C.bad : level[i] === 2 ? C.warn : log ? C.commit : what[i] === KIND.role ? C.role : quiet ? C.soft : C.ink;
    const r = log || what[i] === KIND.disk || quiet ? 2 : 3.4;
    g.beginPath();
    if (log) { g.rect(px - 1, y - 3, 2, 6); } else { g.moveTo(px, y - r); g.lineTo(px + r, y); g.lineTo(px, y + r); g.lineTo(px - r, y); }
    g.fill();
    drawn.push({ x0: px - 4, x1: px + 4, y0: y - 5, y1: y + 5, i, text: null });
  }
  for (const i of hitList) if (at[i] >= from && at[i] <= to) {
    g.strokeStyle = C.answered; g.lineWidth = 2; g.beginPath(); g.arc(x(at[i]), middle(host[i]), 6, 0, 7); g.stroke(); g.lineWidth = 1;
  }
}

const chainOf = (i, most = 60) => { const list = []; for (let k = i; k >= 0 && list.length < most; k = cause[k]) list.push(k); return list; };
function drawChain(g) {
  if (chosen < 0) return;
  g.strokeStyle = g.fillStyle = C.chain; g.lineWidth = 1.6;
  const chain = chainOf(chosen);
  for (let k = 0; k + 1 < chain.length; ++k) {
    const a = chain[k + 1], b = chain[k];
    arrow(g, x(at[a]), middle(host[a]), x(at[b]), middle(host[b]), k < 12);
  }
  g.lineWidth = 1;
  g.strokeStyle = C.chosen; g.globalAlpha = .55; g.beginPath(); g.moveTo(x(at[chosen]), AXIS); g.lineTo(x(at[chosen]), H); g.stroke(); g.globalAlpha = 1;
  g.fillStyle = C.chosen; g.beginPath(); g.arc(x(at[chosen]), middle(host[chosen]), 4, 0, 7); g.fill();
}

function drawVerdict(g) {
  if (D.verdict < 0) return;
  const px = x(at[D.verdict]);
  if (px < GUTTER - 5 || px > W + 5) return;
  g.fillStyle = C.bad; g.fillRect(px - 1, AXIS - 4, 2, H);
  const text = '✘ ' + D.about.check, width = g.measureText(text).width + 14;
  const left = px + width > W ? px - width : px;
  g.fillRect(left, AXIS - 2, width, 18);
  g.fillStyle = C.ground; g.textAlign = 'left'; g.fillText(text, left + 7, AXIS + 7.5);
  drawn.push({ x0: left, x1: left + width, y0: AXIS - 2, y1: AXIS + 16, i: D.verdict, text: null });
}

// --- the whole run, below ---------------------------------------------------------------
let density = null, OW = 0, OH = 0;
function drawOverview() {
  const g = overview.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  const ox = (t) => GUTTER + t / (END * 1.01) * (OW - GUTTER);
  if (!density || density.length !== Math.round(OW)) {
    density = new Float32Array(Math.round(OW));
    for (let i = 0; i < N; ++i) { const px = Math.round(ox(at[i])); if (px < density.length) ++density[px]; }
    const most = Math.max(...density, 1);
    density = density.map((n) => n ? .08 + .92 * Math.log1p(n) / Math.log1p(most) : 0);
  }
  g.fillStyle = C.panel; g.fillRect(0, 0, OW, OH);
  g.fillStyle = C.message; g.globalAlpha = .5;
  density.forEach((d, px) => d && g.fillRect(px, OH - 6 - d * (OH - 18), 1, d * (OH - 18)));
  g.globalAlpha = .8; g.fillStyle = C.fault;
  for (const f of D.faults) g.fillRect(ox(f.from), 3, Math.max(ox(f.to) - ox(f.from), 2), 4);
  g.fillStyle = C['down-edge'];
  for (const l of D.lives) if (l.end >= 0 && !D.hosts[l.host].helper) g.fillRect(ox(l.to) - 1, 9, 2.5, 5);
  g.globalAlpha = 1; g.fillStyle = C.answered;
  for (const i of hitList) g.fillRect(ox(at[i]), OH - 5, 2, 4);
  if (D.verdict >= 0) { g.fillStyle = C.bad; g.fillRect(ox(at[D.verdict]) - 1, 0, 2.5, OH); }
  const a = ox(Math.max(from, 0)), b = Math.max(ox(Math.min(to, END * 1.01)), a + 3);
  g.fillStyle = C.ink; g.globalAlpha = .10; g.fillRect(a, 0, b - a, OH); g.globalAlpha = 1;
  g.strokeStyle = C.ink; g.strokeRect(a + .5, .5, b - a - 1, OH - 1);
  g.fillStyle = C.soft; g.font = '11px system-ui, "DejaVu Sans", sans-serif'; g.textAlign = 'right'; g.textBaseline = 'middle'; g.fillText('whole run', GUTTER - 12, OH / 2);
  $('note').textContent = `${fmtTime(Math.max(from, 0))} to ${fmtTime(to)}` + (shown.messages ? ` · ${messageNote}` : '') + (D.left_out ? ` · ${D.left_out}` : '');
}
