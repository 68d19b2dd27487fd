//! The **log** is what was asked and what became of it.

use super::route::{Door, Kind, Request};

/// Parameters of queries that are no secrets.
const PUBLIC: [&str; 7] = ["digest", "mount", "from", "n", "last", "scope", "service"];

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which listener was asked.
    pub door: Door,
    /// `PUT`
    pub method: String,
    /// With the query, but without its secrets.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The parts it played.
    pub kinds: Vec<Kind>,
    /// Bytes of the body that came.
    pub received: u64,
    /// What was answered; `None` if nothing was.
    pub status: Option<u16>,
}

impl Asked {
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
