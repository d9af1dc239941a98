//! Requests that this program sends to others: over HTTP, and over TLS to hosts that an authority vouches for whom this
//! machine trusts (its `ca-certificates`, or the file that `SSL_CERT_FILE` names).

use std::sync::{Arc, LazyLock};
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// The machine's authorities, read once. Without any, no host is vouched for, and TLS fails with that reason.
static TRUSTED: LazyLock<RootCerts> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs().certs;
    let owned: Vec<Certificate<'static>> = found.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    RootCerts::new_with_certs(&owned)
});

/// Sends requests, each of which ends after this time and follows so many redirects. Every status is an answer.
pub(crate) fn agent(time_max: Duration, redirects_max: u32) -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder().root_certs(TRUSTED.clone()).unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .timeout_global(Some(time_max))
        .http_status_as_error(false)
        .max_redirects(redirects_max)
        .tls_config(tls)
        .build();
    Agent::new_with_config(config)
}
