// An OpenID provider for the tests. Its argument is JSON: the client's id, secret and redirect URIs, the accounts
// with their claims, and settings of the provider to add. It listens on a port of its own, which it prints.
// A line of JSON on standard input changes the accounts: {"sub": {claims} or null}; an answer says that it has.
//
// Some providers have an API beside OpenID Connect. What it answers stands among an account's claims, by route, such as
// "GET /api/v4/user": to whoever has an access token of that account, which this provider has to know as its own.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

// Standard output is for the tests alone.
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
console.log = console.info = console.warn = console.error;

const wanted = JSON.parse(process.argv[2]);
const accounts = wanted.accounts;
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: wanted.client_id,
      client_secret: wanted.client_secret,
      redirect_uris: wanted.redirect_uris,
      post_logout_redirect_uris: wanted.post_logout_redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      ...wanted.client,
    }],
    claims: {
      openid: ['sub', 'hd'],
      profile: ['name', 'preferred_username', 'groups'],
      email: ['email', 'email_verified'],
    },
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    findAccount: (_, sub) => accounts[sub] && {
      accountId: sub,
      claims: () => ({ sub, ...accounts[sub] }),
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    conformIdTokenClaims: false,
    cookies: { keys: ['a key of the tests'] },
    ...(wanted.always_refreshes && { issueRefreshToken: () => true }),
    ...wanted.settings,
  });
  provider.on('server_error', (_, error) => console.error(error));
  const openid = provider.callback();
  server.on('request', async (request, response) => {
    const route = `${request.method} ${new URL(request.url, issuer).pathname}`;
    if (!wanted.api.includes(route)) return openid(request, response);
    const token = await provider.AccessToken.find((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    const answer = accounts[token?.accountId]?.[route];
    response.writeHead(answer ? 200 : 401, { 'content-type': 'application/json' });
    return response.end(JSON.stringify(answer ?? { message: '401 Unauthorized' }));
  });
  say({ issuer });
});

createInterface({ input: process.stdin }).on('line', (line) => {
  for (const [sub, claims] of Object.entries(JSON.parse(line))) {
    if (claims === null) delete accounts[sub];
    else accounts[sub] = claims;
  }
  say({});
}).on('close', () => process.exit(0));
