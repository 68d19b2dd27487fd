//! The *words* of a server: what a response says that is not what was requested, for the message to
//! the user.

use serde_json::Value;

/// The most characters of a server's words that are shown.
const WORDS_MAX: usize = 300;

/// Names of the fields in which servers explain an error in JSON, the best first.
const FIELDS: [&str; 6] =
    ["message", "error_description", "details", "detail", "error", "error_message"];

/// What servers call an error of a status, which says nothing that the status does not.
const REASONS: [&str; 22] = [
    "authorization required",
    "bad gateway",
    "bad request",
    "content too large",
    "error",
    "forbidden",
    "found",
    "gateway time-out",
    "gateway timeout",
    "internal server error",
    "length required",
    "method not allowed",
    "moved permanently",
    "not allowed",
    "not found",
    "payload too large",
    "permanent redirect",
    "request entity too large",
    "service temporarily unavailable",
    "service unavailable",
    "too many requests",
    "unauthorized",
];

/// Returns what a body says in words: the message of an error in JSON or XML, the title of a web
/// page, or the first line of a text.
pub(crate) fn server_words(body: &[u8]) -> Option<String> {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return json_words(&json).and_then(|words| printable(&words));
    }
    let text = String::from_utf8_lossy(body);
    if let Some(page) = page_words(&text) {
        return Some(page);
    }
    if text.trim_start().starts_with('<') {
        let parts = ["Code", "Message"].into_iter().filter_map(|name| element(&text, name));
        return printable(&parts.collect::<Vec<_>>().join(", "));
    }
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    printable(line).filter(|_| !text.contains('\u{fffd}')).filter(|line| is_telling(line))
}

/// Returns words for a web page; nothing if the body is none.
pub(crate) fn web_page_words(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    is_page(&text).then(|| page_words(&text).unwrap_or_else(|| "a web page".into()))
}

fn is_page(text: &str) -> bool {
    let start: String =
        text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).chars().take(1000).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("<!doctype html") || (start.starts_with('<') && start.contains("<html"))
}

/// Returns the title of a web page, unless it only names the status.
fn page_words(text: &str) -> Option<String> {
    let title = printable(&element(text, "title").filter(|_| is_page(text))?)?;
    is_telling(&title).then(|| format!("a web page, `{title}`"))
}

/// Returns whether a line says more than a status does.
fn is_telling(line: &str) -> bool {
    let words = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == '-');
    !words.is_empty() && !REASONS.contains(&words.to_ascii_lowercase().trim_end_matches('.'))
}

fn json_words(json: &Value) -> Option<String> {
    let error = match json.get("errors") {
        Some(Value::Array(errors)) => errors.first()?,
        Some(error) => error,
        None => json,
    };
    if let Some(text) = error.as_str() {
        return Some(text.to_owned());
    }
    let code = error.get("code").and_then(Value::as_str);
    let message = FIELDS.iter().find_map(|name| match error.get(name)? {
        Value::String(text) => Some(text.clone()),
        inner => inner.get("message").and_then(Value::as_str).map(str::to_owned),
    });
    let parts: Vec<&str> = [code, message.as_deref()].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns the text of the first element of a name.
fn element(text: &str, name: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let start = lower.find(&format!("<{}", name.to_ascii_lowercase()))?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</")?;
    let inner = text[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    (!inner.is_empty()).then_some(inner)
}

/// Returns a text as it can be shown; nothing if nothing is left.
pub(crate) fn printable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|char| !char.is_control()).take(WORDS_MAX).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_explain_errors_in_many_forms() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(server_words(body.as_bytes()).as_deref(), expected, "{body}");
        };
        check(
            r#"{"errors":[{"code":"DENIED","message":"not yours","detail":{}}]}"#,
            Some("DENIED, not yours"),
        );
        check(r#"{"errors":[{"code":"DENIED"}]}"#, Some("DENIED"));
        check(r#"{"errors":["not yours"]}"#, Some("not yours"));
        check(r#"{"errors":"not yours"}"#, Some("not yours"));
        check(
            r#"{"details":"incorrect username or password"}"#,
            Some("incorrect username or password"),
        );
        check(r#"{"error":"invalid_grant","error_description":"expired"}"#, Some("expired"));
        check(r#"{"error":"invalid_grant"}"#, Some("invalid_grant"));
        check(r#"{"error":{"code":403,"message":"quota"}}"#, Some("quota"));
        check(r#"{"message":"403 Forbidden: sign in"}"#, Some("403 Forbidden: sign in"));
        check("{\"errors\":[{\"message\":\"a\\u001b[31mb\"}]}", Some("a[31mb"));
        check(
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            Some("AccessDenied, Request has expired"),
        );
        check("<html><head><title>Sign in\n to X</title>", Some("a web page, `Sign in to X`"));
        check("<!DOCTYPE html><TITLE lang=en>Blocked</TITLE>", Some("a web page, `Blocked`"));
        check("<html><head><title>413 Request Entity Too Large</title></head>", None);
        check("<html><title>502 Bad Gateway</title>", None);
        check(
            "<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
            Some("a web page, `400 The plain HTTP request was sent to HTTPS port`"),
        );
        check(
            "Client sent an HTTP request to an HTTPS server.\n",
            Some("Client sent an HTTP request to an HTTPS server."),
        );
        check("404 page not found\n", Some("404 page not found"));
        check("Not Found", None);
        check("\u{fffd}\u{1}x", None);
        for nothing in
            [r#"{"errors":[]}"#, r#"{"errors":{}}"#, "{}", "[]", "1", "<html>", "<", "", "\n"]
        {
            check(nothing, None);
        }
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(1000));
        assert_eq!(server_words(long.as_bytes()).map(|text| text.len()), Some(WORDS_MAX));
    }

    #[test]
    fn web_pages_are_known_by_their_start() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(web_page_words(body.as_bytes()).as_deref(), expected, "{body}");
        };
        check("<html>", Some("a web page"));
        check(
            "\u{feff}\n<!doctype HTML><title>Hotel Wi-Fi</title>",
            Some("a web page, `Hotel Wi-Fi`"),
        );
        check("<?xml version='1.0'?><html xmlns='x'>", Some("a web page"));
        check("<?xml version='1.0'?><Error/>", None);
        check("{\"title\":\"<html>\"}", None);
        check("", None);
    }
}
