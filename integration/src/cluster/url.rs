//! A **URL** as Go's `net/url` parses and prints it: CDI takes the path of the disk for one.

/// Part of a URL; each has its own characters that stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlPart {
    Path,
    Fragment,
}

/// A URL that has no host of its own.
#[derive(Debug)]
pub(super) struct GoUrl<'a> {
    /// Path, decoded.
    pub(super) path: Vec<u8>,
    raw_path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> GoUrl<'a> {
    /// Parses a path with all that may follow it.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let (rest, fragment) = split(text, '#');
        let (raw_path, query) = split(rest, '?');
        let path = decode(raw_path)?;
        fragment.map(decode).transpose()?;
        let fragment = fragment.filter(|fragment| !fragment.is_empty());
        Ok(Self { path, raw_path, query, fragment })
    }

    /// Returns the URL as a text.
    pub(super) fn text(&self) -> String {
        let mut text = encode(self.raw_path, UrlPart::Path);
        if let Some(query) = self.query {
            text.push('?');
            text.push_str(query);
        }
        if let Some(fragment) = self.fragment {
            text.push('#');
            text.push_str(&encode(fragment, UrlPart::Fragment));
        }
        text
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(front, rest)| (front, Some(rest)))
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let (bytes, mut at, mut decoded) = (text.as_bytes(), 0, Vec::new());
    while let Some(byte) = bytes.get(at) {
        if *byte != b'%' {
            decoded.push(*byte);
            at += 1;
            continue;
        }
        let digits =
            text.get(at + 1..at + 3).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.ok_or_else(|| format!("invalid URL escape in {text:?}"))?);
        at += 3;
    }
    Ok(decoded)
}

/// Returns the text as it is where all of it may stand in the part, else with all that is reserved
/// encoded.
fn encode(raw: &str, part: UrlPart) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte);
    let stays = |byte: u8| stays(byte) || (part == UrlPart::Fragment && b"?!()*".contains(&byte));
    if raw.bytes().all(|byte| stays(byte) || b"!'()*[]%".contains(&byte)) {
        return raw.to_owned();
    }
    let encode =
        |byte: u8| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    decode(raw).unwrap_or_default().into_iter().map(encode).collect()
}
