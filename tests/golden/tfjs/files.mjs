// Reads and writes LayersModels in folders, which @tensorflow/tfjs itself does in browsers and with tfjs-node only.
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

export const loadFrom = (folder) => ({
  load: async () => {
    const model = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    const parts = model.weightsManifest.flatMap((group) => group.paths.map((name) => readFileSync(join(folder, name))));
    const all = Buffer.concat(parts);
    return {
      ...model,
      weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
      weightData: all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength),
    };
  },
});

export const saveTo = (folder) => ({
  save: async ({weightData, weightSpecs, ...model}) => {
    mkdirSync(folder, {recursive: true});
    const document = {...model, weightsManifest: [{paths: ['weights.bin'], weights: weightSpecs}]};
    writeFileSync(join(folder, 'model.json'), JSON.stringify(document));
    writeFileSync(join(folder, 'weights.bin'), Buffer.from(weightData));
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  },
});
