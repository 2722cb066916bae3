// Random models of TensorFlow.js, saved with what they predict and how their training goes on.
//
//   node random_models.mjs make FOLDER SEED COUNT   makes FOLDER/0, FOLDER/1, ...: the files of a model and case.json
//   node random_models.mjs run FOLDER COUNT         reads the models there, prints what they compute for their case.json
//
// A case holds inputs, and after two epochs of training saved with the model: predictions and the losses of three more.
import * as tf from '@tensorflow/tfjs';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {loadFrom, saveTo} from './files.mjs';

await tf.setBackend('cpu');
const [mode, folder, ...rest] = process.argv.slice(2);
const BATCH = 4;

/** Numbers in [0, 1) that depend on the seed alone: mulberry32. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Maker {
  constructor(seed) {
    this.random = generator(seed);
  }
  int = (low, high) => low + Math.floor(this.random() * (high - low + 1));
  pick = (...options) => options[this.int(0, options.length - 1)];
  chance = (share) => this.random() < share;
  numbers = (shape, scale = 1) => tf.tensor(Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => scale * (2 * this.random() - 1)), shape);
  indices = (shape, top) => tf.tensor(Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => this.int(0, top - 1)), shape, 'int32');

  recurrent(options = {}) {
    const kind = this.pick('lstm', 'lstm', 'gru', 'simpleRNN');
    const gates = kind === 'simpleRNN' ? {} : {recurrentActivation: this.pick(undefined, 'hardSigmoid', 'sigmoid')};
    const forget = kind === 'lstm' ? {unitForgetBias: this.pick(undefined, true, false)} : {};
    const make = (more) => tf.layers[kind]({
      units: this.int(1, 5),
      activation: this.pick(undefined, 'tanh', 'sigmoid', 'softsign', 'elu'),
      useBias: this.pick(undefined, true, false),
      goBackwards: this.chance(0.2),
      kernelInitializer: this.pick(undefined, 'heUniform', 'randomNormal', 'leCunNormal'),
      ...gates, ...forget, ...options, ...more,
    });
    if (options.units || options.twoWays === false || !this.chance(0.2)) return make();
    return tf.layers.bidirectional({layer: make({inputShape: undefined}), mergeMode: this.pick('concat', 'sum', 'mul', 'ave'), inputShape: options.inputShape});
  }

  head(loss) {
    const activation = {meanSquaredError: this.pick(undefined, 'tanh', 'swish', 'gelu', 'mish'), categoricalCrossentropy: 'softmax', binaryCrossentropy: 'sigmoid'}[loss];
    // Penalties on recurrent layers have no effect in TensorFlow.js, and those on frozen ones have.
    const trainable = !this.chance(0.1);
    const penalties = trainable && this.chance(0.2) ? {kernelRegularizer: tf.regularizers.l2({l2: 0.01}), biasRegularizer: this.pick(tf.regularizers.l1({l1: 0.02}), tf.regularizers.l1l2())} : {};
    return tf.layers.dense({units: this.int(2, 4), activation, useBias: this.chance(0.8), trainable, ...penalties});
  }

  loss = () => this.pick('meanSquaredError', 'meanSquaredError', 'categoricalCrossentropy', 'binaryCrossentropy');

  /** Layers one after the other. */
  sequential() {
    const model = tf.sequential();
    const words = this.chance(0.3);
    // Where TensorFlow.js has faults of its own (formats/tfjs/faults.py) there is nothing to compare.
    let masked = false;
    const forwards = () => (masked ? {goBackwards: false} : {});
    const time = this.int(2, 6), features = this.int(1, 4), rows = this.int(3, 9);
    if (words) {
      masked = this.chance(0.5);
      model.add(tf.layers.embedding({inputDim: rows, outputDim: features, maskZero: masked, inputLength: time}));
    } else {
      masked = this.chance(0.3);
      model.add(masked ? tf.layers.masking({maskValue: 0, inputShape: [time, features]}) : this.recurrent({inputShape: this.chance(0.3) ? [null, features] : [time, features], returnSequences: true}));
    }
    if (this.chance(0.3)) model.add(tf.layers.dense({units: this.int(1, 4), activation: this.pick('relu', 'linear', 'selu')}));
    if (this.chance(0.5)) model.add(this.recurrent({returnSequences: true, ...forwards()}));
    model.add(this.recurrent());
    if (this.chance(0.3)) model.add(tf.layers.activation({activation: this.pick('tanh', 'hardSigmoid', 'relu6', 'softplus')}));
    if (this.chance(0.2)) {
      model.add(tf.layers.repeatVector({n: 3}));
      model.add(masked || this.chance(0.5) ? tf.layers.flatten() : this.recurrent());
    }
    if (this.chance(0.2)) model.add(tf.layers.dropout({rate: 0}));
    const loss = this.loss();
    model.add(this.head(loss));
    const inputs = [words ? this.indices([BATCH, time], rows) : this.numbers([BATCH, time, features])];
    return {model, losses: [loss], inputs};
  }

  /** Two inputs, a layer used twice, states handed from one layer to another, a model in the model, two outputs. */
  web() {
    const time = this.int(2, 5), features = this.int(1, 3), units = this.int(2, 4);
    const a = tf.input({shape: [time, features]}), b = tf.input({shape: [this.chance(0.5) ? null : time, features]});
    const shared = tf.layers.dense({units, activation: 'tanh'});
    let left = shared.apply(a), right = shared.apply(b);
    if (this.chance(0.5)) {
      const inner = tf.sequential();
      inner.add(this.recurrent({inputShape: [time, units], returnSequences: true, units}));
      left = inner.apply(left);
    }
    let joined;
    if (this.chance(0.5)) {
      const [, h, c] = tf.layers.lstm({units, returnState: true}).apply(left);
      joined = tf.layers.lstm({units}).apply(right, {initialState: [h, c]});
    } else {
      joined = tf.layers[this.pick('add', 'average', 'multiply', 'maximum', 'minimum', 'concatenate')]().apply([this.recurrent({units}).apply(left), this.recurrent({units}).apply(right)]);
    }
    const losses = [this.loss(), this.loss()];
    const outputs = losses.map((loss) => this.head(loss).apply(joined));
    return {model: tf.model({inputs: [a, b], outputs}), losses, inputs: [this.numbers([BATCH, time, features]), this.numbers([BATCH, time, features])]};
  }

  optimizer() {
    const rate = this.pick(0.01, 0.05);
    return this.pick(
      () => tf.train.adam(rate), () => tf.train.adam(rate, 0.8, 0.99, 1e-3), () => tf.train.sgd(rate),
      () => tf.train.momentum(rate, 0.8, this.chance(0.5)), () => tf.train.rmsprop(rate, 0.9, this.pick(0, 0.5)),
    )();
  }
}

const arrays = (tensors) => (Array.isArray(tensors) ? tensors : [tensors]).map((t) => t.arraySync());
const single = (list) => (list.length === 1 ? list[0] : list);

async function fit(model, inputs, targets, epochs) {
  const history = await model.fit(single(inputs), single(targets), {batchSize: 2, epochs, shuffle: false, verbose: 0});
  return history.history.loss;
}

async function make(seed, place) {
  const maker = new Maker(seed);
  const {model, losses, inputs} = maker.chance(0.35) ? maker.web() : maker.sequential();
  model.setWeights(model.getWeights().map((weight) => maker.numbers(weight.shape, 0.7)));
  model.compile({loss: single(losses), optimizer: maker.optimizer(), metrics: maker.chance(0.3) ? ['mae'] : []});
  const targets = model.outputs.map((output, i) => {
    const shape = [BATCH, output.shape[1]];
    if (losses[i] === 'categoricalCrossentropy') return tf.oneHot(maker.indices([BATCH], shape[1]), shape[1]).toFloat();
    return losses[i] === 'binaryCrossentropy' ? maker.indices(shape, 2).toFloat() : maker.numbers(shape);
  });
  await fit(model, inputs, targets, 2);
  if (maker.chance(0.5)) model.setUserDefinedMetadata({seed, note: 'made at random'});
  await model.save(saveTo(place), {includeOptimizer: true});
  const expected = arrays(model.predict(single(inputs), {batchSize: BATCH}));
  const continued = await fit(model, inputs, targets, 3);
  const dtypes = inputs.map((input) => input.dtype);
  const result = {seed, inputs: arrays(inputs), dtypes, targets: arrays(targets), expected, continued, metadata: model.getUserDefinedMetadata() ?? null};
  writeFileSync(join(place, 'case.json'), JSON.stringify(result));
}

async function run(place) {
  const {inputs, dtypes, targets} = JSON.parse(readFileSync(join(place, 'case.json'), 'utf8'));
  const model = await tf.loadLayersModel(loadFrom(place));
  const x = inputs.map((input, i) => tf.tensor(input, undefined, dtypes[i]));
  const predicted = arrays(model.predict(single(x), {batchSize: BATCH}));
  const continued = model.optimizer ? await fit(model, x, targets.map((target) => tf.tensor(target)), 3) : null;
  return {predicted, continued, metadata: model.getUserDefinedMetadata() ?? null};
}

if (mode === 'make') {
  const [seed, count] = rest.map(Number);
  for (let i = 0; i < count; i++) {
    try {
      await make(seed * 1000 + i, join(folder, String(i)));
    } catch (error) {
      error.message += ` (model ${i} of seed ${seed})`;
      throw error;
    }
    tf.disposeVariables();
  }
} else {
  const results = [];
  for (let i = 0; i < Number(rest[0]); i++) results.push(await run(join(folder, String(i))));
  console.log(JSON.stringify(results));
}
