//! The **log** has the requests and their responses.

use super::route::{RegistryPort, Request, RequestKind};

/// Query parameters that are not secrets.
const PUBLIC: [&str; 7] = ["digest", "mount", "from", "n", "last", "scope", "service"];

/// One request.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// Port that received the request.
    pub door: RegistryPort,
    /// `PUT`
    pub method: String,
    /// With the query, but without its secrets.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Kinds of the request.
    pub kinds: Vec<RequestKind>,
    /// Number of received bytes of the body.
    pub received: u64,
    /// Status of the response; `None` if there was none.
    pub status: Option<u16>,
}

impl LoggedRequest {
    pub(super) fn new(request: &Request<'_>, received: u64, status: Option<u16>) -> Self {
        let head = request.head;
        let public = head.query.iter().filter(|(name, _)| PUBLIC.contains(&&name[..]));
        let query: Vec<_> = public.map(|(name, value)| format!("{name}={value}")).collect();
        let separator = if query.is_empty() { "" } else { "?" };
        let headers = head.headers.iter();
        Self {
            door: request.door,
            method: head.method.clone(),
            path: format!("{}{separator}{}", head.path, query.join("&")),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
            kinds: request.kinds.clone(),
            received,
            status,
        }
    }

    /// Returns a header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(found, _)| found == name);
        header.map(|(_, value)| value.as_str())
    }

    /// Returns `GET /v2/ 200`.
    pub fn line(&self) -> String {
        let status = self.status.map_or("-".to_owned(), |status| status.to_string());
        format!("{} {} {status}", self.method, self.path)
    }
}
