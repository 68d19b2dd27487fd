//! *Redaction* removes secrets from texts that are shown: users and passwords of URLs and image
//! names, and the values of the queries of URLs, which can be signatures.

use std::borrow::Cow;

/// What stands for a secret.
const MASK: &str = "…";

/// Stands for a user and a password in help texts.
const PLACEHOLDER: &str = "USER:PASSWORD";

/// Names of digest algorithms, which follow an `@` as a host would.
const ALGORITHMS: [&str; 4] = ["sha256:", "sha384:", "sha512:", "blake3:"];

/// Returns the text without secrets.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    if !text.contains('@') && !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_word) {
        let len = word.trim_end_matches(ends_word).len();
        shown.push_str(&redact_word(&word[..len]));
        shown.push_str(&word[len..]);
    }
    Cow::Owned(shown)
}

/// Returns a source text of the same length without users and passwords, so that positions in it stay
/// valid.
pub(crate) fn redact_source(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_word) {
        let bare = word.trim_end_matches(ends_word);
        match find_user(bare) {
            Some((start, end)) => {
                shown.push_str(&word[..start]);
                shown.push_str(&"*".repeat(end - start));
                shown.push_str(&word[end..]);
            }
            None => shown.push_str(word),
        }
    }
    Cow::Owned(shown)
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '`' | '\'' | '"' | '<' | '>')
}

fn redact_word(word: &str) -> String {
    let word = match find_user(word) {
        Some((start, end)) => format!("{}{MASK}{}", &word[..start], &word[end..]),
        None => word.to_owned(),
    };
    match (word.contains("://"), word.split_once('?')) {
        (true, Some((url, query))) if query.contains('=') => {
            format!("{url}?{}", redact_query(query))
        }
        _ => word,
    }
}

/// Replaces the values of a query, except those that requests to registries have.
fn redact_query(query: &str) -> String {
    let field = |field: &str| match field.split_once('=') {
        Some((
            name @ ("digest" | "mount" | "from" | "n" | "last" | "scope" | "service"),
            value,
        )) => {
            format!("{name}={value}")
        }
        Some((name, _)) => format!("{name}={MASK}"),
        None => field.to_owned(),
    };
    query.split('&').map(field).collect::<Vec<_>>().join("&")
}

/// Returns the range of `USER:PASSWORD` before an `@`.
fn find_user(word: &str) -> Option<(usize, usize)> {
    let (start, end) = find_user_part(word)?;
    (&word[start..end] != PLACEHOLDER).then_some((start, end))
}

fn find_user_part(word: &str) -> Option<(usize, usize)> {
    let Some(scheme) = word.rfind("://") else {
        let end = find_host(word)?;
        return has_password(&word[..end]).then_some((0, end));
    };
    let start = scheme + 3;
    let rest = &word[start..];
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let end = match rest[..authority].rfind('@') {
        Some(end) => end,
        // A password with one of these characters; else the `@` is part of the path.
        None if has_password(&format!("{}/", &rest[..authority])) => find_host(rest)?,
        None => return None,
    };
    (end > 0 && !is_digest(&rest[end + 1..])).then_some((start, start + end))
}

/// Returns the position of the last `@` that a host follows.
fn find_host(text: &str) -> Option<usize> {
    let mut positions = text.match_indices('@').map(|(position, _)| position).rev();
    positions.find(|position| !is_digest(&text[position + 1..]))
}

fn is_digest(text: &str) -> bool {
    ALGORITHMS.iter().any(|algorithm| text.starts_with(algorithm))
}

/// Returns whether a text is `USER:PASSWORD`, and not a host with a port or a name with a tag.
fn has_password(text: &str) -> bool {
    let Some((user, rest)) = text.split_once(':') else { return false };
    let port = rest.split('/').next().unwrap_or_default();
    let is_host = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_path = user.contains('/') || (is_host && rest.contains('/'));
    !user.is_empty() && !is_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let check = |text: &str, expected: &str| assert_eq!(redact(text), expected, "{text}");
        check("cannot read `https://me:s3cret@q.io/x`", "cannot read `https://…@q.io/x`");
        check("https://token@q.io/x", "https://…@q.io/x");
        check("https://me:p@ss@q.io/x", "https://…@q.io/x");
        check("https://me:p/ss@q.io/x", "https://…@q.io/x");
        check("https://me:p#ss@q.io/x", "https://…@q.io/x");
        check("docker://me:s3cret@q.io/x:1", "docker://…@q.io/x:1");
        check("'me:s3cret@q.io/x:1' is", "'…@q.io/x:1' is");
        check("`me:s3cret@q.io/x@sha256:00`", "`…@q.io/x@sha256:00`");
        check("https://a/=https://me:s3cret@b/", "https://a/=https://…@b/");
        check("http_proxy=http://me:s3cret@h:1", "http_proxy=http://…@h:1");
        check("https://q.io/x?sig=s3cret&b=1", "https://q.io/x?sig=…&b=…");
        check("https://q.io/u?digest=sha256:1", "https://q.io/u?digest=sha256:1");
        for same in [
            "q.io/a:1@sha256:00",
            "docker://q.io/a@sha256:00",
            "q.io:5000/a:1@sha256:00",
            "localhost:5000/x@y",
            "https://q.io/a@2x.png",
            "https://q.io:5000/a@2x.png",
            "mail me@example.org: now",
            "https://q.io/x?y",
            "a `b` 'c'",
            "`HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT`",
        ] {
            check(same, same);
        }
    }

    #[test]
    fn sources_keep_their_length() {
        let text = "url: https://me:s3cret@h/d # ä\n";
        let shown = redact_source(text);
        assert_eq!(shown, "url: https://*********@h/d # ä\n");
        assert_eq!(shown.len(), text.len());
    }
}
