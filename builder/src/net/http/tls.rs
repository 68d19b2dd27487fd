//! *TLS* on a stream, with the certificates that are trusted for its host.

use std::sync::PoisonError;

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};

use super::alert::{TlsProblem, refusal_reason};
use super::stream::HttpStream;
use super::trust::{ServerVerification, SystemRoots, TlsOptions};
use super::{HttpClient, HttpError, HttpOrigin, ServerPolicy};

/// Performs the TLS handshake on a stream.
pub(super) fn connect_tls(
    client: &HttpClient,
    origin: &HttpOrigin,
    policy: ServerPolicy,
    stream: HttpStream,
) -> Result<HttpStream, HttpError> {
    let host = origin.authority();
    let (connector, verify) = connector_for(client, &host, policy)?;
    let failed = |reason: String, problem| HttpError::Tls { host: host.clone(), reason, problem };
    let other = |reason: String| failed(reason, TlsProblem::Other);
    let configuration = connector.configure().map_err(|error| other(error.to_string()))?;
    let name = origin.host.trim_start_matches('[').trim_end_matches(']');
    let stream =
        configuration.verify_hostname(verify == ServerVerification::Full).connect(name, stream);
    match stream {
        Ok(stream) => Ok(HttpStream::Tls(Box::new(stream))),
        Err(HandshakeError::SetupFailure(error)) => Err(other(error.to_string())),
        Err(HandshakeError::WouldBlock(_)) => Err(HttpError::Stalled(client.options().stall)),
        Err(HandshakeError::Failure(stream)) => {
            let result = stream.ssl().verify_result();
            if result != X509VerifyResult::OK {
                return Err(failed(format!("{result}"), TlsProblem::from_verify_result(result)));
            }
            let error = stream.into_error();
            if let Some(reason) = refusal_reason(&error) {
                return Err(HttpError::ClientCertificate(reason));
            }
            match error.into_io_error() {
                Ok(error) => Err(HttpError::from_io(error, client.options().stall)),
                Err(error) => {
                    let reasons = openssl_reasons(error.ssl_error(), &error.to_string());
                    // OpenSSL reads the answer of another protocol as a record of a wrong version.
                    let is_other_protocol =
                        ["wrong version number", "http request", "packet length too long"];
                    if is_other_protocol.iter().any(|reason| reasons.contains(reason)) {
                        return Err(HttpError::NotTls(host));
                    }
                    Err(other(reasons))
                }
            }
        }
    }
}

/// Returns the messages of OpenSSL, without its codes and source lines.
fn openssl_reasons(stack: Option<&ErrorStack>, otherwise: &str) -> String {
    let reasons: Vec<&str> = stack
        .iter()
        .flat_map(|stack| stack.errors())
        .filter_map(openssl::error::Error::reason)
        .collect();
    if reasons.is_empty() { otherwise.into() } else { reasons.join(", ") }
}

fn connector_for(
    client: &HttpClient,
    host: &str,
    policy: ServerPolicy,
) -> Result<(SslConnector, ServerVerification), HttpError> {
    let shared = &client.shared;
    let wrong = |reason: String| HttpError::Certificates { host: host.into(), reason };
    let mut connectors = shared.connectors.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (host.to_owned(), policy);
    if let Some((connector, verify)) = connectors.get(&key) {
        return Ok((connector.clone(), *verify));
    }
    let mut options = shared.options.trust.for_host(host, policy.role).map_err(wrong)?;
    if policy.verification == ServerVerification::None {
        options.verify = ServerVerification::None;
    }
    if options
        .authorities
        .iter()
        .any(|pem| X509::stack_from_pem(pem).is_ok_and(|all| all.is_empty()))
    {
        return Err(wrong("a file has none in it; they begin with `-----BEGIN`".into()));
    }
    let connector = build_connector(&options, &shared.options.roots)
        .map_err(|error| wrong(openssl_reasons(Some(&error), "they cannot be read")))?;
    connectors.insert(key, (connector.clone(), options.verify));
    Ok((connector, options.verify))
}

fn build_connector(options: &TlsOptions, roots: &SystemRoots) -> Result<SslConnector, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    if options.verify == ServerVerification::None {
        builder.set_verify(SslVerifyMode::NONE);
    } else {
        for directory in &roots.directories {
            builder.load_verify_locations(None, Some(directory))?;
        }
        if let Some(file) = &roots.file {
            builder.load_verify_locations(Some(file), None)?;
        }
    }
    for pem in &options.authorities {
        for certificate in X509::stack_from_pem(pem)? {
            builder.cert_store_mut().add_cert(certificate)?;
        }
    }
    // A server certificate that is trusted itself needs no authority above it, as in Go.
    builder.cert_store_mut().set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    if let Some(certificate) = &options.certificate {
        let mut chain = X509::stack_from_pem(&certificate.chain)?.into_iter();
        if let Some(leaf) = chain.next() {
            builder.set_certificate(&leaf)?;
        }
        for authority in chain {
            builder.add_extra_chain_cert(authority)?;
        }
        builder.set_private_key(&*PKey::private_key_from_pem(&certificate.key)?)?;
        builder.check_private_key()?;
    }
    Ok(builder.build())
}
