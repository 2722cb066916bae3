// Small charts in SVG.

const NAMES = 'http://www.w3.org/2000/svg';
const COLORS = ['--one', '--three', '--four', '--five', '--two'];
const WIDTH = 1000, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 22;

export const color = (index) => `var(${COLORS[index % COLORS.length]})`;

export function number(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e5 || (size < 1e-3 && size > 0) ? value.toExponential(2) : String(+value.toPrecision(4));
}

function draw(parent, kind, attributes = {}, text) {
  const node = document.createElementNS(NAMES, kind);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function ticks(low, high, wanted = 4) {
  const rough = (high - low) / wanted, base = 10 ** Math.floor(Math.log10(rough));
  const step = base * ([1, 2, 5, 10].find((factor) => factor * base >= rough) ?? 10);
  const result = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) result.push(+at.toPrecision(12));
  return result;
}

function extent(values) {
  const finite = values.filter(Number.isFinite);
  let low = Math.min(...finite), high = Math.max(...finite);
  if (!finite.length) [low, high] = [-1, 1];
  const room = high > low ? 0.12 * (high - low) : 1;
  return [low - room, high + room];
}

/**
 * Lines over equal steps.
 * series: [{values, color, from, size, fixed}]: `from` is the step the first value stands at, `size` that of its dots.
 * options: width, height; drag(series, step, value): called while a dot is dragged; range: [low, high] to keep;
 * label(step): what stands below a step, by default its number from 1.
 */
export function lines(place, series, {width = 1000, height = 220, drag, range, split, label = (step) => step + 1} = {}) {
  const svg = draw(place, 'svg', {viewBox: `0 0 ${width} ${height}`, role: 'img'});
  const steps = Math.max(2, ...series.map(({values, from = 0}) => from + values.length));
  const [low, high] = range ?? extent(series.flatMap(({values}) => [...values]));
  const x = (step) => LEFT + ((width - LEFT - RIGHT) * (step + 0.5)) / steps;
  const y = (value) => TOP + ((height - TOP - BOTTOM) * (high - value)) / (high - low);
  for (const at of ticks(low, high, height < 150 ? 2 : 5)) {
    draw(svg, 'line', {x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at), class: 'grid'});
    draw(svg, 'text', {x: LEFT - 8, y: y(at) + 4, 'text-anchor': 'end'}, number(at));
  }
  for (const at of ticks(0, steps - 1, 8)) {
    if (Number.isInteger(at)) draw(svg, 'text', {x: x(at), y: height - 4, 'text-anchor': 'middle'}, label(at));
  }
  if (split) draw(svg, 'line', {x1: x(split - 0.5), x2: x(split - 0.5), y1: TOP, y2: height - BOTTOM, class: 'then'});
  series.forEach((one, index) => {
    const from = one.from ?? 0, stroke = one.color ?? color(index);
    const points = [...one.values].map((value, step) => `${x(from + step).toFixed(1)},${y(value).toFixed(1)}`);
    if (points.length > 1) draw(svg, 'polyline', {points: points.join(' '), class: 'path', stroke});
    if (!drag && points.length > 60) return;
    one.values.forEach((value, step) => {
      const r = one.size ?? (steps > 80 ? 3 : 4.5);
      const dot = draw(svg, 'circle', {cx: x(from + step), cy: y(value), r, fill: stroke, class: 'dot'});
      draw(dot, 'title', {}, number(value));
      if (!drag || one.fixed) return dot.setAttribute('style', 'cursor: default');
      dot.addEventListener('pointerdown', (event) => {
        event.preventDefault();
        // Listened to on the window: the chart is drawn anew under the pointer.
        const box = svg.getBoundingClientRect();
        const move = (at) => {
          const place = ((at.clientY - box.top) / box.height) * height;
          drag(index, step, high - ((place - TOP) / (height - TOP - BOTTOM)) * (high - low), [low, high]);
        };
        const end = () => {
          removeEventListener('pointermove', move);
          removeEventListener('pointerup', end);
          drag(null);
        };
        addEventListener('pointermove', move);
        addEventListener('pointerup', end);
      });
    });
  });
  return [low, high];
}

/** One bar for each value; with `share` they are percentages. */
export function bars(place, values, {share = false} = {}) {
  const height = 26 * values.length + 6, svg = draw(place, 'svg', {viewBox: `0 0 ${WIDTH} ${height}`, role: 'img'});
  const low = Math.min(0, ...values), high = share ? 1 : Math.max(0, ...values, low + 1e-9);
  const x = (value) => 60 + ((WIDTH - 160) * (value - low)) / (high - low);
  const best = values.indexOf(Math.max(...values));
  values.forEach((value, index) => {
    const top = 26 * index + 4;
    draw(svg, 'text', {x: 50, y: top + 14, 'text-anchor': 'end', style: 'font-size: 13px'}, index);
    const attributes = {x: x(Math.min(0, value)), y: top, width: Math.max(1, Math.abs(x(value) - x(0))), height: 18, class: 'bar'};
    draw(svg, 'rect', {...attributes, fill: share && index === best ? 'var(--accent)' : color(0)});
    const label = share ? `${(100 * value).toFixed(1)} %` : number(value);
    draw(svg, 'text', {x: Math.max(x(0), x(value)) + 8, y: top + 14, style: 'font-size: 13px; fill: var(--text)'}, label);
  });
}
