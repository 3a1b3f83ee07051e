// Reads {"schema": ..., "texts": [YAML, ...]} and prints, for each text, its errors by npm's ajv: [[sentence, ...], ...].
const Ajv2020 = require("ajv/dist/2020");
const YAML = require("yaml");

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ajv = new Ajv2020({allErrors: true, strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false});
const validate = ajv.compile(input.schema);
const answers = input.texts.map((text) => {
  const value = YAML.parse(text, {merge: true});
  return validate(value) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`);
});
process.stdout.write(JSON.stringify(answers));
