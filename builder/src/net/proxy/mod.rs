//! A *proxy* stands between this machine and a server. Which one is used for which server follows
//! from a handful of variables, read as the programs written in Go read them (podman, skopeo,
//! docker, crane: `golang.org/x/net/http/httpproxy`); `ALL_PROXY` is curl's.

mod address;
mod exceptions;

use thiserror::Error;

pub(crate) use address::{ProxyAddress, ProxyScheme, ProxyUser};
use exceptions::ProxyExceptions;

use crate::net::secret::Secret;

/// The values of the variables. An empty value counts as none.
#[derive(Debug, Clone, Default)]
pub struct ProxyVariables {
    /// `HTTP_PROXY`, else `http_proxy`: the proxy for servers without TLS.
    pub http: Option<ProxyVariable>,
    /// `HTTPS_PROXY`, else `https_proxy`: the proxy for servers with TLS.
    pub https: Option<ProxyVariable>,
    /// `ALL_PROXY`, else `all_proxy`: the proxy where the variable of the scheme has none.
    pub all: Option<ProxyVariable>,
    /// `NO_PROXY`, else `no_proxy`: servers that are reached without one.
    pub no_proxy: Option<String>,
}

/// A variable that names a proxy.
#[derive(Debug, Clone)]
pub struct ProxyVariable {
    /// Name of the variable.
    pub name: &'static str,
    /// Its value, which can hold a password.
    pub value: Secret,
}

/// Whether a server is contacted with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestScheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// Which servers are reached through which proxy. A variable that names none is a problem of the
/// requests that need it only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Result<ProxyAddress, ProxyError>>,
    https: Option<Result<ProxyAddress, ProxyError>>,
    exceptions: ProxyExceptions,
}

/// A variable that does not name a proxy. No message repeats its value, which can hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// The scheme is not supported.
    #[error("`${0}` names a proxy that is neither `http://`, `https://` nor `socks5://`")]
    Scheme(&'static str),
    /// The value is not the address of a proxy.
    #[error("`${0}` does not name a proxy like `http://USER:PASSWORD@HOST:PORT`")]
    Address(&'static str),
}

impl ProxyError {
    /// Returns a help line for the user.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "set another one, unset it, or name the server in `NO_PROXY`",
            Self::Address(_) => {
                "in user and password, write `%40` for `@`, `%23` for `#`, `%2F` for `/`"
            }
        }
    }
}

impl Proxies {
    /// Parses the variables.
    pub fn new(variables: &ProxyVariables) -> Self {
        let read = |variable: &Option<ProxyVariable>| {
            let variable = variable.as_ref();
            let variable = variable.filter(|it| !it.value.expose().trim().is_empty());
            variable.map(ProxyAddress::parse_variable)
        };
        let all = read(&variables.all);
        Self {
            http: read(&variables.http).or_else(|| all.clone()),
            https: read(&variables.https).or(all),
            exceptions: ProxyExceptions::parse(variables.no_proxy.as_deref().unwrap_or_default()),
        }
    }

    /// Returns the variables that name no proxy, each once.
    pub fn problems(&self) -> Vec<ProxyError> {
        let all = [&self.http, &self.https].into_iter().flatten();
        let mut problems: Vec<_> = all.filter_map(|it| it.as_ref().err().copied()).collect();
        problems.dedup();
        problems
    }

    /// Returns the proxy for a server, or nothing where it is reached directly. An IPv6 address may
    /// have its brackets.
    pub(crate) fn for_server(
        &self,
        scheme: RequestScheme,
        host: &str,
        port: u16,
    ) -> Result<Option<&ProxyAddress>, ProxyError> {
        let proxy = match scheme {
            RequestScheme::Http => self.http.as_ref(),
            RequestScheme::Https => self.https.as_ref(),
        };
        let proxy = proxy.filter(|_| !self.exceptions.contains(host, port));
        proxy.map(Result::as_ref).transpose().map_err(|error| *error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &'static str, value: &str) -> ProxyVariable {
        ProxyVariable { name, value: Secret::new(value) }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let check = |http: &str, https: &str, all: &str, expected: [Option<&str>; 2]| {
            let variables = ProxyVariables {
                http: Some(variable("HTTP_PROXY", http)),
                https: Some(variable("HTTPS_PROXY", https)),
                all: Some(variable("ALL_PROXY", all)),
                no_proxy: Some("direct.org".into()),
            };
            let proxies = Proxies::new(&variables);
            let host =
                |scheme| proxies.for_server(scheme, "q.io", 443).unwrap().map(ProxyAddress::host);
            assert_eq!([host(RequestScheme::Http), host(RequestScheme::Https)], expected);
            assert_eq!(proxies.for_server(RequestScheme::Https, "direct.org", 443), Ok(None));
        };
        check("", "", "", [None, None]);
        check("http://a", "", "", [Some("a"), None]);
        check("", "http://b", "", [None, Some("b")]);
        check("http://a", "http://b", "http://c", [Some("a"), Some("b")]);
        check("", " ", "http://c", [Some("c"), Some("c")]);
        check("http://a", "", "http://c", [Some("a"), Some("c")]);
    }

    #[test]
    fn a_bad_value_is_named_but_not_shown() {
        let check = |value: &str, expected: &str| {
            let https = Some(variable("https_proxy", value));
            let no_proxy = Some("direct.org".to_owned());
            let proxies =
                Proxies::new(&ProxyVariables { https, no_proxy, ..ProxyVariables::default() });
            let proxy = |scheme, host| proxies.for_server(scheme, host, 443);
            let error = proxy(RequestScheme::Https, "q.io").unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert_eq!(proxies.problems(), [error]);
            // What does not need it is not stopped.
            assert_eq!(proxy(RequestScheme::Http, "q.io"), Ok(None));
            for host in ["localhost", "127.0.0.1", "direct.org"] {
                assert_eq!(proxy(RequestScheme::Https, host), Ok(None), "{host}");
            }
        };
        let address = "`$https_proxy` does not name a proxy like `http://USER:PASSWORD@HOST:PORT`";
        check("http://u:hunter2@:80", address);
        check("http://u:hunter2@h:port", address);
        check("http://u:hunt#er2@h", address);
        check("http://u:h@unt#er2@h", address);
        check("a b", address);
        let scheme =
            "`$https_proxy` names a proxy that is neither `http://`, `https://` nor `socks5://`";
        check("socks4://u:hunter2@h", scheme);
        check("ftp://u:hunter2@h", scheme);
    }
}
