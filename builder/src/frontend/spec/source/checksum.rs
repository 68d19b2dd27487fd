//! The *checksum* of a source.

use super::types::SourceDetails;
use crate::frontend::spec::located::LocatedText;
use crate::recipe::Checksum;
use crate::recipe::diagnostic::Diagnostic;

/// Returns the checksum; none if none is given, or a problem was reported.
pub(super) fn lower_checksum(
    details: &SourceDetails,
    problems: &mut Vec<Diagnostic>,
) -> Option<Checksum> {
    let sha256 = details.sha256.as_ref().map(|text| (text, parse_digits(text, "sha256", 64)));
    let sha512 = details.sha512.as_ref().map(|text| (text, parse_digits(text, "sha512", 128)));
    if let (Some(_), Some((text, _))) = (&sha256, &sha512) {
        problems.push(
            Diagnostic::new("both `sha256` and `sha512` are given")
                .at(text.span.clone())
                .help("one is enough; remove the other"),
        );
    }
    let mut keep = |digits: Result<String, Diagnostic>| digits.map_err(|p| problems.push(p)).ok();
    let sha256 = sha256.and_then(|(_, digits)| keep(digits)).map(Checksum::Sha256);
    let sha512 = sha512.and_then(|(_, digits)| keep(digits)).map(Checksum::Sha512);
    sha512.or(sha256)
}

fn parse_digits(text: &LocatedText, algorithm: &str, count: usize) -> Result<String, Diagnostic> {
    let prefix = format!("{algorithm}:");
    let digits = text.value.strip_prefix(&prefix).unwrap_or(&text.value);
    let is_hexadecimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hexadecimal && digits.len() == count {
        return Ok(digits.to_ascii_lowercase());
    }
    let problem =
        Diagnostic::new(format!("this is not a {algorithm} checksum")).at(text.span.clone());
    let name = algorithm.to_uppercase().replace("SHA", "SHA-");
    Err(match digits.len() {
        64 if is_hexadecimal => {
            problem.help("it is as long as a SHA-256; write it under `sha256:`")
        }
        128 if is_hexadecimal => {
            problem.help("it is as long as a SHA-512; write it under `sha512:`")
        }
        found if is_hexadecimal => {
            problem.help(format!("a {name} has {count} hexadecimal digits, this has {found}"))
        }
        _ => problem.help(format!("a {name} is {count} hexadecimal digits, and nothing else")),
    })
}
