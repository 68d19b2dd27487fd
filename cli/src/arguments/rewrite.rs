//! `--rewrite-url`: downloads from mirrors.

use diskette_builder::upstream::UrlRewrite;

/// Parses `FROM=TO`; both are the beginning of a URL.
pub(crate) fn parse_rewrite(text: &str) -> Result<UrlRewrite, String> {
    let is_url = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    match text.split_once('=') {
        Some((from, to)) if is_url(from) && is_url(to) => {
            Ok(UrlRewrite { from: from.to_owned(), to: to.to_owned() })
        }
        _ => Err("write it like `https://example.org/=http://mirror.lan/example/`".into()),
    }
}
