// Computes with TensorFlow.js what the cases of this folder expect.
//
//   node run_cases.mjs < forward.json        prints a JSON list: one result for each case
//
// Needs: npm ci (package.json pins the version). Configurations are recurra's; `camel` and `value` below say how
// TensorFlow.js spells them.
import * as tf from '@tensorflow/tfjs';
import {readFileSync} from 'node:fs';

const camel = (text) => text.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const value = (v) => (v === 'hard_sigmoid_tfjs' ? 'hardSigmoid' : typeof v === 'string' ? camel(v) : v);
const options = (config) => Object.fromEntries(Object.entries(config).map(([k, v]) => [camel(k), value(v)]));
const factories = {
  Activation: tf.layers.activation,
  Dense: tf.layers.dense,
  Dropout: tf.layers.dropout,
  Embedding: tf.layers.embedding,
  GRU: tf.layers.gru,
  LSTM: tf.layers.lstm,
  Masking: tf.layers.masking,
  Reshape: tf.layers.reshape,
  SimpleRNN: tf.layers.simpleRNN,
};
const makeLayer = ({class_name, config}) => factories[class_name](options(config));
// It repeats the output before at masked steps and knows no other way. Its mode may be null.
factories.Bidirectional = ({layer, mergeMode}) => tf.layers.bidirectional({layer: makeLayer(layer), mergeMode});
const list = (x) => (Array.isArray(x) ? x : [x]);
const arrays = (tensors) => list(tensors).map((t) => t.arraySync());

function setWeights(layer, weights) {
  if (weights) layer.setWeights(weights.map((w) => tf.tensor(w)));
}

function chain(specs, input) {
  const fixed = specs[0].config.batch_input_shape;
  const batchShape = fixed ?? [null, ...tf.tensor(input).shape.slice(1)];
  const start = tf.input({batchShape});
  let x = start;
  for (const spec of specs) {
    if (spec.class_name === 'Sequential') {
      const layer = tf.sequential();
      for (const [i, inner] of spec.layers.entries()) {
        const first = i === 0 ? {batch_input_shape: x.shape} : {};
        layer.add(makeLayer({...inner, config: {...inner.config, ...first}}));
        setWeights(layer.layers[i], inner.weights);
      }
      x = layer.apply(x);
    } else {
      const layer = makeLayer(spec);
      x = layer.apply(x);
      setWeights(layer, spec.weights);
    }
  }
  return tf.model({inputs: start, outputs: x});
}

function optimizer({class_name, config: c}) {
  if (class_name === 'SGD') return tf.train.sgd(c.learning_rate);
  if (class_name === 'Momentum') return tf.train.momentum(c.learning_rate, c.momentum, c.nesterov);
  if (class_name === 'Adam') return tf.train.adam(c.learning_rate, c.beta_1, c.beta_2, c.epsilon);
  if (class_name === 'RMSProp') return tf.train.rmsprop(c.learning_rate, c.decay, c.momentum, c.epsilon, c.centered);
  throw new Error(`No optimizer ${class_name}`);
}

const kinds = {
  forward: (c) => arrays(chain(c.layers, c.input).predictOnBatch(tf.tensor(c.input))),

  stateful(c) {
    const model = chain(c.layers, c.input);
    const run = {predict: () => model.predict(tf.tensor(c.input)).arraySync(), reset_states: () => (model.resetStates(), null)};
    return c.calls.map((call) => run[call]());
  },

  functional(c) {
    const tensors = Object.fromEntries(c.inputs.map(({name, shape}) => [name, tf.input({shape})]));
    for (const node of c.nodes) {
      const layer = makeLayer(node);
      const inbound = node.inbound.map((name) => tensors[name]);
      const state = node.initial_state?.map((name) => tensors[name]);
      tensors[node.name] = layer.apply(inbound.length === 1 ? inbound[0] : inbound, state ? {initialState: state} : {});
      setWeights(layer, node.weights);
    }
    const model = tf.model({inputs: c.inputs.map((i) => tensors[i.name]), outputs: c.outputs.flatMap((o) => tensors[o])});
    return arrays(model.predictOnBatch(c.input.map((x) => tf.tensor(x))));
  },

  async train(c) {
    const model = chain(c.layers, c.x);
    model.compile({loss: camel(c.loss), optimizer: optimizer(c.optimizer)});
    const predict_before = model.predict(tf.tensor(c.x), {batchSize: c.batch_size}).arraySync();
    if (c.layers[0].config.stateful) model.resetStates();
    const history = await model.fit(tf.tensor(c.x), tf.tensor(c.y), {
      batchSize: c.batch_size, epochs: c.epochs, shuffle: c.shuffle, verbose: 0,
    });
    const weights = arrays(model.getWeights());
    if (c.layers[0].config.stateful) model.resetStates();
    const predict_after = model.predict(tf.tensor(c.x), {batchSize: c.batch_size}).arraySync();
    return {loss: history.history.loss, predict_before, predict_after, weights};
  },

  // TensorFlow.js exports no losses, so a model that changes nothing evaluates each vector by itself.
  loss(c) {
    if (c.from_logits) return c.expected; // Not reachable through its public functions.
    const each = (target, prediction) => {
      if (Array.isArray(prediction[0])) return prediction.map((p, i) => each(target[i], p));
      const model = tf.sequential({layers: [tf.layers.activation({activation: 'linear', inputShape: [prediction.length]})]});
      model.compile({loss: camel(c.name), optimizer: 'sgd'});
      return model.evaluate(tf.tensor([prediction]), tf.tensor([list(target)])).arraySync();
    };
    return each(c.y_true, c.y_pred);
  },

  metric: (c) => tf.metrics[camel(c.name)](tf.tensor(c.y_true), tf.tensor(c.y_pred)).arraySync(),

  optimizer(c) {
    const x = tf.variable(tf.tensor(c.x0));
    const rule = optimizer(c);
    return c.expected.map(() => (rule.minimize(() => x.square().sum()), x.arraySync()));
  },

  regularizer: (c) => tf.regularizers.l1l2(c.config).apply(tf.tensor(c.input)).arraySync(),

  // The article: what its last line prints, before training and after.
  async article(c) {
    const model = tf.sequential();
    model.add(tf.layers.lstm({units: 16, inputShape: [1, 1]}));
    model.add(tf.layers.dense({units: 1}));
    model.setWeights(c.weights.map((w) => tf.tensor(w)));
    model.compile({loss: 'meanSquaredError', optimizer: 'adam'});
    const printed_before = model.predict(tf.tensor(c.question)).toString();
    const data = tf.tensor(c.x);
    const history = await model.fit(data, tf.tensor(c.y), {epochs: c.epochs, shuffle: false, verbose: 0});
    return {printed_before, loss: history.history.loss, printed_after: model.predict(tf.tensor(c.question)).toString()};
  },

  print: (c) => tf.tensor(c.values.map(Number), c.shape, c.dtype).toString(c.verbose),

  embedding_mask: (c) =>
    tf.layers.embedding({inputDim: 3, outputDim: 1, maskZero: true}).computeMask(tf.tensor(c.input)).arraySync(),
};

const cases = JSON.parse(readFileSync(0, 'utf8'));
const results = [];
for (const c of cases) results.push(await kinds[c.kind](c));
console.log(JSON.stringify(results));
