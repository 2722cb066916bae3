// TensorFlow.js in Node.js, on its backend of plain JavaScript or of WebAssembly. It answers as worker.py does:
//   node benchmarks/peers/tfjs.mjs '{"backend": "wasm"}'
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

console.log = console.info = console.warn = console.error; // Standard output is for answers.
const settings = JSON.parse(process.argv[2]);
const answer = (value) => process.stdout.write(JSON.stringify(value) + "\n");

let tf;
try {
  tf = await import("@tensorflow/tfjs");
  if (settings.backend === "wasm") {
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
    wasm.setWasmPaths(join(dirname(main), "/"));
  }
  if (!(await tf.setBackend(settings.backend))) throw new Error(`no backend '${settings.backend}'`);
  await tf.ready();
  answer({ ready: true });
} catch (error) {
  answer({ unavailable: String(error.message).split("\n")[0] });
  process.exit(0);
}

const LAYERS = { LSTM: "lstm", GRU: "gru", SimpleRNN: "simpleRNN" };

function modelOf(c, stateful) {
  const model = tf.sequential();
  for (let level = 0; level < c.layers; level++) {
    const shape = stateful ? [1, 1, c.features] : [c.batch, c.time, c.features];
    model.add(
      tf.layers[LAYERS[c.cell]]({
        units: c.units,
        returnSequences: c.classes || level + 1 < c.layers,
        // As the other peers have it, not the hard sigmoid that is the default of TensorFlow.js.
        ...(c.cell === "SimpleRNN" ? {} : { recurrentActivation: "sigmoid" }),
        // An orthogonal start takes TensorFlow.js minutes for large layers.
        recurrentInitializer: "glorotUniform",
        stateful,
        ...(level ? {} : { batchInputShape: shape }),
      }),
    );
  }
  model.add(tf.layers.dense({ units: c.outputs, activation: c.classes ? "softmax" : "linear" }));
  model.compile({ optimizer: "adam", loss: c.classes ? "sparseCategoricalCrossentropy" : "meanSquaredError" });
  return model;
}

function dataOf(c, batches) {
  const rows = c.batch * batches;
  if (!c.classes) return [tf.randomNormal([rows, c.time, c.features]), tf.randomNormal([rows, c.outputs])];
  const letters = tf.randomUniform([rows, c.time], 0, c.features, "int32");
  return [tf.oneHot(letters, c.features).toFloat(), tf.randomUniform([rows, c.time, 1], 0, c.outputs, "int32").toFloat()];
}

const makers = {
  train_step(c, batches) {
    const model = modelOf(c, false);
    const [x, y] = dataOf(c, batches);
    const xs = tf.split(x, batches);
    const ys = tf.split(y, batches);
    return async (steps) => {
      for (let step = 0; step < steps; step++) await model.trainOnBatch(xs[step % batches], ys[step % batches]);
    };
  },
  fit(c, batches) {
    const model = modelOf(c, false);
    const parts = {};
    return async (steps) => {
      const count = Math.min(steps, batches);
      parts[count] ??= dataOf(c, count);
      const epochs = Math.ceil(steps / count);
      await model.fit(...parts[count], { batchSize: c.batch, epochs, shuffle: false, verbose: 0 });
      return epochs * count;
    };
  },
  predict(c) {
    const model = modelOf(c, false);
    const [x] = dataOf(c, 1);
    return async (steps) => {
      for (let step = 0; step < steps; step++) {
        const y = model.predictOnBatch(x);
        y.dataSync();
        y.dispose();
      }
    };
  },
  stream(c) {
    const model = modelOf(c, true);
    const x = tf.randomNormal([1, 1, c.features]);
    return async (steps) => {
      for (let step = 0; step < steps; step++) {
        const y = model.predictOnBatch(x);
        y.dataSync();
        y.dispose();
      }
    };
  },
};

let run = null;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (request.prepare) {
      run = null;
      tf.disposeVariables();
      run = makers[request.prepare](request.case, request.batches);
      answer({ ready: true });
    } else if (request.memory) {
      const peak = process.resourceUsage().maxRSS * 1024;
      answer({ now: process.memoryUsage().rss, peak });
    } else {
      const begin = performance.now();
      const steps = (await run(request.run)) ?? request.run;
      answer({ seconds: (performance.now() - begin) / 1000, steps });
    }
  } catch (error) {
    console.error(error);
    answer({ error: String(error.message).split("\n")[0] });
  }
}
