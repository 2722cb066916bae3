// Loads the model beside this page, lets its input be changed, and draws what it predicts.
import {bars, color, lines, number} from './charts.js';

const $ = (id) => document.getElementById(id);
const MOST_STEPS = 400;
const CURVE_POINTS = 81;
let tf, model, editors, times = [];

function element(parent, kind, attributes = {}, ...children) {
  const node = document.createElement(kind);
  for (const [key, value] of Object.entries(attributes)) key in node ? (node[key] = value) : node.setAttribute(key, value);
  node.append(...children);
  parent.append(node);
  return node;
}

function fail(title, text, command) {
  $('message').hidden = false;
  $('message').replaceChildren();
  element($('message'), 'h2', {}, title);
  element($('message'), 'p', {}, text);
  if (command) element($('message'), 'pre', {}, command);
  for (const id of ['input-card', 'output-card', 'timing-card', 'layers-card']) $(id).hidden = !model;
}

const script = (source) =>
  new Promise((done, refuse) => {
    const node = element(document.head, 'script', {src: source});
    node.onload = done;
    node.onerror = () => refuse(new Error(source));
  });

async function loadTensorFlow() {
  for (const source of ['tf.min.js', 'node_modules/@tensorflow/tfjs/dist/tf.min.js']) {
    try {
      await script(source);
      return globalThis.tf;
    } catch { /* the next place */ }
  }
}

/** Lets one input be edited. `value()` gives its tensor, a batch of one. */
class Editor {
  constructor(place, input, example, changed) {
    this.place = place;
    this.changed = changed;
    this.words = input.dtype === 'int32' || consumers(input).some((layer) => layer.getClassName() === 'Embedding');
    this.batch = input.shape[0] ?? 1;
    const [, ...sizes] = input.shape;
    this.open = sizes[0] === null;
    this.steps = sizes[0] ?? (Array.isArray(example) ? example.length : 24);
    this.rest = sizes.slice(1).map((size) => size ?? 1);
    this.width = this.rest.reduce((a, b) => a * b, 1);
    this.top = Math.min(...consumers(input).map((layer) => layer.inputDim ?? Infinity), 1e9);
    this.dtype = input.dtype;
    const flat = example?.flat(Infinity).map(Number);
    this.values = flat?.length === this.steps * this.width ? flat : this.single ? [1] : this.preset('waves');
    this.range = null;
    this.draw();
  }

  /** Whether the input is one number. */
  get single() {
    return !this.words && !this.open && this.steps * this.width === 1;
  }

  get drawable() {
    return !this.words && !this.single && this.steps <= MOST_STEPS && this.width <= 5;
  }

  preset(kind) {
    const each = {
      waves: (t, i) => Math.sin((2 * Math.PI * t * (1 + 0.5 * i)) / Math.max(4, Math.min(12, this.steps)) + i),
      steps: (t, i) => (Math.floor(t / Math.max(1, this.steps / 4)) % 2 ? 1 : -1) / (1 + i),
      noise: () => 2 * Math.random() - 1,
      zeros: () => 0,
    }[kind];
    const words = () => Math.floor(Math.random() * Math.min(this.top, 1000));
    return Array.from({length: this.steps * this.width}, (_, n) => (this.words ? words() : each(Math.floor(n / this.width), n % this.width)));
  }

  value() {
    const sample = tf.tensor(this.values, [1, this.steps, ...this.rest], this.words && this.dtype === 'int32' ? 'int32' : 'float32');
    return this.batch === 1 ? sample : tf.tile(sample, [this.batch, ...sample.shape.slice(1).map(() => 1)]);
  }

  series() {
    return Array.from({length: this.width}, (_, i) => ({values: this.values.filter((_, n) => n % this.width === i), color: color(i)}));
  }

  set(values) {
    this.values = values;
    this.draw();
    this.changed();
  }

  /** The numbers around the only one there is, the same on both sides of 0. */
  get span() {
    return 4 * 2 ** Math.max(0, Math.ceil(Math.log2(Math.abs(this.values[0]) / 4)));
  }

  drawSingle() {
    const row = element(element(this.place, 'div', {className: 'tools'}), 'div', {className: 'row'});
    const box = element(row, 'input', {type: 'number', step: 'any', value: this.values[0]});
    const slider = element(row, 'input', {type: 'range', className: 'wide-slider'});
    for (const control of [box, slider]) control.setAttribute('aria-label', 'Input');
    const adjust = () => {
      Object.assign(slider, {min: -this.span, max: this.span, step: this.span / 200});
      slider.value = this.values[0];
    };
    const take = (value) => {
      this.values = [value];
      this.changed();
    };
    adjust();
    slider.oninput = () => {
      box.value = +Number(slider.value).toPrecision(4);
      take(Number(slider.value));
    };
    box.oninput = () => {
      if (!Number.isFinite(box.valueAsNumber)) return;
      take(box.valueAsNumber);
      adjust();
    };
  }

  draw() {
    this.place.querySelector('.drawing')?.remove();
    this.place.querySelector('.tools')?.remove();
    if (this.single) return this.drawSingle();
    if (this.drawable) {
      const drawing = element(this.place, 'div', {className: 'drawing'});
      lines(drawing, this.series(), {
        range: this.range,
        drag: (series, step, value, range) => {
          this.range = series === null ? null : range;
          if (series !== null) this.values[step * this.width + series] = value;
          this.draw();
          this.changed();
        },
      });
    }
    const tools = element(this.place, 'div', {className: 'tools'});
    const row = element(tools, 'div', {className: 'row'});
    for (const kind of this.words ? ['random'] : ['waves', 'steps', 'noise', 'zeros']) {
      element(row, 'button', {type: 'button', onclick: () => this.set(this.preset(kind))}, kind);
    }
    if (this.open) {
      const slider = element(element(row, 'label', {}, 'steps'), 'input', {type: 'range', min: 2, max: 120, value: this.steps});
      slider.onchange = () => {
        this.steps = Number(slider.value);
        this.set(this.preset('waves'));
      };
      row.append(element(row, 'span', {className: 'hint'}, `${this.steps}`));
    }
    const toggle = element(row, 'button', {type: 'button'}, 'as numbers');
    const box = element(tools, 'textarea', {spellcheck: false, hidden: !this.typing && this.drawable});
    box.setAttribute('aria-label', 'Input as numbers');
    box.value = this.values.map((value) => +value.toFixed(4)).join(', ');
    toggle.hidden = !this.drawable;
    toggle.onclick = () => {
      this.typing = !this.typing;
      box.hidden = !this.typing;
    };
    const note = element(tools, 'p', {className: 'hint error'});
    box.oninput = () => {
      const values = box.value.split(/[\s,;[\]]+/).filter(Boolean).map(Number);
      const wrong = values.some((value) => !Number.isFinite(value) || (this.words && (value < 0 || value >= this.top)));
      const fits = this.open ? values.length && values.length % this.width === 0 : values.length === this.steps * this.width;
      note.textContent = wrong ? `Numbers ${this.words ? `from 0 to ${this.top - 1} ` : ''}are needed.` : fits ? '' : `${this.steps * this.width} numbers are needed, here are ${values.length}.`;
      if (wrong || !fits) return;
      this.steps = values.length / this.width;
      this.values = values;
      this.changed();
    };
  }
}

const consumers = (input) => model.layers.filter((layer) => layer.inboundNodes.some((node) => node.inputTensors.includes(input)));

function legend(place, entries) {
  const note = element(place, 'p', {className: 'hint'});
  for (const [tint, text] of entries) {
    element(note, 'span', {className: 'swatch', style: `background: ${tint}`});
    element(note, 'span', {style: 'margin-right: 16px'}, text);
  }
}

/** What the model makes of every number around its only input. */
function curve(place, editor, index, sample) {
  const {span} = editor, step = (2 * span) / (CURVE_POINTS - 1);
  const results = tf.tidy(() => {
    const x = tf.tensor(Array.from({length: CURVE_POINTS}, (_, i) => i * step - span), [CURVE_POINTS, editor.steps, ...editor.rest]);
    return [model.predict(x, {batchSize: CURVE_POINTS})].flat()[index].dataSync();
  });
  const of = (n) => ({values: results.filter((_, i) => i % sample.length === n), color: color(n)});
  const dots = [...sample].map((value) => ({values: [value], from: (editor.values[0] + span) / step, color: 'var(--accent)', size: 6}));
  lines(place, [...sample.keys()].map(of).concat(dots), {label: (at) => number(at * step - span)});
  legend(place, [[color(0), 'prediction for every input'], ['var(--accent)', 'for this one']]);
}

/** Draws one output of the model. */
function show(place, index, values, shape) {
  const output = model.outputs[index], last = output.sourceLayer;
  const part = element(place, 'div', {className: 'part'});
  if (model.outputs.length > 1) element(part, 'h3', {}, output.name);
  const sample = values.slice(0, values.length / shape[0]);
  const softmax = last?.getConfig().activation === 'softmax';
  const width = shape.at(-1);
  const [editor] = editors;
  if (shape.length === 3) {
    const each = Array.from({length: width}, (_, i) => ({values: sample.filter((_, n) => n % width === i), color: color(i)}));
    if (width <= 8 && shape[1] > 1) return void lines(part, each);
    return void element(part, 'p', {className: 'hint'}, `${shape.join(' × ')} numbers, between ${number(Math.min(...sample))} and ${number(Math.max(...sample))}`);
  }
  if (softmax && sample.length <= 40) return bars(part, [...sample], {share: true});
  const goesOn = editors.length === 1 && editor.drawable && editor.width === 1 && !softmax && shape.length === 2;
  if (sample.length <= 3) {
    const figure = element(part, 'p', {className: 'figure'});
    sample.forEach((value) => element(figure, 'span', {style: 'margin-right: 24px'}, number(value)));
  }
  if (goesOn) {
    const known = {values: editor.values, color: color(0), fixed: true};
    const next = {values: [...sample], from: editor.steps, color: 'var(--accent)'};
    lines(part, [known, next], {split: editor.steps});
    const what = sample.length === 1 ? 'the next value' : `${sample.length} values`;
    legend(part, [[color(0), 'input'], ['var(--accent)', `prediction of ${what}, after the input`]]);
  } else if (editors.length === 1 && editor.single && sample.length <= 3 && model.inputs[0].shape[0] === null) {
    curve(part, editor, index, sample);
  } else if (sample.length > 3 && sample.length <= 40) {
    bars(part, [...sample]);
  } else if (sample.length > 40) {
    lines(part, [{values: [...sample], color: 'var(--accent)'}]);
  }
}

function predict() {
  const given = editors.map((editor) => editor.value());
  const begin = performance.now();
  const result = model.predict(given.length === 1 ? given[0] : given, {batchSize: given[0].shape[0]});
  const outputs = [result].flat();
  const values = outputs.map((output) => output.dataSync());
  const took = performance.now() - begin;
  if (model.stateful) model.resetStates();
  const shapes = outputs.map((output) => output.shape);
  tf.dispose([...given, ...outputs]);
  return {values, shapes, took};
}

let waiting = false;
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    try {
      const {values, shapes, took} = predict();
      times = [...times, took].slice(-60);
      $('message').hidden = true;
      $('outputs').replaceChildren();
      model.outputs.forEach((_, i) => show($('outputs'), i, values[i], shapes[i]));
      drawTimes();
    } catch (error) {
      fail('The prediction failed', error.message);
    }
  });
}

function drawTimes() {
  const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
  $('milliseconds').textContent = median < 10 ? median.toFixed(2) : median.toFixed(0);
  $('times').replaceChildren();
  if (times.length > 2) lines($('times'), [{values: times, color: color(2)}], {width: 480, height: 110, range: [0, Math.max(...times) * 1.15]});
  const rate = median > 0 ? `; ${Math.round(1000 / median).toLocaleString('en')} a second` : '';
  $('timing-hint').textContent = `median of ${times.length}, on the ${tf.getBackend()} backend${rate}`;
}

/** Fifty in a row, two seconds at most; a breath after each ten lets the page stay alive. */
async function measure() {
  $('measure').disabled = true;
  times = [];
  const begin = performance.now();
  for (let run = 0; run < 50 && performance.now() - begin < 2000; run++) {
    times.push(predict().took);
    if (run % 10 === 9) {
      drawTimes();
      await new Promise((done) => setTimeout(done));
    }
  }
  $('measure').disabled = false;
}

function describe() {
  const shape = (sizes) => sizes.map((size) => size ?? '?').join(' × ');
  const details = (config) =>
    ['units', 'activation', 'recurrentActivation', 'inputDim', 'outputDim', 'rate', 'returnSequences', 'stateful', 'goBackwards', 'maskZero']
      .filter((key) => config[key] !== undefined && config[key] !== null && config[key] !== false && config[key] !== 'linear')
      .map((key) => {
        const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
        return config[key] === true ? words : `${words} ${String(config[key]).replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()}`;
      })
      .join(', ');
  const layers = model.layers[0].getClassName() === 'InputLayer' || model.getClassName() !== 'Sequential' ? model.layers : [model.inputLayers[0], ...model.layers];
  for (const layer of layers) {
    const item = element($('layers'), 'li');
    element(item, 'b', {}, layer.getClassName() === 'InputLayer' ? 'Input' : layer.getClassName());
    const count = layer.countParams();
    element(item, 'span', {}, count ? `${count.toLocaleString('en')} weights` : '');
    const out = [layer.outputShape].flat(1);
    const text = Array.isArray(out[0]) ? out.map((one) => shape(one.slice(1))).join(' and ') : shape(out.slice(1));
    element(item, 'span', {className: 'detail'}, [text, details(layer.getConfig())].filter(Boolean).join(' · '));
  }
}

async function start() {
  if (location.protocol === 'file:') {
    return fail('One step is missing', 'Browsers load models from a web server only, not from a file. In this folder:', 'python3 -m http.server 8000        then open http://localhost:8000');
  }
  tf = await loadTensorFlow();
  if (!tf) {
    return fail('TensorFlow.js is not here yet', 'Put it beside this page, then load the page again:', 'npm install @tensorflow/tfjs');
  }
  // Small recurrent networks are fastest on the processor: a step is too little work for a graphics card.
  await tf.setBackend(new URLSearchParams(location.search).get('backend') ?? 'cpu');
  const begin = performance.now();
  model = await tf.loadLayersModel('model.json');
  const loaded = performance.now() - begin;
  const example = await fetch('example.json').then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const facts = {weights: model.countParams().toLocaleString('en'), layers: model.layers.length, 'loaded in': `${loaded.toFixed(0)} ms`};
  for (const [name, value] of Object.entries(facts)) {
    const entry = element($('facts'), 'div');
    element(entry, 'dt', {}, name);
    element(entry, 'dd', {}, String(value));
  }
  $('version').textContent = tf.version.tfjs;
  describe();
  editors = [];
  model.inputs.forEach((input, i) => {
    const part = element($('inputs'), 'div', {className: 'part'});
    if (model.inputs.length > 1) element(part, 'h3', {}, input.name);
    editors.push(new Editor(part, input, model.inputs.length > 1 ? example?.[i] : example, refresh));
  });
  const drawable = editors.some((editor) => editor.drawable), single = editors.some((editor) => editor.single);
  $('input-hint').textContent = drawable ? 'Drag the points, or choose a shape.' : single ? 'Type a number, or move the slider.' : '';
  $('measure').onclick = measure;
  refresh();
  await measure();
  drawTimes();
  document.documentElement.dataset.ready = 'yes';
}

start().catch((error) => fail('The model could not be loaded', error.message));
