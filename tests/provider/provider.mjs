// A real OpenID Connect provider for the tests of sign-in: provider.mjs PORT REDIRECT_URL [thin].
// Whoever signs in names themselves; what the provider tells of them is set by `PUT /accounts/NAME` with their claims.
// `thin`: ID tokens hold the subject alone, and claims are told where the provider is asked for them (userinfo).
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, redirect, thin] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const accounts = new Map();
const jwk = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  clients: [{ client_id: 'netbanx', client_secret: 'a secret of the tests', redirect_uris: [redirect] }],
  claims: { openid: ['sub'], email: ['email'], profile: ['roles', 'company'] },
  conformIdTokenClaims: thin === 'thin',
  cookies: { keys: ['a key of the tests'] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_, id) => accounts.has(id) && { accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys: [{ ...jwk('rsa', { modulusLength: 2048 }), kid: String(process.pid), use: 'sig' }] },
  // Nobody is asked whether their claims may be told.
  loadExistingGrant: async (context) => {
    const grant = new provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
});

const answer = provider.callback();
createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const [, first, id, last] = url.pathname.split('/');
  if (first === 'accounts' && request.method === 'PUT') {
    let body = '';
    for await (const chunk of request) body += chunk;
    accounts.set(id, JSON.parse(body));
    response.end();
  } else if (first === 'interaction' && last === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: url.searchParams.get('account') } });
  } else if (first === 'interaction') {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><html lang="en"><title>Provider</title><main><h1>The provider</h1><form action="/interaction/${id}/login">
      <label>Account <input name="account"></label> <button>Continue</button></form></main></html>`);
  } else {
    answer(request, response);
  }
}).listen(Number(port), '127.0.0.1');
