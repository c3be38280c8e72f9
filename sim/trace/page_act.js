'use strict';
// What the reader does: choose, move, search.
const esc = (text) => text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const wordsOf = (i) => D.texts[words[i]];
const signOf = (i) => (SIGNS[D.kinds[what[i]]] || ['·'])[0];

// --- the story on top ---
{
  const a = D.about, failed = a.check !== '';
  document.title = `${failed ? '✘' : '✔'} ${a.scenario} ${a.seed}`;
  $('chip').textContent = failed ? 'failed' : 'passed';
  $('chip').classList.toggle('failed', failed);
  $('headline').textContent = failed ? `${a.check} · ${a.subject}` : 'Every check held';
  $('detail').textContent = failed ? a.detail : a.tale;
  $('to-verdict').hidden = D.verdict < 0;
  const facts = [
    ['what ran', `${esc(a.scenario)}: ${esc(a.tale)}`],
    ['drawn', esc(a.drawn)],
    ['run', `seed ${a.seed}, ${a.events.toLocaleString('en')} events, ${(a.time / 1e9).toFixed(3)} simulated seconds${failed ? `; failed at event ${a.found_at_event} (${fmtTime(a.found_at)})` : ''}`],
    ['again', `<code id="replay">perdure-sim replay ${esc(a.token)}</code> <button class="quiet" id="copy">copy</button>`],
  ];
  if (a.schedule.length) facts.push(['misfortunes', `<details><summary>${a.schedule.length} drawn${a.schedule.length ? ', as a list' : ''}</summary><ol>${a.schedule.map((s) => `<li>${esc(s)}</li>`).join('')}</ol></details>`]);
  $('facts').innerHTML = facts.map(([k, v]) => `<dt>${k}</dt><dd>${v}</dd>`).join('');
  $('facts').addEventListener('toggle', () => resize(), true);
  $('copy').onclick = () => navigator.clipboard?.writeText($('replay').textContent).then(() => { $('copy').textContent = 'copied'; });
}

// --- choosing ---
function choose(i, near) {
  chosen = i;
  const box = $('about-moment');
  if (i < 0) {
    box.innerHTML = '<p class="cap">Click anything, or press <kbd>n</kbd> for the next transition. What led to it is drawn in red, and told here.</p>';
    drawRows();
    return redraw();
  }
  const item = (k) => `<li data-i="${k}"><small class="mono">${fmtTime(at[k])} · event ${event[k]}</small>${esc(wordsOf(k))}</li>`;
  const chain = chainOf(i, 30).slice(1);
  const effects = [];
  for (let k = firstEffect[i]; k >= 0 && effects.length < 12; k = nextEffect[k]) effects.push(k);
  const more = D.more[i];
  box.innerHTML = `<p class="cap mono">${fmtTime(at[i])} · event ${event[i]}</p><p class="now">${signOf(i)} ${esc(wordsOf(i))}</p>` +
    (more ? `<pre>${esc(more)}</pre>` : '') +
    (chain.length ? `<p class="cap">because, going back</p><ol class="chain">${chain.map(item).join('')}</ol>` : '<p class="cap">Nothing before it: the run began so.</p>') +
    (effects.length ? `<p class="cap">and what it led to</p><ol class="chain effects">${effects.map(item).join('')}</ol>` : '');
  box.scrollTop = 0;
  box.querySelectorAll('li').forEach((li) => { li.onclick = () => choose(+li.dataset.i); });
  show(i, near);
  const row = rowOf(i);
  if (row >= 0) {
    const list = $('list'), top = row * ROW;
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - ROW) list.scrollTop = top - list.clientHeight / 2;
  }
  drawRows();
}
const toVerdict = () => D.verdict >= 0 && choose(D.verdict, true);

// --- the list of transitions: only the rows in sight exist ---
const ROW = 22;
$('list-height').style.height = transitions.length * ROW + 'px';
$('lines-count').textContent = transitions.length.toLocaleString('en');
const lowerBound = (i) => { let lo = 0, hi = transitions.length; while (lo < hi) { const m = (lo + hi) >> 1; transitions[m] < i ? lo = m + 1 : hi = m; } return lo; };
const rowOf = (i) => { const k = lowerBound(i); return k < transitions.length && transitions[k] === i ? k : -1; };
function drawRows() {
  const list = $('list'), first = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
  const last = Math.min(transitions.length, first + Math.ceil(list.clientHeight / ROW) + 8);
  let html = '';
  for (let k = first; k < last; ++k) {
    const i = transitions[k], look = SIGNS[D.kinds[what[i]]];
    const ink = what[i] === KIND.mark && level[i] > 1 ? (level[i] === 3 ? '--bad' : '--warn') : look ? look[1 + 1] : '--ink';
    html += `<li data-i="${i}" class="${i === chosen ? 'chosen' : ''}" title="${esc(wordsOf(i))}"><span class="t mono">${(at[i] / 1e9).toFixed(4)}</span><span class="s"${i === chosen ? '' : ` style="color:var(${ink})"`}>${signOf(i)}</span><span class="w">${esc(wordsOf(i))}</span></li>`;
  }
  $('rows').style.transform = `translateY(${first * ROW}px)`;
  $('rows').innerHTML = html;
}
$('list').addEventListener('scroll', () => requestAnimationFrame(drawRows));
$('rows').addEventListener('click', (e) => { const li = e.target.closest('li'); if (li) choose(+li.dataset.i); });
function step(by) {
  let k = chosen >= 0 ? lowerBound(chosen) : lowerBound(firstAt(Math.max(from, 0))) - (by > 0 ? 1 : 0);
  if (chosen >= 0 && by > 0 && transitions[k] !== chosen) k -= 1;
  k = Math.max(0, Math.min(transitions.length - 1, k + by));
  if (transitions.length) choose(transitions[k]);
}

// --- pointing ---
function find(px, py) {
  let best = null, nearest = 7;
  for (let k = drawn.length - 1; k >= 0; --k) {
    const d = drawn[k];
    if (d.line) {
      const [x0, y0, x1, y1] = d.line, dx = x1 - x0, dy = y1 - y0;
      const s = Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy || 1)));
      const far = Math.hypot(px - x0 - s * dx, py - y0 - s * dy) + 1.5;  // what lies on a lane goes first
      if (far < nearest) { nearest = far; best = d; }
    } else if (px >= d.x0 && px <= d.x1 && py >= d.y0 && py <= d.y1) {
      const far = d.x1 - d.x0 < 12 ? 0 : 1;
      if (far < nearest) { nearest = far; best = d; }
    }
  }
  return best;
}
const tip = $('tip');
function pointAt(e) {
  const box = canvas.getBoundingClientRect(), px = e.clientX - box.left, py = e.clientY - box.top;
  hover = px < GUTTER ? null : find(px, py);
  canvas.style.cursor = hover ? 'pointer' : '';
  if (!hover) { tip.hidden = true; return; }
  const text = hover.text || wordsOf(hover.i);
  const [head, ...rest] = text.split('\n');
  tip.innerHTML = `<b>${esc(head)}</b>${rest.length ? '\n' + esc(rest.join('\n')) : ''}\n<span class="mono">${fmtTime(at[hover.i])} · event ${event[hover.i]}</span>`;
  tip.hidden = false;
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(4, Math.min(px + 14, W - w - 8)) + 'px';
  tip.style.top = (py + 18 + h > H ? py - h - 12 : py + 18) + 'px';
}
let held = null;
canvas.addEventListener('pointerdown', (e) => { held = { x: e.clientX, y: e.clientY, from, to, scroll, moved: false }; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener('pointermove', (e) => {
  if (!held) return pointAt(e);
  const dx = e.clientX - held.x, dy = e.clientY - held.y;
  if (Math.abs(dx) + Math.abs(dy) > 4) { held.moved = true; canvas.classList.add('held'); tip.hidden = true; }
  if (!held.moved) return;
  const shift = -dx / (W - GUTTER) * (held.to - held.from);
  scrollTo_(held.scroll - dy);
  setView(held.from + shift, held.to + shift);
});
canvas.addEventListener('pointerup', (e) => {
  if (held && !held.moved) { pointAt(e); choose(hover ? hover.i : -1); }
  held = null; canvas.classList.remove('held');
});
canvas.addEventListener('pointerleave', () => { tip.hidden = true; });
canvas.addEventListener('dblclick', (e) => zoom(.3, timeAt(e.clientX - canvas.getBoundingClientRect().left)));
canvas.addEventListener('wheel', (e) => {
  e.preventDefault();
  const px = e.clientX - canvas.getBoundingClientRect().left;
  if (px < GUTTER) return scrollTo_(scroll + e.deltaY), redraw();
  if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) return pan((e.deltaX || e.deltaY) / 1200);
  zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * .006), timeAt(px));
}, { passive: false });
function scrollTo_(y) { scroll = Math.max(0, Math.min(y, Math.max(0, contentHeight - H))); }

overview.addEventListener('pointerdown', (e) => {
  const box = overview.getBoundingClientRect();
  const t = (clientX) => (clientX - box.left - GUTTER) / (OW - GUTTER) * END * 1.01;
  const start = t(e.clientX), span = to - from;
  overview.setPointerCapture(e.pointerId);
  let moved = false;
  const move = (m) => { if (Math.abs(m.clientX - e.clientX) > 3) { moved = true; setView(Math.min(start, t(m.clientX)), Math.max(start, t(m.clientX))); } };
  const up = () => { overview.removeEventListener('pointermove', move); overview.removeEventListener('pointerup', up); if (!moved) setView(start - span / 2, start + span / 2); };
  overview.addEventListener('pointermove', move); overview.addEventListener('pointerup', up);
});

// --- search ---
function search(text) {
  hitList = []; hitAt = -1;
  const wanted = text.trim().toLowerCase();
  if (wanted) {
    const good = new Uint8Array(D.texts.length);
    D.texts.forEach((t, i) => { if (t.toLowerCase().includes(wanted)) good[i] = 1; });
    for (let i = 0; i < N; ++i) if (good[words[i]]) hitList.push(i);
  }
  $('found').textContent = wanted ? `${hitList.length.toLocaleString('en')} found` : '';
  redraw();
}
let typing = 0;
$('search').addEventListener('input', (e) => { clearTimeout(typing); typing = setTimeout(() => search(e.target.value), 120); });
$('search').addEventListener('keydown', (e) => {
  if (e.key !== 'Enter' || !hitList.length) return;
  hitAt = (hitAt + (e.shiftKey ? -1 : 1) + hitList.length) % hitList.length;
  choose(hitList[hitAt], true);
  $('found').textContent = `${hitAt + 1} of ${hitList.length.toLocaleString('en')}`;
});
$('jump').addEventListener('keydown', (e) => {
  if (e.key !== 'Enter') return;
  const wanted = +e.target.value.replace(/^event:/, '');
  let lo = 0, hi = N;
  while (lo < hi) { const m = (lo + hi) >> 1; event[m] < wanted ? lo = m + 1 : hi = m; }
  if (lo < N) choose(lo, true);
});

// --- the rest ---
$('kinds').innerHTML = GROUPS.map(([key, name, ink]) => `<label class="${shown[key] ? 'on' : ''}"><input type="checkbox" data-key="${key}" ${shown[key] ? 'checked' : ''}><i style="background:var(${ink})"></i>${name}</label>`).join('');
$('kinds').addEventListener('change', (e) => toggle(e.target.dataset.key, e.target.checked));
function toggle(key, on) {
  shown[key] = on;
  const input = $('kinds').querySelector(`[data-key=${key}]`);
  input.checked = on; input.parentElement.classList.toggle('on', on);
  updateKinds(); redraw();
}
$('signs').innerHTML = Object.values(SIGNS).map(([sign, meaning, ink]) => `<tr><td style="color:var(${ink})">${sign}</td><td>${meaning}</td></tr>`).join('');
const fit = () => setView(0, END * 1.01);
$('fit').onclick = fit;
$('to-verdict').onclick = toVerdict;
$('help').onclick = () => $('keys').showModal();
$('theme').onclick = () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  readColours(); redraw();
};
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColours(); redraw(); });
addEventListener('keydown', (e) => {
  if ($('keys').open) return;
  if (e.key === 'Escape') { document.activeElement?.blur(); search($('search').value = ''); return choose(-1); }
  if (e.target.tagName === 'INPUT' && e.target.type !== 'checkbox') return;
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const act = {
    ArrowLeft: () => pan(-.15), ArrowRight: () => pan(.15), '+': () => zoom(.6, (from + to) / 2), '=': () => zoom(.6, (from + to) / 2),
    '-': () => zoom(1.6, (from + to) / 2), 0: fit, v: toVerdict, n: () => step(1), p: () => step(-1),
    c: () => chosen >= 0 && cause[chosen] >= 0 && choose(cause[chosen]), m: () => toggle('messages', !shown.messages),
    '/': () => $('search').focus(), g: () => $('jump').focus(), '?': () => $('keys').showModal(),
  }[e.key];
  if (act) { e.preventDefault(); act(); }
});
function resize() {
  [W, H] = size(canvas); [OW, OH] = size(overview);
  density = null; redraw(); drawRows();
}
new ResizeObserver(resize).observe($('stage'));
readColours(); updateKinds(); resize(); choose(-1);
// A link may say where to begin: #event:812345
const start = /^#event:(\d+)$/.exec(location.hash);
if (start) { $('jump').value = start[1]; $('jump').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' })); }
