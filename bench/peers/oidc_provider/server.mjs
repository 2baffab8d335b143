// npm oidc-provider, its entries in memory. Its argument is JSON: the algorithm, how many logins
// there are, and whether access tokens are JWTs. It prints one line of JSON: its port, and a refresh token a login.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { alg, logins, jwt } = JSON.parse(process.argv[2]);
const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
console.info = console.warn = () => {};

// Its own adapter in memory forgets all but the last thousand entries; this one forgets nothing.
class Memory {
  static entries = new Map();

  static grants = new Map();

  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, payload) {
    const key = this.key(id);
    Memory.entries.set(key, payload);
    if (payload.grantId) {
      if (!Memory.grants.has(payload.grantId)) Memory.grants.set(payload.grantId, []);
      Memory.grants.get(payload.grantId).push(key);
    }
  }

  async find(id) { return Memory.entries.get(this.key(id)); }

  async consume(id) { Memory.entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { Memory.entries.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const key of Memory.grants.get(grantId) ?? []) Memory.entries.delete(key);
    Memory.grants.delete(grantId);
  }
}

const pair = alg === 'RS256'
  ? generateKeyPairSync('rsa', { modulusLength: 2048 })
  : generateKeyPairSync('ec', { namedCurve: 'P-256' });
const user = {
  email: 'admin@example.com', email_verified: true, name: 'admin', preferred_username: 'admin', groups: ['ops', 'dev'],
};
const scope = 'openid email profile groups offline_access';
const api = 'https://api.example.com';

const server = createServer();
server.listen(0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    adapter: Memory,
    clients: [{
      client_id: 'example-app',
      client_secret: 'a-secret-of-the-bench',
      redirect_uris: ['http://127.0.0.1:5555/callback'],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      id_token_signed_response_alg: alg,
    }],
    jwks: { keys: [{ ...pair.privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: 'bench' }] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'],
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...user }) }),
    conformIdTokenClaims: false, // the claims stand in the ID token, as they do in the others'
    rotateRefreshToken: true,
    cookies: { keys: ['a key of the bench'] },
    ttl: { AccessToken: 3600, ClientCredentials: 3600, IdToken: 3600, RefreshToken: 86400, Grant: 86400 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: jwt,
        defaultResource: () => api,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope, audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg } } }),
      },
    },
  });
  provider.on('server_error', (_, error) => process.stderr.write(`${error.stack}\n`));
  server.on('request', provider.callback());

  const client = await provider.Client.find('example-app');
  const tokens = [];
  for (let login = 0; login < logins; login += 1) {
    const grant = new provider.Grant({ accountId: 'admin', clientId: client.clientId });
    grant.addOIDCScope(scope);
    grant.addResourceScope(api, scope);
    const grantId = await grant.save();
    const token = new provider.RefreshToken({
      accountId: 'admin',
      authTime: Math.floor(Date.now() / 1000),
      client,
      expiresWithSession: false,
      grantId,
      gty: 'authorization_code',
      resource: jwt ? api : undefined,
      scope,
    });
    tokens.push(await token.save());
  }
  report({ port: server.address().port, pid: process.pid, path: '/token', tokens });
});
