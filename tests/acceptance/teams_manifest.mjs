// Says what Microsoft's own JSON schema finds wrong with the manifests named on the command line; nothing, if all is well.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const Ajv = require('ajv-draft-04').default;
const formats = require('ajv-formats').default;

for (const file of process.argv.slice(2)) {
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const folder = require.resolve('@microsoft/app-manifest/package.json').replace('package.json', 'build/json-schemas/teams');
  const schema = JSON.parse(readFileSync(`${folder}/v${manifest.manifestVersion}/MicrosoftTeams.schema.json`, 'utf8'));
  const ajv = new Ajv({ allErrors: true, strict: false });
  formats(ajv);
  const valid = ajv.validate(schema, manifest);
  console.log(JSON.stringify({ file, valid, errors: ajv.errors ?? [] }));
}
