// openid-client for the tests, which are in Python: a line of JSON on standard input, {"call": name, "arguments": […]},
// calls the library's function of that name, and its outcome is a line on standard output.
//
// `discovery` makes the client that all later calls are for. `validateJwtAccessToken` is of oauth4webapi, below
// openid-client: what the API of an audience does with a request that brings a token. Of the arguments, {"url": …} stands for a URL, and
// {"url": …, "form": {…}} for the POST that a browser sends there.
import { createInterface } from 'node:readline';
import { allowInsecureRequests, validateJwtAccessToken } from 'oauth4webapi';
import * as library from 'openid-client';

const authentications = {
  client_secret_basic: library.ClientSecretBasic,
  client_secret_post: library.ClientSecretPost,
  none: library.None,
};
let client;

async function discover(issuer, clientId, secret, method) {
  client = await library.discovery(new URL(issuer), clientId, secret, authentications[method](secret), {
    execute: [library.allowInsecureRequests, library.enableNonRepudiationChecks], // http on loopback; signatures
  });
  return client.serverMetadata();
}

async function validate(token, audience) {
  const request = new Request('http://127.0.0.1/api', { headers: { authorization: `Bearer ${token}` } });
  return validateJwtAccessToken(client.serverMetadata(), request, audience, { [allowInsecureRequests]: true });
}

function argument(given) {
  if (given === null || typeof given !== 'object' || !('url' in given)) return given ?? undefined;
  if (!('form' in given)) return new URL(given.url);
  return new Request(given.url, { method: 'POST', body: new URLSearchParams(given.form) });
}

function described(value) {
  if (value instanceof URL) return value.href;
  if (value === undefined || value === null || typeof value !== 'object') return value ?? null;
  return typeof value.claims === 'function' ? { ...value, claims: value.claims() ?? null } : value;
}

async function call({ call: name, arguments: given }) {
  if (name === 'discovery') return discover(...given);
  if (name === 'validateJwtAccessToken') return validate(...given);
  const passed = given.map(argument);
  const isOfNoClient = name.startsWith('random') || name.startsWith('calculate');
  return described(await (isOfNoClient ? library[name](...passed) : library[name](client, ...passed)));
}

for await (const line of createInterface({ input: process.stdin })) {
  let outcome;
  try {
    outcome = { value: await call(JSON.parse(line)) };
  } catch (error) {
    const { name, message, code, status, error: oauth, cause } = error;
    outcome = { failed: { name, message, code, status, error: oauth, cause: cause?.message } };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
