// Predicts with the model in this folder, in Node.js.
//
//   node predict.mjs                      with random numbers, made from a seed
//   node predict.mjs '[[[1], [2], [3]]]'  with these: a batch of samples; for several inputs a list of batches
//   node predict.mjs --raw < inputs.json  [{shape, dtype, data}] in, {outputs: [{shape, data}]} out
//
// Needs @tensorflow/tfjs from npm in this folder or one above it, its tf.min.js here, or RECURRA_TFJS=/where/it/is.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

process.on('uncaughtException', (error) => {
  console.error(error instanceof Refusal ? error.message : `${error.name}: ${error.message}`);
  process.exit(1);
});

class Refusal extends Error {}

const args = process.argv.slice(2);
const raw = args.includes('--raw');
const place = args.indexOf('--model');
const path = place < 0 ? join(dirname(fileURLToPath(import.meta.url)), 'model.json') : resolve(args[place + 1]);

let tf;
console.warn = () => {}; // TensorFlow.js advertises another package of its own.
const require = createRequire(import.meta.url);
const near = (file) => () => createRequire(file)('@tensorflow/tfjs');
const places = [near(import.meta.url), () => require('./tf.min.js'), near(path), near(join(process.cwd(), '_'))];
for (const find of process.env.RECURRA_TFJS ? [() => require(process.env.RECURRA_TFJS)] : places) {
  try {
    tf ??= find();
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
}
if (!tf) {
  console.error('TensorFlow.js is not here. Install it with: npm install @tensorflow/tfjs');
  process.exit(3);
}
await tf.setBackend('cpu');

/** Reads model.json and the weights beside it; `tf.loadLayersModel` itself reads from the network only. */
const files = {
  load: async () => {
    const model = JSON.parse(readFileSync(path, 'utf8'));
    const parts = model.weightsManifest.flatMap((group) => group.paths.map((name) => readFileSync(join(dirname(path), name))));
    const joined = Buffer.concat(parts);
    return {
      modelTopology: model.modelTopology,
      trainingConfig: model.trainingConfig,
      userDefinedMetadata: model.userDefinedMetadata,
      weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
      weightData: joined.buffer.slice(joined.byteOffset, joined.byteOffset + joined.byteLength),
    };
  },
};

const model = await tf.loadLayersModel(files);

/** Numbers between -1 and 1, or indices, the same in every run. */
function random(shape, dtype, seed) {
  let state = seed;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(Array.from({length: size}, () => (dtype === 'int32' ? Math.floor(next() * 2) : 2 * next() - 1)), shape, dtype);
}

const shapes = () => model.inputs.map(({shape}) => shape.slice(1).map((size) => size ?? 'any number').join(' × ')).join(' and ');

function inputs() {
  if (raw) return JSON.parse(readFileSync(0, 'utf8')).map(({shape, dtype, data}) => tf.tensor(data, shape, dtype));
  const text = args.find((arg, i) => !arg.startsWith('--') && i !== place + 1 - (place < 0));
  if (text) {
    let given;
    try {
      given = JSON.parse(text);
    } catch (error) {
      throw new Refusal(`The input is no JSON: ${error.message}. Expected a batch of samples, each ${shapes()}.`);
    }
    return (model.inputs.length === 1 ? [given] : given).map((value, i) => tf.tensor(value, undefined, model.inputs[i].dtype));
  }
  return model.inputs.map(({shape, dtype}, i) => random(shape.map((size, axis) => size ?? (axis ? 8 : 1)), dtype, i + 1));
}

const given = inputs();
const begin = performance.now();
const result = model.predict(given.length === 1 ? given[0] : given, {batchSize: given[0].shape[0]});
const outputs = Array.isArray(result) ? result : [result];
const values = outputs.map((output) => output.dataSync());
const milliseconds = performance.now() - begin;

if (raw) {
  console.log(JSON.stringify({outputs: outputs.map((output, i) => ({shape: output.shape, data: Array.from(values[i])})), milliseconds}));
} else {
  given.forEach((input, i) => console.log(`input ${model.inputs[i].name} ${JSON.stringify(input.shape)}`));
  outputs.forEach((output, i) => {
    console.log(`output ${model.outputs[i].name} ${JSON.stringify(output.shape)}`);
    output.print();
  });
  console.log(`${milliseconds.toFixed(1)} ms`);
}
