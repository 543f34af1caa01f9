//! What the provider is asked: its configuration and keys, kept for a while; tokens for a code; and the claims of a person.

use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreJwsSigningAlgorithm, CoreProviderMetadata,
        CoreTokenResponse,
    },
    http,
};
use serde_json::{Map, Value};
use settings::OidcSettings;
use store::users::federated::{self, Person};
use tokio::sync::Mutex;

use super::{
    Failed, Refused,
    fetch::{self, answer, unavailable},
    pending::Pending,
    rights,
};
use http_service::Problem;

/// For how long the provider's configuration and keys are believed.
const CONFIGURATION: Duration = Duration::from_secs(600);
/// How soon they may be asked again, for a key that is not among them.
const KEYS_AGAIN: Duration = Duration::from_secs(10);
/// Algorithms that a provider signs ID tokens by: none that our own secret would do for.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// A client that knows the provider's configuration.
type Configured = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Claims of a person, as JSON.
pub(super) type Claims = Map<String, Value>;

/// Somebody whom the provider proved.
pub(crate) struct Known {
    subject: String,
    email: Option<String>,
    pub(super) claims: Claims,
}

impl Known {
    /// Who that is.
    pub fn person<'p>(&'p self, issuer: &'p str) -> Person<'p> {
        Person { issuer, subject: &self.subject, email: self.email.as_deref() }
    }
}

/// The provider.
#[derive(Debug)]
pub(super) struct Provider {
    settings: OidcSettings,
    secret: ClientSecret,
    client: reqwest::Client,
    /// The configuration, and since when. Asked for by one request at a time.
    metadata: Mutex<Option<(Instant, Arc<CoreProviderMetadata>)>>,
}

impl Provider {
    /// The one that the settings name; it is asked when it is needed.
    pub fn new(settings: OidcSettings) -> Result<Self, crate::Error> {
        let secret = ClientSecret::new(settings.require_client_secret()?.to_owned());
        let bad = |error| std::io::Error::other(format!("the client for the sign-in provider: {error}"));
        Ok(Self { settings, secret, client: fetch::client().map_err(bad)?, metadata: Mutex::default() })
    }

    /// Where a browser goes to sign in, the state under which it comes back, and what its answer has to fit.
    pub async fn begin(&self) -> Result<(String, String, Pending), Problem> {
        let client = self.configured(&*self.metadata(CONFIGURATION).await?)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        // `openid` is always asked for.
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = asked.url();
        let pending = Pending { nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok((url.into(), state.into_secret(), pending))
    }

    /// Who got `code` for the sign-in `pending`.
    pub async fn who(&self, code: String, pending: Pending) -> Result<Known, Failed> {
        let metadata = self.metadata(CONFIGURATION).await?;
        let client = self.configured(&metadata)?;
        let http = self.http();
        let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|e| failed("its configuration", &e))?;
        let verifier = PkceCodeVerifier::new(pending.verifier);
        let tokens = exchange.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => Failed::Refused(Refused::Code),
            other => Failed::Problem(failed("its tokens", &other)),
        })?;
        let token = tokens.id_token().ok_or(Refused::IdToken)?;
        let (nonce, subject) = (Nonce::new(pending.nonce), |client: &Configured, nonce: &Nonce| verified(client, token, nonce));
        let subject = match subject(&client, &nonce) {
            // The provider has new keys.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                subject(&self.configured(&*self.metadata(KEYS_AGAIN).await?)?, &nonce)
            }
            other => other,
        };
        let subject = subject.map_err(|error| {
            tracing::warn!(%error, "an ID token was refused");
            Refused::IdToken
        })?;
        let claims = self.claims(&metadata, token, &tokens, &subject).await?;
        let email = claims.get("email").and_then(Value::as_str).map(str::to_owned);
        let known = Known { subject, email, claims };
        if federated::can_be_kept(known.person(&self.settings.issuer)) { Ok(known) } else { Err(Refused::IdToken.into()) }
    }

    /// The claims of the verified `token`; with those that the provider tells where it is asked, if some are missing.
    async fn claims(
        &self,
        metadata: &CoreProviderMetadata,
        token: &CoreIdToken,
        tokens: &CoreTokenResponse,
        subject: &str,
    ) -> Result<Claims, Failed> {
        let mut claims = payload(&token.to_string()).ok_or(Refused::IdToken)?;
        let needed = [Some("email"), Some(self.settings.roles_claim.as_str()), self.settings.company_claim.as_deref()];
        let is_complete = needed.into_iter().flatten().all(|name| rights::claim(&claims, name).is_some());
        let Some(address) = metadata.userinfo_endpoint().filter(|_| !is_complete) else { return Ok(claims) };
        let request = http::Request::get(address.as_str())
            .header(http::header::AUTHORIZATION, format!("Bearer {}", tokens.access_token().secret()))
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|e| failed("its configuration", &e))?;
        let told = answer(self.client.clone(), request).await.map_err(|e| failed("its claims", &e))?;
        if !told.status().is_success() {
            return Err(failed("its claims", &told.status()).into());
        }
        let told: Claims = serde_json::from_slice(told.body()).map_err(|e| failed("its claims", &e))?;
        // Claims of somebody else, or of nobody, are none of theirs.
        if told.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(Refused::IdToken.into());
        }
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
        Ok(claims)
    }

    /// The provider's configuration and keys, as of `age` ago at most.
    async fn metadata(&self, age: Duration) -> Result<Arc<CoreProviderMetadata>, Problem> {
        let mut kept = self.metadata.lock().await;
        if let Some((_, known)) = kept.as_ref().filter(|(since, _)| since.elapsed() < age) {
            return Ok(known.clone());
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|e| failed("its address", &e))?;
        let told = CoreProviderMetadata::discover_async(issuer, &self.http()).await;
        let told = Arc::new(told.map_err(|e| failed("its configuration", &e))?);
        *kept = Some((Instant::now(), told.clone()));
        Ok(told)
    }

    fn configured(&self, metadata: &CoreProviderMetadata) -> Result<Configured, Problem> {
        let redirect = RedirectUrl::new(self.settings.redirect_url.clone()).map_err(|e| failed("our address", &e))?;
        // What a provider takes that says nothing is by the header.
        let takes_header = metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let shown = if takes_header { AuthType::BasicAuth } else { AuthType::RequestBody };
        let id = ClientId::new(self.settings.client_id.clone());
        Ok(CoreClient::from_provider_metadata(metadata.clone(), id, Some(self.secret.clone()))
            .set_redirect_uri(redirect)
            .set_auth_type(shown))
    }

    fn http(
        &self,
    ) -> impl Fn(HttpRequest) -> futures::future::BoxFuture<'static, Result<openidconnect::HttpResponse, fetch::Error>> {
        let client = self.client.clone();
        move |request| Box::pin(answer(client.clone(), request))
    }
}

/// The subject of `token`, if it is the provider's, for us, and for the sign-in with that `nonce`.
fn verified(client: &Configured, token: &CoreIdToken, nonce: &Nonce) -> Result<String, ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
    Ok(token.claims(&verifier, nonce)?.subject().as_str().to_owned())
}

/// The claims that a signed token holds; its signature was verified before.
fn payload(token: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn failed(what: &str, error: &dyn Display) -> Problem {
    tracing::warn!(%error, "the sign-in provider: {what}");
    unavailable()
}
